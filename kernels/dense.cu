// dense: a plain linear layer over all tokens, up to three of them (q, k, v) that share a shape.
//
//   OUTPUT 0:  out[t, :]  = act(x[t, :] W + b)      Elem
//   OUTPUT 1:  out[t, :]  = the same                float (logits, the stream's first value)
//   OUTPUT 2:  out[t, :] += the same                float, the residual stream, in place
//
// Tile: TILE_M x TILE_N of [tokens, n]. Pipeline: tile.cuh.
// Grid: (ceil(max tokens / TILE_M), padded columns / TILE_N, sites); block kThreads; dynamic shared STAGES * (TILE_M + TILE_N) * STAGE_BYTES.
#include "activation.cuh"
#include "shape.cuh"

struct DenseSite {
    const void* x;            // Elem [tokens, x_pitch]
    const void* w;            // packed [k, n]
    const float* b;           // [n padded to 64], zeros where the model has none
    void* out;                // Elem or float [tokens, out_pitch]
};
struct DenseArgs {
    DenseSite site[3];
    const int* tokens;            // rows of x that count, on the device
    int x_pitch, out_pitch;       // elements
    int steps;                    // k-steps of w: k padded to 64, * sizeof(Elem) / 32
    int columns;                  // of out, a multiple of 8; Elem outputs: of the pitch, so that the padding becomes zeros
};

KERNEL(T::kThreads, 1) dense(const UNIFORM DenseArgs args)
{
    wait_for_kernel_ahead();
    extern __shared__ ALIGNED(128) u8 shared_bytes[];
    const int z = block_z();
    const DenseSite site = z == 0 ? args.site[0] : z == 1 ? args.site[1] : args.site[2];
    const int m0 = block_x() * T::BM, n0 = block_y() * T::BN, rows = *args.tokens;
    if (m0 >= rows) return;

    const int thread = thread_index();
    const u32 shared = shared_address(shared_bytes);
    WholeRows<T> a;
    a.aim(shared, thread, [&](int r, const u8*& start) {
        const bool there = m0 + r < rows;
        start = (const u8*)site.x + (there ? (u64)(m0 + r) * args.x_pitch * kElemBytes : 0);
        return there;
    });
    PackedColumns<T> b;
    b.aim(thread, site.w, n0, args.steps);
    T tile;
    tile.clear();
    tile.multiply_all(shared, thread, T::reach(args.steps / T::kStepsPerStage, rows - m0, rows - m0 - T::warp_row(thread / 32)), a, b);

    tile.finish(thread, m0, n0,
        [&](int column, float (&bias)[8]) { read8(site.b + column, bias); },
        [&](int row, int column, float (&v)[8], const float (&bias)[8]) {
#pragma unroll
            for (int e = 0; e < 8; e++) v[e] = activate<ACTIVATION>(v[e] + bias[e]);
            const u64 at = (u64)row * args.out_pitch;
            float* to = (float*)site.out + at;
            if (OUTPUT == 0) store_elems((Elem*)site.out + at, column, args.columns, row < rows, v);
            else store_floats(to, OUTPUT == 2 ? to : nullptr, column, args.columns, row < rows, v);
        });
}
