// acm_up: the first half of an ACM, for all learners and up to three ACMs (sites) that share an input.
//
//   hidden[p, :] = act(x[order[p], :] W1 + b1)        p = 0 .. M_n - 1 for the columns of learner n
//
// Rows are tokens sorted by descending k (route.cuh), so learner n's tokens are the first M_n rows and tile (m, n) runs iff its first row is
// one of them: a staircase. A row beyond M_n that shares a tile with one before it is read as zeros and not stored; columns of a learner that no
// row of the tile takes are not read.
//
// Tile: TILE_M x TILE_N of [tokens, N * D], rows gathered through the permutation as they are copied. Pipeline: tile.cuh. Epilogue: bias,
// activation, one 16-byte store per 8 columns (two in the 32-bit types).
// Grid: (ceil(max tokens / TILE_M), padded columns / TILE_N, sites); block kThreads; dynamic shared STAGES * (TILE_M + TILE_N) * STAGE_BYTES.
#include "activation.cuh"
#include "routing.cuh"
#include "shape.cuh"

struct UpSite {
    const void* x;            // Elem [tokens, x_pitch]
    const void* w1;           // packed [d, N * D]
    const float* b1;          // [N * D padded to 64], zeros where the model has none
    const int* order;         // [tokens]: sorted place to token
    const int* counts;        // [N + 1]: counts[n] = M_n, counts[0] = tokens
    void* hidden;             // Elem [tokens, hidden_pitch]
};
struct UpArgs {
    UpSite site[3];
    int x_pitch, hidden_pitch;    // elements
    int steps;                    // k-steps of w1: d padded to 64, * sizeof(Elem) / 32
    int learners, learner_size;
};

KERNEL(T::kThreads, 1) acm_up(const UNIFORM UpArgs args)
{
    wait_for_kernel_ahead();
    extern __shared__ ALIGNED(128) u8 shared_bytes[];
    const int z = block_z();
    const UpSite site = z == 0 ? args.site[0] : z == 1 ? args.site[1] : args.site[2];
    const int m0 = block_x() * T::BM, n0 = block_y() * T::BN;
    const int learner = least(n0 / args.learner_size, args.learners - 1);
    const int rows = site.counts[learner + 1];
    if (m0 >= rows) return;

    const int thread = thread_index();
    const u32 shared = shared_address(shared_bytes);
    WholeRows<T> a;
    a.aim(shared, thread, [&](int r, const u8*& start) {
        const bool there = m0 + r < rows;
        start = (const u8*)site.x + (there ? (u64)site.order[m0 + r] * args.x_pitch * kElemBytes : 0);
        return there;
    });
    PackedColumns<T> b;
    b.aim(thread, site.w1, n0, args.steps, learners_of_row(m0, site.counts, args.learners) * args.learner_size);
    T tile;
    tile.clear();
    const int warp = thread / 32, mine = site.counts[least((n0 + T::warp_column(warp)) / args.learner_size, args.learners - 1) + 1];
    tile.multiply_all(shared, thread, T::reach(args.steps / T::kStepsPerStage, rows - m0, mine - m0 - T::warp_row(warp)), a, b);

    tile.finish(thread, m0, n0,
        [&](int column, float (&bias)[8]) { read8(site.b1 + column, bias); },
        [&](int row, int column, float (&v)[8], const float (&bias)[8]) {
#pragma unroll
            for (int e = 0; e < 8; e++) v[e] = activate<ACTIVATION>(v[e] + bias[e]);
            store_elems((Elem*)site.hidden + (u64)row * args.hidden_pitch, column, args.hidden_pitch, row < mine, v);
        });
}
