// One output tile of a matrix product, C[BM, BN] += A[BM, K] B[K, BN], as a pipeline over K. Every GEMM of this folder is this loop.
//
// ACTIVATIONS (A, C). Row-major, `pitch` elements from row to row, pitch a multiple of 64, base 16-byte aligned. K is taken in whole stages
// of KB bytes: what a row's reader may see beyond the matrix's width is zeros, written by the op that wrote the row.
//
// PACKED WEIGHTS (B). A matrix W[K][N] (input-major) is packed once, at load. Kp = K up to a multiple of 64, Np = N up to a multiple of 64,
// both filled with zeros. S = Kp * sizeof(Elem) / 32 k-steps. The packed matrix is Np/16 * S *blocks* of 512 bytes: block (q, s), at byte
// (q * S + s) * 512, holds k-step s of 16 of the 32 columns from 32 (q / 2) on. A block is 32 *chunks* of 16 bytes, one per lane; the chunk of
// lane L lies at position L ^ ((L >> 3) & 3). With g = L / 4, t = L % 4 and, for h = 0, 1,
//       column(h) = (q / 2) * 32 + (g >> 1) * 8 + ((q % 2) * 2 + h) * 2 + (g & 1)
// the chunk holds, in this order,
//   16-bit types, k0 = 16 s:  for h = 0, 1:  W[k0+2t][column(h)], W[k0+2t+1][column(h)], W[k0+2t+8][column(h)], W[k0+2t+9][column(h)]
//   32-bit types, k0 =  8 s:  for h = 0, 1:  W[k0+t][column(h)], W[k0+t+4][column(h)]                (rounded to tf32 for TF32)
// Why: a lane's whole part of a k-step is one 16-byte read, a stage is copied as it lies, and the columns are dealt so that a lane's
// accumulators of 32 columns are 8 neighbours: columns 8t..8t+7 (see finish below), one 16-byte store in a 16-bit type.
// The order does not depend on BM, BN, KB: every tile shape reads the same copy.
//
// THE PIPELINE. DEPTH buffers of (BM + BN) * KB bytes, DEPTH - 1 of them in flight, one barrier a stage; while no row ends, the stages are
// unrolled so that all addresses are a register plus a constant; then one by one, each warp as far as its own rows go (half of them, in steps). A's 16-byte chunks are XOR-swizzled: ldmatrix and the copies touch every bank once.
// Sums run over k in ascending order, one k-step after another, in every shape: the bits of an element do not depend on the tile.
#pragma once
#include "precision.cuh"

