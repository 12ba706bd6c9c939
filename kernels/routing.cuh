// Tokens sorted by descending k: `order` gives the token at each sorted place, counts[n] = M_n the tokens with k >= n (counts[0]: all).
#pragma once
#include "common.cuh"

// What the host may change between two runs without a new capture; one record per ACM, in device memory.
struct RoutingControl {
    float lambda;             // the gate's logits get -lambda * k
    int fixed;                // this many learners for every token, or -1
    int forced;               // not 0: k is what the host put there
    int off_by_one;           // not 0: as the published code does, the learner numbered max(k of all tokens) is not run
};
struct Routed {
    u8* k;                    // [tokens]
    int* order;               // [tokens]
    int* counts;              // [N + 1]
};

// k of the token at a sorted place; 0 beyond the last.
DEVICE int learners_of_row(int row, const int* counts, int learners)
{
    int k = 0;
#pragma unroll 1
    for (int n = 1; n <= learners; n++) k += row < counts[n];
    return k;
}

// A stable counting sort by one block. Each warp takes a run of tokens and counts its own classes; lanes that agree are found by a vote,
// so there is one writer per counter and no atomics. `at` is shared, [Threads / 32][learners + 1].
template <int Threads> DEVICE void sort_by_learners(const Routed& routed, const RoutingControl* control, int tokens, int learners, int* at)
{
    const int thread = thread_index(), lane = thread % 32, classes = learners + 1;
    int* mine = at + thread / 32 * classes;
    const int run = (tokens + Threads - 1) / Threads * 32, from = thread / 32 * run, to = least(from + run, tokens);
    for (int n = lane; n < classes; n += 32) mine[n] = 0;
    warp_barrier();
    for (int base = from; base < to; base += 32) {
        const u32 k = base + lane < to ? routed.k[base + lane] : 255;
        const u32 same = lanes_with_same(k);
        if (k != 255 && (same & lanes_below()) == 0) mine[k] += bits_set(same);
        warp_barrier();
    }
    block_barrier();
    if (thread == 0) {
        int sum = 0;
        bool drop = control->off_by_one;
        for (int n = learners; n >= 0; n--) {
            for (int w = 0; w < Threads / 32; w++) {
                const int count = at[w * classes + n];
                at[w * classes + n] = sum;
                sum += count;
            }
            routed.counts[n] = drop && n > 0 ? 0 : sum;
            drop = drop && sum == 0;
        }
    }
    block_barrier();
    for (int base = from; base < to; base += 32) {
        const u32 k = base + lane < to ? routed.k[base + lane] : 255;
        const u32 same = lanes_with_same(k);
        if (k != 255) routed.order[mine[k] + bits_set(same & lanes_below())] = base + lane;
        warp_barrier();
        if (k != 255 && (same & lanes_below()) == 0) mine[k] += bits_set(same);
        warp_barrier();
    }
}
