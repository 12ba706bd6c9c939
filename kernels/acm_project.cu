// acm_project: both halves of small learners (q, k, v, o projections) in one kernel; the hidden tile never leaves the block.
//
//   out[t, :] (= or, RESIDUAL 1, +=) act(x[t, :] W1[:, :kD] + b1[:kD]) W2[:kD, :] + b2(k)          up to three ACMs a launch
//
// Tile: TILE_M sorted rows of one ACM and all of its columns. The rows of x are gathered once and stay in shared memory; W1 streams past them
// in passes of TILE_N hidden columns, as far as kmax * D; each pass leaves its activations in shared memory, in the layout in which a
// stage of A lies, zeros from a row's own k * D on; then W2 streams past those, and each finished pass is stored, every row at its own place.
// Pipeline: both streams are one sequence of (pass, stage of K): the next pass is on its way while one is finished. A warp whose 32 columns
// nobody needs multiplies nothing. The sums are those of acm_up and acm_down, in the same order: the same bits.
// Grid: (ceil(max tokens / TILE_M), 1, sites); block kThreads; dynamic shared TILE_M * (x_pitch + hidden_pitch) * sizeof(Elem) +
// STAGES * TILE_N * STAGE_BYTES.
#include "activation.cuh"
#include "down_row.cuh"
#include "shape.cuh"

struct ProjectSite {
    const void* x;            // Elem [tokens, x_pitch]
    const void* w1;           // packed [d, N * D]
    const float* b1;          // [N * D padded to 64]
    const void* w2;           // packed [N * D, d_out]
    const float* b2;          // [N + 1, d_out padded to 64], or null
    const int* order;
    const int* counts;
    void* out;                // float (RESIDUAL 1) or Elem [tokens, out_pitch]
};
struct ProjectArgs {
    ProjectSite site[3];
    int x_pitch, hidden_pitch, out_pitch;     // elements; hidden_pitch = N * D padded to 64
    int steps1, steps2;                       // k-steps of w1 and w2
    int learners, learner_size;               // learner_size * sizeof(Elem) is a multiple of 16
    int columns;                              // as for acm_down
};

// C = A B for A [TILE_M, tiles * STAGE_BYTES] lying in shared memory as stages, B packed, its first `columns` columns. reach(first column of a
// warp, full, some) says how far the warp's rows go (tile.cuh); finish(tile, first column) takes each pass. Every thread of the block must
// call it; on return the B buffers are free.
template <class Reach, class Finish>
DEVICE void stream(u32 a, u32 buffers, const void* packed, int steps, int columns, int tiles, const Reach& reach, const Finish& finish)
{
    constexpr int kBuffer = T::BN * T::KB;
    const int thread = thread_index(), passes = (columns + T::BN - 1) / T::BN, groups = (columns + T::WN - 1) / T::WN * (T::WN / 16);
    int next_pass = 0, next_tile = 0;
    auto copy_next = [&](int slot) {
        if (next_pass < passes && tiles > 0) {
#pragma unroll
            for (int i = 0; i < T::kCopiesB; i++) {
                const int byte = (thread + i * T::kThreads) * 16, group = next_pass * (T::BN / 16) + byte / (16 * T::KB);
                if (group < groups)
                    copy(buffers + slot * kBuffer + byte,
                         (const u8*)packed + ((u64)group * steps + next_tile * T::kStepsPerStage) * 512 + byte % (16 * T::KB));
            }
            if (++next_tile == tiles) next_tile = 0, next_pass++;
        }
        end_copy_group();
    };
    for (int s = 0; s < T::DEPTH - 1; s++) copy_next(s);

    typename T::Operands home = T::operands(0, thread);
    home.b -= T::kBytesA;
    T tile;
    int slot = 0;
    for (int pass = 0; pass < passes; pass++) {
        const int first = pass * T::BN + T::warp_column(thread / 32);
        int full = 0, some = 0;
        if (first < columns) reach(first, full, some);
        tile.clear();
        for (int k = 0; k < tiles; k++) {
            wait_copy_groups<T::DEPTH - 2>();
            block_barrier();
            copy_next(slot == 0 ? T::DEPTH - 1 : slot - 1);
            typename T::Operands o = home;
#pragma unroll
            for (int s = 0; s < T::kStepsPerStage; s++) o.a[s] += a + k * T::kBytesA;
            o.b += buffers + slot * kBuffer;
            if (k < full)
                tile.template multiply_stage<T::MI>(o, 0);
            else if (T::MI > T::kHalf && k < some)
                tile.template multiply_stage<T::kHalf>(o, 0);
            slot = slot + 1 == T::DEPTH ? 0 : slot + 1;
        }
        finish(tile, pass * T::BN);
    }
    wait_copy_groups<0>();
    block_barrier();
}