template <int BlockM, int BlockN, int WarpM, int WarpN, int StageBytes, int Stages> struct Tile {
    static constexpr int BM = BlockM, BN = BlockN, WM = WarpM, WN = WarpN, KB = StageBytes, DEPTH = Stages;
    static constexpr int kThreads = (BM / WM) * (BN / WN) * 32;
    static constexpr int kStepsPerStage = KB / kStepBytes;
    static constexpr int kBytesA = BM * KB, kStageBytes = (BM + BN) * KB, kSharedBytes = DEPTH * kStageBytes;
    static constexpr int MI = WM / 16, NI = WN / 8;
    static constexpr int kChunksPerRow = KB / 16, kRowsPerPass = kThreads / kChunksPerRow;
    static constexpr int kCopiesA = (BM + kRowsPerPass - 1) / kRowsPerPass, kCopiesB = BN * KB / 16 / kThreads;
    static_assert(KB == 64 || KB == 128, "a stage is 64 or 128 bytes of K");
    static_assert(WM % 16 == 0 && WN % 32 == 0 && kRowsPerPass % 8 == 0 && BN * KB / 16 % kThreads == 0, "whole fragments, whole copies");

    // Stages of one turn of the unrolled loop; of a pipeline of two large ones, twice round, so that what a turn costs once weighs half.
    static constexpr int kTurn = DEPTH == 2 && KB == 128 ? 4 : DEPTH;
    // How often B's pointers move: what lies between must fit the +-2 KB that cp.async takes as a constant.
    static constexpr int kStagesPerAdvance = DEPTH * KB <= 256 ? DEPTH : DEPTH % 2 == 0 && 2 * KB <= 256 ? 2 : 1;

    float sum[MI][NI][4];

    // Position of 16-byte chunk `c` of row `r` in the row's KB bytes.
    DEVICE_MEMBER static int place(int r, int c)
    {
        return KB == 64 ? c ^ ((r >> 1) & 3) : c ^ (((r & 1) << 2) | ((r >> 1) & 3));
    }
    DEVICE_MEMBER static int warp_row(int warp) { return warp / (BN / WN) * WM; }
    DEVICE_MEMBER static int warp_column(int warp) { return warp % (BN / WN) * WN; }

    DEVICE_MEMBER void clear()
    {
#pragma unroll
        for (int i = 0; i < MI; i++)
#pragma unroll
            for (int j = 0; j < NI; j++)
#pragma unroll
                for (int e = 0; e < 4; e++) sum[i][j][e] = 0.0f;
    }

    // The finished tile, eight neighbouring columns at a time: columns(column, c) fetches what they have in common, then
    // row(row, column, v, c) takes the sums of each row. Rows and columns are numbered from m0 and n0 on.
    template <class Columns, class Row>
    DEVICE_MEMBER void finish(int thread, int m0, int n0, const Columns& columns, const Row& row) const
    {
        const int lane = thread % 32, warp = thread / 32;
        const int row0 = m0 + warp_row(warp) + lane / 4, column0 = n0 + warp_column(warp) + lane % 4 * 8;
#pragma unroll
        for (int g = 0; g < WN / 32; g++) {
            float c[8];
            columns(column0 + g * 32, c);
#pragma unroll
            for (int i = 0; i < MI; i++)
#pragma unroll
                for (int h = 0; h < 2; h++) {
                    float v[8];
#pragma unroll
                    for (int j = 0; j < 4; j++) {
                        v[2 * j] = sum[i][4 * g + j][2 * h];
                        v[2 * j + 1] = sum[i][4 * g + j][2 * h + 1];
                    }
                    row(row0 + i * 16 + h * 8, column0 + g * 32, v, c);
                }
        }
    }

    // Where a lane reads its operands; constant through the kernel. One address of A per k-step of a stage, since the swizzle is an XOR.
    struct Operands {
        u32 a[kStepsPerStage];
        u32 b;
    };
    DEVICE_MEMBER static Operands operands(u32 shared, int thread)
    {
        const int lane = thread % 32, warp = thread / 32;
        Operands o;
#pragma unroll
        for (int s = 0; s < kStepsPerStage; s++) {
#if PRECISION != FP32
            const int row = warp_row(warp) + lane % 16;
            o.a[s] = shared + row * KB + place(row, 2 * s + lane / 16) * 16;
#else
            const int row = warp_row(warp) + lane / 4;
            o.a[s] = shared + row * KB + place(row, 2 * s) * 16;      // its neighbour 2s + 1 is this address XOR 16
#endif
        }
        o.b = shared + kBytesA + warp_column(warp) * KB;
#if PRECISION != FP32
        o.b = opaque(o.b + (lane ^ ((lane >> 3) & 3)) * 16);
#endif
        return o;
    }

    DEVICE_MEMBER static Operands at_stage(const Operands& o, int stage)
    {
        Operands moved = o;
#pragma unroll
        for (int s = 0; s < kStepsPerStage; s++) moved.a[s] += stage * kStageBytes;
        moved.b += stage * kStageBytes;
        return moved;
    }

    DEVICE_MEMBER static FragmentA read_a(const Operands& o, int stage, int step, int i)
    {
        FragmentA f;
#if PRECISION != FP32
        f.v = load_matrices(o.a[step] + stage * kStageBytes + i * 16 * KB);
#else
#pragma unroll
        for (int h = 0; h < 2; h++)
#pragma unroll
            for (int c = 0; c < 2; c++) {
                const Words4 w = load_shared((o.a[step] ^ (c * 16)) + stage * kStageBytes + (i * 16 + h * 8) * KB);
#pragma unroll
                for (int e = 0; e < 4; e++) f.v[h][4 * c + e] = float_of(w.w[e]);
            }
#endif
        return f;
    }
    DEVICE_MEMBER static FragmentB read_b(const Operands& o, int stage, int step, int group)
    {
        const int block = stage * kStageBytes + group * 16 * KB + step * 512;
        FragmentB f;
#if PRECISION != FP32
        f.v = load_shared(o.b + block);
#else
        const int t = thread_index() % 4;
#pragma unroll
        for (int e = 0; e < 2; e++)
#pragma unroll
            for (int k = 0; k < 4; k++) {
                const Words4 w = load_shared(o.b + block + ((8 * t + 4 * e + k) ^ t) * 16);
                f.v[e][k] = float_of(w.w[0]);
                f.v[e][k + 4] = float_of(w.w[1]);
                f.v[2 + e][k] = float_of(w.w[2]);
                f.v[2 + e][k + 4] = float_of(w.w[3]);
            }
#endif
        return f;
    }

    // Fragments is MI, or fewer where the warp's last rows have no part in the stage.
    template <int Fragments> DEVICE_MEMBER void multiply_stage(const Operands& o, int stage)
    {
#pragma unroll
        for (int s = 0; s < kStepsPerStage; s++) {
            FragmentA a[Fragments];
#pragma unroll
            for (int i = 0; i < Fragments; i++) a[i] = read_a(o, stage, s, i);
#pragma unroll
            for (int j = 0; j < NI / 2; j++) {
                const FragmentB b = read_b(o, stage, s, j);
#pragma unroll
                for (int i = 0; i < Fragments; i++) multiply(sum[i][2 * j], sum[i][2 * j + 1], a[i], b);
            }
        }
    }

    // How far each part of a tile goes, in stages of K: rows end early, and a warp whose rows have ended multiplies nothing.
    struct Reach {
        int tiles;            // the block's longest row
        int whole;            // every row of the block
        int full, some;       // all fragments of this warp; the first half of them
    };
    static constexpr int kHalf = (MI + 1) / 2, kHalfRow = kHalf % MI * 16;      // fragments of the first half; where the other begins, if there is one
    // For rows that take all of K or nothing: `block` rows of the tile, `warp` rows from this warp's first one on.
    DEVICE_MEMBER static Reach reach(int tiles, int block, int warp)
    {
        return Reach{tiles, block >= BM ? tiles : 0, warp > kHalfRow ? tiles : 0, warp > 0 ? tiles : 0};
    }

    // Adds the stages of K. RowsA and ColumnsB copy the parts of one stage: issue(shared address of the part, stage counted from where they
    // stand), and advance(stages); RowsA's issue<true> is for stages that every row takes, and passed(stages) counts what its limits have seen.
    template <class RowsA, class ColumnsB> DEVICE_MEMBER void multiply_all(u32 shared, int thread, const Reach& reach, RowsA& a, ColumnsB& b)
    {
        const Operands o = operands(shared, thread);
#pragma unroll
        for (int s = 0; s < DEPTH - 1; s++) {
            if (s < reach.tiles) {
                a.template issue<false>(shared + s * kStageBytes, s);
                b.issue(shared + s * kStageBytes + kBytesA, 0);
            }
            b.advance(1);
            end_copy_group();
        }
        // The bulk: nothing ends in these stages, neither where they multiply nor where they copy ahead. (Before sm_80 a copy passes through
        // registers, of which unrolled stages would take too many.)
        const int bulk = __CUDA_ARCH__ < 800 ? 0 : least(reach.full, most(reach.whole - (DEPTH - 1), 0)) / kTurn * kTurn;
#pragma unroll 1
        for (int done = 0; done < bulk; done += kTurn) {
#pragma unroll
            for (int s = 0; s < kTurn; s++) {
                wait_copy_groups<DEPTH - 2>();
                block_barrier();
                const int into = (s + DEPTH - 1) % DEPTH;
                a.template issue<true>(shared + into * kStageBytes, s + DEPTH - 1);
                b.issue(shared + into * kStageBytes + kBytesA, s % kStagesPerAdvance);
                if ((s + 1) % kStagesPerAdvance == 0) b.advance(kStagesPerAdvance);
                end_copy_group();
                multiply_stage<MI>(o, s % DEPTH);
            }
            a.advance(kTurn);
        }
        a.passed(bulk);
        int slot = 0;
#pragma unroll 1
        for (int done = bulk; done < reach.tiles; done++) {
            wait_copy_groups<DEPTH - 2>();
            block_barrier();
            if (done + DEPTH - 1 < reach.tiles) {
                const u32 into = shared + (slot == 0 ? DEPTH - 1 : slot - 1) * kStageBytes;
                a.template issue<false>(into, DEPTH - 1);
                b.issue(into + kBytesA, 0);
                a.advance(1);
                a.passed(1);
                b.advance(1);
            }
            end_copy_group();
            if (done < reach.full)
                multiply_stage<MI>(at_stage(o, slot), 0);
            else if (MI > kHalf && done < reach.some)
                multiply_stage<kHalf>(at_stage(o, slot), 0);
            slot = slot + 1 == DEPTH ? 0 : slot + 1;
        }
    }
};

