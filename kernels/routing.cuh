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

// A stable counting sort by one block, of up to Most ACMs (`sites` of them; site(i) has `routed` and `control`) that have the same tokens. Each warp
// takes a run of tokens and counts its own classes; lanes that agree are found by a vote, so there is one writer per counter and no atomics.
// One block does this while all others wait for it, so what counts is how long it takes: the ACMs go side by side, their k are read a step ahead,
// and a warp makes all places of an ACM at once, a lane to a class. `at` is shared, [Most][Threads / 32][learners + 1]; at most 31 learners.
template <int Threads, int Most, class Site> DEVICE void sort_by_learners(const Site& site, int sites, int tokens, int learners, int* at)
{
    constexpr int kWarps = Threads / 32;
    const int thread = thread_index(), lane = thread % 32, warp = thread / 32, classes = learners + 1;
    const int run = (tokens + Threads - 1) / Threads * 32, from = warp * run, to = least(from + run, tokens);
    int* mine[Most];
    bool drop = false;        // this warp's ACM leaves out the learner numbered max(k)
#pragma unroll
    for (int i = 0; i < Most; i++) {
        mine[i] = at + (i * kWarps + warp) * classes;
        if (i >= sites) continue;
        if (i == warp) drop = site(i).control->off_by_one;
        if (lane < classes) mine[i][lane] = 0;
    }
    warp_barrier();
    u32 ahead[Most];
    auto read = [&](int base) {
#pragma unroll
        for (int i = 0; i < Most; i++) ahead[i] = i < sites && base + lane < to ? site(i).routed.k[base + lane] : 255;
    };
    auto take = [&](int base, u32 (&k)[Most]) {
#pragma unroll
        for (int i = 0; i < Most; i++) k[i] = ahead[i];
        read(base + 32);
    };
    read(from);
    for (int base = from; base < to; base += 32) {
        u32 k[Most];
        take(base, k);
#pragma unroll
        for (int i = 0; i < Most; i++) {
            if (i >= sites) continue;
            const u32 same = lanes_with_same(k[i]);
            if (k[i] != 255 && (same & lanes_below()) == 0) mine[i][k[i]] += bits_set(same);
        }
        warp_barrier();
    }
    block_barrier();
#pragma unroll
    for (int i = 0; i < Most; i++) {
        if (i != warp || i >= sites) continue;
        const int n = learners - lane;                            // lanes from the most learners on; those beyond the classes hold nothing
        int count[kWarps], total = 0;
#pragma unroll
        for (int w = 0; w < kWarps; w++) total += count[w] = n >= 0 ? at[(i * kWarps + w) * classes + n] : 0;
        int sum = total;
#pragma unroll
        for (int d = 1; d < 32; d *= 2) {
            const int below = lane_up(sum, d);
            if (lane >= d) sum += below;
        }
        int place = sum - total;
        if (n < 0) continue;
        site(i).routed.counts[n] = drop && n > 0 && place == 0 ? 0 : sum;
#pragma unroll
        for (int w = 0; w < kWarps; w++) {
            at[(i * kWarps + w) * classes + n] = place;
            place += count[w];
        }
    }
    block_barrier();
    read(from);
    for (int base = from; base < to; base += 32) {
        u32 k[Most], same[Most];
        take(base, k);
#pragma unroll
        for (int i = 0; i < Most; i++) {
            if (i >= sites) continue;
            same[i] = lanes_with_same(k[i]);
            if (k[i] != 255) site(i).routed.order[mine[i][k[i]] + bits_set(same[i] & lanes_below())] = base + lane;
        }
        warp_barrier();
#pragma unroll
        for (int i = 0; i < Most; i++)
            if (i < sites && k[i] != 255 && (same[i] & lanes_below()) == 0) mine[i][k[i]] += bits_set(same[i]);
        warp_barrier();
    }
}