KERNEL(T::kThreads, 1) acm_project(const UNIFORM ProjectArgs args)
{
    wait_for_kernel_ahead();
    extern __shared__ ALIGNED(128) u8 shared_bytes[];
    const int z = block_z();
    const ProjectSite site = z == 0 ? args.site[0] : z == 1 ? args.site[1] : args.site[2];
    const int m0 = block_x() * T::BM, stored = rows_stored(site);
    if (m0 >= stored) return;

    const int thread = thread_index(), most_learners = learners_of_row(m0, site.counts, args.learners), needed = most_learners * args.learner_size;
    const u32 rows = shared_address(shared_bytes), hidden = rows + T::BM * args.x_pitch * kElemBytes;
    const u32 buffers = hidden + T::BM * args.hidden_pitch * kElemBytes;
    const int chunks = most_learners > 0 ? args.x_pitch * kElemBytes / 16 : 0;
    for (int r = thread / T::kChunksPerRow; r < T::BM; r += T::kRowsPerPass) {
        const bool there = m0 + r < site.counts[1];
        const u8* from = (const u8*)site.x + (there ? (u64)site.order[m0 + r] * args.x_pitch * kElemBytes : 0);
        for (int c = thread % T::kChunksPerRow; c < chunks; c += T::kChunksPerRow)
            copy_or_zero(rows + c / T::kChunksPerRow * T::kBytesA + r * T::KB + T::place(r, c % T::kChunksPerRow) * 16, from + c * 16, there);
    }

    const int stages1 = args.steps1 / T::kStepsPerStage, stages2 = (needed * kElemBytes + T::KB - 1) / T::KB;
    const int row = m0 + T::warp_row(thread / 32);
    auto takes_all = [&](int column, int& full, int& some) {
        const int there = site.counts[least(column / args.learner_size, args.learners - 1) + 1] - row;
        full = there > T::kHalfRow ? stages1 : 0, some = there > 0 ? stages1 : 0;
    };
    auto ends = [&](int, int& full, int& some) {
        auto stages = [&](int at) { return (learners_of_row(at, site.counts, args.learners) * args.learner_size * kElemBytes + T::KB - 1) / T::KB; };
        full = stages(row + T::kHalfRow), some = stages(row);
    };
    stream(rows, buffers, site.w1, args.steps1, needed, stages1, takes_all, [&](const T& tile, int n0) {
        tile.finish(thread, 0, n0,
            [&](int column, float (&bias)[8]) {
                if (column < args.hidden_pitch) read8(site.b1 + column, bias);
            },
            [&](int row, int column, float (&v)[8], const float (&bias)[8]) {
                if (column * kElemBytes >= stages2 * T::KB) return;
                const int taken = learners_of_row(m0 + row, site.counts, args.learners) * args.learner_size - column;
#pragma unroll
                for (int e = 0; e < 8; e++) v[e] = e < taken ? activate<ACTIVATION>(v[e] + bias[e]) : 0.0f;
                Words4 words[kWordsOf8];
                pack8(v, words);
#pragma unroll
                for (int w = 0; w < kWordsOf8; w++) {
                    const int chunk = column * kElemBytes / 16 + w;
                    store_shared(hidden + chunk / T::kChunksPerRow * T::kBytesA + row * T::KB + T::place(row, chunk % T::kChunksPerRow) * 16, words[w]);
                }
            });
    });
    stream(hidden, buffers, site.w2, args.steps2, args.columns, stages2, ends, [&](const T& tile, int n0) {
        tile.finish(thread, m0, n0, [](int, float (&)[8]) {},
            [&](int row, int column, float (&v)[8], const float (&)[8]) {
                store_down_row(site, args, stored, row, column, v);
            });
    });
}