// Rows of A in global memory, each with its own start, that are there for all of K or not at all: the places of the latter are zeroed
// once, in every stage, and never copied to.
template <class T> struct WholeRows {
    const u8* at[T::kCopiesA];
    u32 there;            // a bit a row: there are too few predicates
    u32 to;

    // row(r, start) finds row r of the tile and says whether it is there.
    template <class Row> DEVICE_MEMBER void aim(u32 shared, int thread, const Row& row)
    {
        const int r0 = thread / T::kChunksPerRow, c = thread % T::kChunksPerRow;
        to = r0 * T::KB + T::place(r0, c) * 16;
        there = 0;
#pragma unroll
        for (int i = 0; i < T::kCopiesA; i++) {
            const int r = r0 + i * T::kRowsPerPass;
            const bool found = r < T::BM && row(r, at[i]);
            there |= (u32)found << i;
            at[i] += c * 16;
            if (r < T::BM && !found)
                for (int s = 0; s < T::DEPTH; s++) store_shared(shared + to + s * T::kStageBytes + i * T::kRowsPerPass * T::KB, Words4{{0, 0, 0, 0}});
        }
    }
    template <bool All> DEVICE_MEMBER void issue(u32 shared, int stage) const
    {
#pragma unroll
        for (int i = 0; i < T::kCopiesA; i++)
            if (All && T::BM % T::kRowsPerPass == 0)
                copy(shared + to + i * T::kRowsPerPass * T::KB, at[i] + stage * T::KB);
            else
                copy_if(shared + to + i * T::kRowsPerPass * T::KB, at[i] + stage * T::KB, there >> i & 1);
    }
    DEVICE_MEMBER void advance(int stages)
    {
#pragma unroll
        for (int i = 0; i < T::kCopiesA; i++) at[i] = ahead(at[i], stages * T::KB);
    }
    DEVICE_MEMBER void passed(int) {}
};

