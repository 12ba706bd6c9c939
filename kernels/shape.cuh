// The tile shape a GEMM kernel is compiled for, from the macros of its compilation.
//   TILE_M x TILE_N   the block's tile            WARP_M x WARP_N   a warp's part of it
//   STAGE_BYTES       bytes of K a stage: 64, 128  STAGES           buffers of the pipeline
#pragma once
#include "tile.cuh"

typedef Tile<TILE_M, TILE_N, WARP_M, WARP_N, STAGE_BYTES, STAGES> T;
