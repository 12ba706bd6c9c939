// attention: softmax(Q K^T * scale) V for every head of every sequence of a packed batch, any length, in one pass (online softmax).
//
//   out[t, h] = sum over keys s of the same sequence of p_s v[s, h],  p = softmax over s of scale (q[t, h] . k[s, h])
//
// Going over the keys in tiles: m' = max(m, scores), then l = l 2^(m - m') + sum p and O = O 2^(m - m') + P V with p = 2^(score - m'),
// scores carrying log2(e); at the end O / l. Keys beyond the sequence are zeros in shared memory and -infinity among the scores.
//
// Tile: 64 queries (16 a warp) by KEYS keys. Q stays in registers where they have room; K and V tiles are double-buffered by cp.async, one barrier a tile.
// 16-bit types: P goes from accumulator to operand in registers, V through ldmatrix.trans. TF32: the eight keys of a k-step are taken in
// the order in which a lane already holds them (0 2 4 6 1 3 5 7). FP32: a warp to a query, plain FMA (below).
// KEYS sets the grouping of the sums: it is fixed by precision and HEAD, never by the batch.
// Grid: (ceil(longest / 64), heads, sequences), FP32: (ceil(longest / 4), ...); block 128; dynamic shared (64 + 4 * KEYS) * HEAD * sizeof(Elem),
// FP32: 4 * (HEAD + 32) * 4.
#include "precision.cuh"

struct AttentionArgs {
    const void* q;            // Elem [tokens, pitch], head h in columns h * HEAD ..
    const void* k;
    const void* v;
    void* out;                // Elem [tokens, out_pitch]; columns from heads * HEAD to the pitch become zeros
    const int* offsets;       // [sequences + 1]: first token of each
    int pitch, out_pitch;     // elements
    float scale;              // 1 / sqrt(HEAD) * log2(e)
};

DEVICE void clear_padding(const AttentionArgs& args, int token)      // by one thread
{
    for (int c = grid_y() * HEAD; c < args.out_pitch; c += 8) {
        float zeros[8] = {0, 0, 0, 0, 0, 0, 0, 0};
        write8_stored((Elem*)args.out + (u64)token * args.out_pitch + c, zeros);
    }
}

#if PRECISION != FP32
constexpr int kRow = HEAD * kElemBytes, kChunks = kRow / 16, kSteps = kRow / kStepBytes;
constexpr int kQueries = 64, kTile = KEYS * kRow;
constexpr bool kKept = kSteps <= 8;       // Q in registers; where it would fill them (TF32, HEAD 128) it is read again for every tile

DEVICE int place(int row, int chunk)      // bytes; every 8 rows by one chunk touch all banks once
{
    const int turn = kRow >= 128 ? row & 7 : kRow == 64 ? (row >> 1) & 3 : (row >> 2) & 1;
    return row * kRow + (chunk ^ turn) * 16;
}
DEVICE void copy_rows(u32 shared, const void* from, int pitch, int first, int count, int end)
{
    const u8* base = (const u8*)from;
    for (int i = thread_index(); i < count * kChunks; i += 128) {
        const int row = i / kChunks, chunk = i % kChunks;
        const bool there = first + row < end;
        copy_or_zero(shared + place(row, chunk), base + (there ? (u64)(first + row) * pitch * kElemBytes : 0) + chunk * 16, there);
    }
}

// O += P V for 16 keys (16-bit types) or two times 8 (TF32), P as it came out of the score accumulators.
DEVICE void add_values(float (&o)[HEAD / 8][4], const float (&left)[4], const float (&right)[4], u32 values, int key)
{
    const int lane = thread_index() % 32;
#if PRECISION == TF32
#pragma unroll
    for (int half = 0; half < 2; half++) {
        const float* p = half ? right : left;
        FragmentA a;
        a.v.w[0] = bits_of(rounded(p[0])), a.v.w[1] = bits_of(rounded(p[2])), a.v.w[2] = bits_of(rounded(p[1])), a.v.w[3] = bits_of(rounded(p[3]));
        const int row = key + half * 8 + lane % 4 * 2, g = lane / 4;
#pragma unroll
        for (int j = 0; j < HEAD / 8; j++) {
            u32 b0, b1;
            asm volatile("ld.shared.b32 %0, [%1];" : "=r"(b0) : "r"(values + place(row, 2 * j + g / 4) + g % 4 * 4));
            asm volatile("ld.shared.b32 %0, [%1];" : "=r"(b1) : "r"(values + place(row + 1, 2 * j + g / 4) + g % 4 * 4));
            multiply(o[j], a, b0, b1);
        }
    }
#else
    FragmentA a;
    a.v.w[0] = pack2(left[0], left[1]), a.v.w[1] = pack2(left[2], left[3]);
    a.v.w[2] = pack2(right[0], right[1]), a.v.w[3] = pack2(right[2], right[3]);
#pragma unroll
    for (int j = 0; j < HEAD / 8; j += 2) {
        const Words4 b = load_matrices_transposed(values + place(key + lane % 16, j + lane / 16));
        multiply(o[j], a, b.w[0], b.w[1]);
        multiply(o[j + 1], a, b.w[2], b.w[3]);
    }
#endif
}