// Rows of A in global memory, each with its own start and its own end: chunk c of a stage is copied where it begins below the row's limit
// (bytes of K that this row takes), and is zeros from there on. A limit of 0 is a row that is not there.
template <class T> struct EndingRows {
    const u8* at[T::kCopiesA];
    int limit[T::kCopiesA];
    u32 to;

    // row(r, start) finds row r of the tile and gives its limit.
    template <class Row> DEVICE_MEMBER void aim(int thread, const Row& row)
    {
        const int r0 = thread / T::kChunksPerRow, c = thread % T::kChunksPerRow;
        to = r0 * T::KB + T::place(r0, c) * 16;
#pragma unroll
        for (int i = 0; i < T::kCopiesA; i++) {
            limit[i] = row(r0 + i * T::kRowsPerPass, at[i]) - c * 16;
            at[i] += c * 16;
        }
    }
    template <bool All> DEVICE_MEMBER void issue(u32 shared, int stage) const
    {
#pragma unroll
        for (int i = 0; i < T::kCopiesA; i++)
            if (T::BM % T::kRowsPerPass == 0 || thread_index() / T::kChunksPerRow < T::BM) {
                if (All)
                    copy(shared + to + i * T::kRowsPerPass * T::KB, at[i] + stage * T::KB);
                else
                    copy_or_zero(shared + to + i * T::kRowsPerPass * T::KB, at[i] + stage * T::KB, stage * T::KB < limit[i]);
            }
    }
    DEVICE_MEMBER void advance(int stages)
    {
#pragma unroll
        for (int i = 0; i < T::kCopiesA; i++) at[i] = ahead(at[i], stages * T::KB);
    }
    DEVICE_MEMBER void passed(int stages)
    {
#pragma unroll
        for (int i = 0; i < T::kCopiesA; i++) limit[i] -= stages * T::KB;
    }
};

// BN columns of a packed matrix, from column `first` (a multiple of 32) on; `steps` = S of the packing. A warp copies whole runs of
// neighbouring bytes, 512 at a time. The pointers stand 2 KB ahead (see kStagesPerAdvance). In place of columns from `needed` on, which
// nobody may ask for, the first ones are copied again: memory need not give more for them.
template <class T> struct PackedColumns {
    static constexpr int kWarpBytes = T::kCopiesB * 512, kRun = 16 * T::KB;           // a warp's share of a stage; what lies together of it
    static constexpr int kRuns = kWarpBytes > kRun ? kWarpBytes / kRun : 1;
    const u8* at[kRuns];
    u32 to;

    DEVICE_MEMBER void aim(int thread, const void* packed, int first, int steps, int needed = 0x7fffffff)
    {
        const int byte = thread / 32 * kWarpBytes;
        to = byte + thread % 32 * 16;
#pragma unroll
        for (int i = 0; i < kRuns; i++) {
            int q = first / 16 + byte / kRun + i;
            if (q / 2 * 32 >= needed) q = first / 16;
            at[i] = opaque((const u8*)packed + ((u64)q * steps * 512 + byte % kRun + thread % 32 * 16 + 2048));
        }
    }
    DEVICE_MEMBER void issue(u32 shared, int stage) const
    {
#pragma unroll
        for (int i = 0; i < T::kCopiesB; i++)
            copy(shared + to + i * 512, at[i * 512 / kRun] + (stage * kRun + i * 512 % kRun - 2048));
    }
    DEVICE_MEMBER void advance(int stages)
    {
#pragma unroll
        for (int i = 0; i < kRuns; i++) at[i] = ahead(at[i], stages * kRun);
    }
};
