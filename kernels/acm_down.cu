// acm_down: the second half of an ACM, for all learners and up to three ACMs (sites).
//
//   RESIDUAL 1:  out[order[p], :] += hidden[p, :kD] W2[:kD, :] + b2(k)        fp32, the residual stream, in place
//   RESIDUAL 0:  out[order[p], :]  = the same                                 Elem
//
// where k = learners of sorted row p. b2(k) is row k of a table of prefix sums (b2 rows 0..k added up), where the model has b2 at all.
// The K loop ends at kmax * D of the tile; a row with a smaller k reads zeros from its own k * D on. Every row is written once, at its own
// place: no atomics, no zeroing. With RESIDUAL and without b2, a k = 0 row is neither read nor written, and a tile of them does nothing.
//
// Tile: TILE_M x TILE_N of [tokens, d]. Pipeline: tile.cuh.
// Grid: (ceil(max tokens / TILE_M), padded columns / TILE_N, sites); block kThreads; dynamic shared STAGES * (TILE_M + TILE_N) * STAGE_BYTES.
#include "down_row.cuh"
#include "shape.cuh"

struct DownSite {
    const void* hidden;       // Elem [tokens, hidden_pitch], sorted rows; columns from k * D on are never read
    const void* w2;           // packed [N * D, d]
    const float* b2;          // [N + 1, d padded to 64], or null
    const int* order;         // [tokens]: sorted place to token
    const int* counts;        // [N + 1]
    void* out;                // float or Elem [tokens, out_pitch]
};
struct DownArgs {
    DownSite site[3];
    int hidden_pitch, out_pitch;  // elements
    int steps;                    // k-steps of w2: N * D padded to 64, * sizeof(Elem) / 32
    int learners, learner_size;   // learner_size * sizeof(Elem) is a multiple of 16
    int columns;                  // of out, a multiple of 8
};

KERNEL(T::kThreads, 1) acm_down(const UNIFORM DownArgs args)
{
    wait_for_kernel_ahead();
    extern __shared__ ALIGNED(128) u8 shared_bytes[];
    const int z = block_z();
    const DownSite site = z == 0 ? args.site[0] : z == 1 ? args.site[1] : args.site[2];
    const int m0 = block_x() * T::BM, n0 = block_y() * T::BN;
    const int stored = rows_stored(site);
    if (m0 >= stored) return;

    const int thread = thread_index(), learner_bytes = args.learner_size * kElemBytes;
    const u32 shared = shared_address(shared_bytes);
    auto bytes = [&](int row) { return learners_of_row(row, site.counts, args.learners) * learner_bytes; };
    EndingRows<T> a;
    a.aim(thread, [&](int r, const u8*& start) {
        const int limit = bytes(m0 + r);
        start = (const u8*)site.hidden + (limit > 0 ? (u64)(m0 + r) * args.hidden_pitch * kElemBytes : 0);
        return limit;
    });
    PackedColumns<T> b;
    b.aim(thread, site.w2, n0, args.steps);
    T tile;
    tile.clear();
    auto stages = [&](int row) { return (bytes(row) + T::KB - 1) / T::KB; };
    const int row = m0 + T::warp_row(thread / 32);
    const typename T::Reach reach = {stages(m0), bytes(m0 + T::BM - 1) / T::KB, stages(row + T::kHalfRow), stages(row)};
    tile.multiply_all(shared, thread, reach, a, b);

    tile.finish(thread, m0, n0, [](int, float (&)[8]) {},
        [&](int row, int column, float (&v)[8], const float (&)[8]) {
            store_down_row(site, args, stored, row, column, v);
        });
}