KERNEL(128, 1) attention(const UNIFORM AttentionArgs args)
{
    wait_for_kernel_ahead();
    extern __shared__ ALIGNED(128) u8 shared_bytes[];
    const int start = args.offsets[block_z()], end = args.offsets[block_z() + 1], length = end - start;
    const int first = block_x() * kQueries, head = block_y() * HEAD * kElemBytes;
    if (first >= length) return;
    const int thread = thread_index(), lane = thread % 32, warp = thread / 32;
    const u32 queries = shared_address(shared_bytes), tiles = queries + kQueries * kRow;
    const void *k = (const u8*)args.k + head, *v = (const u8*)args.v + head;

    copy_rows(queries, (const u8*)args.q + head, args.pitch, start + first, kQueries, end);
    copy_rows(tiles, k, args.pitch, start, KEYS, end);
    copy_rows(tiles + kTile, v, args.pitch, start, KEYS, end);
    end_copy_group();

    FragmentA q[kKept ? kSteps : 1];
    auto query = [&](int s) { return FragmentA{load_matrices(queries + place(warp * 16 + lane % 16, 2 * s + lane / 16))}; };
    float o[HEAD / 8][4], highest[2] = {-1e30f, -1e30f}, sum[2] = {0.0f, 0.0f};
#pragma unroll
    for (int j = 0; j < HEAD / 8; j++)
#pragma unroll
        for (int e = 0; e < 4; e++) o[j][e] = 0.0f;
    const bool busy = first + warp * 16 < length;

    for (int key = 0, slot = 0; key < length; key += KEYS, slot ^= 1) {
        wait_copy_groups<0>();
        block_barrier();
        const u32 keys = tiles + slot * 2 * kTile, values = keys + kTile;
        if (key + KEYS < length) {
            copy_rows(tiles + (slot ^ 1) * 2 * kTile, k, args.pitch, start + key + KEYS, KEYS, end);
            copy_rows(tiles + (slot ^ 1) * 2 * kTile + kTile, v, args.pitch, start + key + KEYS, KEYS, end);
        }
        end_copy_group();
        if (!busy) continue;
        if (kKept && key == 0)
#pragma unroll
            for (int s = 0; s < kSteps; s++) q[s] = query(s);

        const int groups = least((length - key + 15) / 16, KEYS / 16);      // of 16 keys that hold any
        float score[KEYS / 8][4];
#pragma unroll
        for (int j = 0; j < KEYS / 16; j++) {
#pragma unroll
            for (int e = 0; e < 4; e++) score[2 * j][e] = score[2 * j + 1][e] = 0.0f;
            if (j >= groups) continue;
#pragma unroll
            for (int s = 0; s < kSteps; s++) {
                const Words4 b = load_matrices(keys + place(16 * j + lane / 16 * 8 + lane % 8, 2 * s + lane / 8 % 2));
                const FragmentA a = kKept ? q[kKept ? s : 0] : query(s);
                multiply(score[2 * j], a, b.w[0], b.w[1]);
                multiply(score[2 * j + 1], a, b.w[2], b.w[3]);
            }
        }
        float now[2] = {highest[0], highest[1]};
#pragma unroll
        for (int j = 0; j < KEYS / 8; j++)
#pragma unroll
            for (int e = 0; e < 4; e++) {
                const bool there = key + 8 * j + lane % 4 * 2 + e % 2 < length;
                score[j][e] = there ? score[j][e] * args.scale : float_of(0xff800000u);
                now[e / 2] = max_of(now[e / 2], score[j][e]);
            }
        float shrink[2];
#pragma unroll
        for (int h = 0; h < 2; h++) {
            now[h] = max_of(now[h], lane_xor(now[h], 1));
            now[h] = max_of(now[h], lane_xor(now[h], 2));
            shrink[h] = power_of_two(highest[h] - now[h]);
            highest[h] = now[h];
            sum[h] *= shrink[h];
        }
#pragma unroll
        for (int j = 0; j < KEYS / 8; j++)
#pragma unroll
            for (int e = 0; e < 4; e++) {
                score[j][e] = power_of_two(score[j][e] - now[e / 2]);
                sum[e / 2] += score[j][e];
            }
#pragma unroll
        for (int j = 0; j < HEAD / 8; j++)
#pragma unroll
            for (int e = 0; e < 4; e++) o[j][e] *= shrink[e / 2];
#pragma unroll
        for (int j = 0; j < KEYS / 16; j++)
            if (j < groups) add_values(o, score[2 * j], score[2 * j + 1], values, 16 * j);
    }
    if (!busy) return;

    // O / l, through the warp's own query rows, which nobody reads any more, to whole 16-byte stores.
#pragma unroll
    for (int h = 0; h < 2; h++) {
        sum[h] += lane_xor(sum[h], 1);
        sum[h] += lane_xor(sum[h], 2);
        const float scale = divide(1.0f, sum[h]);
        const int row = warp * 16 + h * 8 + lane / 4;
#pragma unroll
        for (int j = 0; j < HEAD / 8; j++) {
            const float a = o[j][2 * h] * scale, b = o[j][2 * h + 1] * scale;
#if PRECISION == TF32
            asm volatile("st.shared.v2.b32 [%0], {%1, %2};" ::"r"(queries + place(row, 2 * j + lane % 4 / 2) + lane % 2 * 8), "r"(bits_of(rounded(a))), "r"(bits_of(rounded(b))) : "memory");
#else
            asm volatile("st.shared.b32 [%0], %1;" ::"r"(queries + place(row, j) + lane % 4 * 4), "r"(pack2(a, b)) : "memory");
#endif
        }
    }
    warp_barrier();
    for (int i = lane; i < 16 * kChunks; i += 32) {
        const int row = warp * 16 + i / kChunks, chunk = i % kChunks;
        if (first + row < length)
            *(Words4*)((u8*)args.out + (u64)(start + first + row) * args.out_pitch * kElemBytes + head + chunk * 16) = load_shared(queries + place(row, chunk));
    }
    if (block_y() == grid_y() - 1 && lane < 16 && first + warp * 16 + lane < length) clear_padding(args, start + first + warp * 16 + lane);
}
#else
// A warp to a query. 32 keys at a time: a lane to a key for the scores, a lane to a column for the values.
KERNEL(128, 1) attention(const UNIFORM AttentionArgs args)
{
    wait_for_kernel_ahead();
    extern __shared__ ALIGNED(128) u8 shared_bytes[];
    const int thread = thread_index(), lane = thread % 32, warp = thread / 32;
    const int start = args.offsets[block_z()], length = args.offsets[block_z() + 1] - start;
    const int query = block_x() * 4 + warp, head = block_y() * HEAD;
    if (query >= length) return;
    float* q = (float*)shared_bytes + warp * (HEAD + 32);
    float* p = q + HEAD;
    for (int c = lane; c < HEAD; c += 32) q[c] = ((const float*)args.q)[(u64)(start + query) * args.pitch + head + c];
    warp_barrier();

    constexpr int kColumns = (HEAD + 31) / 32;
    float o[kColumns], highest = -1e30f, sum = 0.0f;
#pragma unroll
    for (int c = 0; c < kColumns; c++) o[c] = 0.0f;
    for (int key = 0; key < length; key += 32) {
        const bool there = key + lane < length;
        float score = 0.0f;
        if (there) {
            const float* k = (const float*)args.k + (u64)(start + key + lane) * args.pitch + head;
            for (int c = 0; c < HEAD; c++) score = fma(q[c], k[c], score);
        }
        score = there ? score * args.scale : float_of(0xff800000u);
        float now = score;
#pragma unroll
        for (int m = 16; m > 0; m >>= 1) now = max_of(now, lane_xor(now, m));
        now = max_of(now, highest);
        const float shrink = power_of_two(highest - now), mine = power_of_two(score - now);
        highest = now;
        sum = fma(sum, shrink, mine);
        warp_barrier();
        p[lane] = mine;
        warp_barrier();
#pragma unroll
        for (int c = 0; c < kColumns; c++) o[c] *= shrink;
        for (int s = 0; s < least(32, length - key); s++) {
            const float* v = (const float*)args.v + (u64)(start + key + s) * args.pitch + head;
#pragma unroll
            for (int c = 0; c < kColumns; c++)
                if (c * 32 + lane < HEAD) o[c] = fma(p[s], v[c * 32 + lane], o[c]);
        }
    }
    const float scale = divide(1.0f, sum_over_warp(sum));
#pragma unroll
    for (int c = 0; c < kColumns; c++)
        if (c * 32 + lane < HEAD) ((float*)args.out)[(u64)(start + query) * args.out_pitch + head + c * 32 + lane] = o[c] * scale;
    if (block_y() == grid_y() - 1 && lane == 0) clear_padding(args, start + query);
}
#endif
