// norm_gate: one pass over a token: LayerNorm, the gates of all ACMs that read its result (up to three), and the routing of each.
//
//   y[t]   = act((x[t] - mean) / sqrt(variance + eps) * gamma + beta)          biased variance; act is for convolution stacks
//   k_g[t] = min_k + argmax over c of (W_g y[t] + b_g)[c] - lambda_g (c + min_k)   the lowest c wins a tie; a NaN row gets min_k
//   order_g, counts_g: routing.cuh
//
// W_g [C, width], b_g [C]: the gate's linear layers folded into one affine map (the host does that). GATE_LAYERS 2 or 3 instead runs gates
// with an activation between their layers: the first layer is computed as W_g is here, the rest by one thread per token and gate.
//
// NORM 0: no norm, y = x, x is Elem and nothing is written (an attention's output, before o_proj)
// NORM 1: x float -> y Elem                              NORM 2: x float -> x float in place, and y Elem unless it is null (post-LN)
//
// Tile: TOKENS (8) tokens a block, a warp to a token for its moments, a thread to four columns of all of them for the norm, a warp to a gate
// output for all of them: a block reads each weight once. Sums are lane-strided, then a butterfly: the same order for a token whatever is beside it.
// The block that finishes last sorts (a counter, not data; it wraps to 0 by itself). Lambda, fixed width and forced k are read from
// device memory: changing them needs no new capture.
// Grid: ceil(max tokens / 8); block 256; dynamic shared 8 * (padded + gates * outputs) * 4, padded = width up to 128; the sort's counters take
// the rows' place.
#include "activation.cuh"
#include "precision.cuh"
#include "routing.cuh"

#ifndef GATE_LAYERS
#define GATE_LAYERS 1
#define GATE_ACTIVATION 0
#endif
#define TOKENS 8

struct Gate {
    const float* w;           // [outputs, width padded to 128], zeros in the padding
    const float* b;           // [outputs]
    const float* rest;        // GATE_LAYERS > 1: the layers after the first, one after the other: weight [out, in], bias [out]
    const RoutingControl* control;
    Routed routed;
};
struct NormGateArgs {
    Gate gate[3];
    void* x;                  // float [tokens, x_pitch]; NORM 0: Elem
    void* y;                  // Elem [tokens, y_pitch], columns up to the pitch are written, zeros in the padding; NORM 2: or null
    const float* gamma;       // [width]
    const float* beta;        // [width]
    const int* tokens;
    const int* rows;          // row of x for each token (class tokens), or null: the token itself
    u32* finished;            // 0 before the very first launch, 0 after every launch
    int x_pitch, y_pitch, width;
    int gates, outputs;       // outputs of the first layer: C, or the hidden size where GATE_LAYERS > 1
    int learners, min_k;
    float epsilon;
};

DEVICE void read4_floats(const float* from, int column, int width, float (&v)[4])
{
    if (column + 4 <= width) {
        const Floats4 f = *(const Floats4*)(from + column);
#pragma unroll
        for (int e = 0; e < 4; e++) v[e] = f.f[e];
    } else {
#pragma unroll
        for (int e = 0; e < 4; e++) v[e] = column + e < width ? from[column + e] : 0.0f;
    }
}
// A column group of four: as many as lie below `width`, zeros beyond.
DEVICE void read4(const void* row, int column, int width, float (&v)[4])
{
#pragma unroll
    for (int e = 0; e < 4; e++) v[e] = 0.0f;
    if (column + 4 <= width) {
#if NORM == 0 && PRECISION >= FP16
        const u64 words = *(const u64*)((const Elem*)row + column);
        const u32 a = (u32)words, b = (u32)(words >> 32);
        v[0] = low_half(a), v[1] = high_half(a), v[2] = low_half(b), v[3] = high_half(b);
#else
        read4_floats((const float*)row, column, width, v);
#endif
        return;
    }
    for (int e = 0; e < 4 && column + e < width; e++) {
#if NORM == 0 && PRECISION >= FP16
        v[e] = low_half(((const Elem*)row)[column + e]);
#else
        v[e] = ((const float*)row)[column + e];
#endif
    }
}
DEVICE void write4(Elem* to, const float* v)
{
#if PRECISION >= FP16
    *(u64*)to = pack2(v[0], v[1]) | (u64)pack2(v[2], v[3]) << 32;
#else
    *(Floats4*)to = Floats4{{rounded(v[0]), rounded(v[1]), rounded(v[2]), rounded(v[3])}};
#endif
}

DEVICE void write4_floats(float* to, int column, int width, const float (&v)[4])
{
    if (column + 4 <= width) *(Floats4*)(to + column) = Floats4{{v[0], v[1], v[2], v[3]}};
    else
        for (int e = 0; e < 4 && column + e < width; e++) to[column + e] = v[e];
}
DEVICE u64 row_of(const NormGateArgs& args, int token) { return (u64)(args.rows ? args.rows[token] : token) * args.x_pitch; }

// One token by one warp: its row to shared memory; its mean and 1 / sqrt(variance + eps) to `moments`.
DEVICE void take_row(const NormGateArgs& args, int token, float* row, float* moments, int padded)
{
    const int lane = thread_index() % 32;
    const u64 from = row_of(args, token);
    float sum = 0.0f;
    for (int c = lane * 4; c < padded; c += 128) {
        float v[4];
        read4(NORM == 0 ? (const void*)((const Elem*)args.x + from) : (const void*)((const float*)args.x + from), c, args.width, v);
#pragma unroll
        for (int e = 0; e < 4; e++) sum += v[e];
        *(Floats4*)(row + c) = Floats4{{v[0], v[1], v[2], v[3]}};
    }
    if (NORM == 0) return;
    const float mean = divide(sum_over_warp(sum), (float)args.width);
    float squares = 0.0f;
    for (int c = lane * 4; c < args.width; c += 128) {
        const Floats4 f = *(const Floats4*)(row + c);
        for (int e = 0; e < 4 && c + e < args.width; e++) {
            const float off = f.f[e] - mean;
            squares = fma(off, off, squares);
        }
    }
    const float scale = divide(1.0f, square_root(divide(sum_over_warp(squares), (float)args.width) + args.epsilon));
    if (lane == 0) moments[0] = mean, moments[1] = scale;
}

// Four columns a thread, of all tokens of the block: gamma and beta are read once.
DEVICE void normalise(const NormGateArgs& args, int first, int here, float* rows, const float* moments, int padded)
{
    for (int c = thread_index() * 4; c < padded; c += 1024) {
        float gamma[4], beta[4];
        read4_floats(args.gamma, c, args.width, gamma);
        read4_floats(args.beta, c, args.width, beta);
        for (int t = 0; t < here; t++) {
            Floats4* at = (Floats4*)(rows + t * padded + c);
            const Floats4 x = *at;
            float v[4];
#pragma unroll
            for (int e = 0; e < 4; e++)
                v[e] = c + e < args.width ? activate<ACTIVATION>(fma((x.f[e] - moments[2 * t]) * moments[2 * t + 1], gamma[e], beta[e])) : 0.0f;
            *at = Floats4{{v[0], v[1], v[2], v[3]}};
            if (c < args.y_pitch && (NORM != 2 || args.y)) write4((Elem*)args.y + (u64)(first + t) * args.y_pitch + c, v);
            if (NORM == 2) write4_floats((float*)args.x + row_of(args, first + t), c, args.width, v);
        }
    }
}

#if GATE_LAYERS > 1
// Layers after the first of a gate with activations, in place. `v` holds `in` values and room for 64.
DEVICE void run_rest(const Gate& gate, float* v, int in, int classes)
{
    const float* p = gate.rest;
    for (int e = 0; e < in; e++) v[e] = activate<GATE_ACTIVATION>(v[e] + gate.b[e]);
    for (int layer = 1; layer < GATE_LAYERS; layer++) {
        const int out = layer + 1 < GATE_LAYERS ? in : classes;
        float next[64];
        for (int o = 0; o < out; o++) {
            float s = 0.0f;
            for (int e = 0; e < in; e++) s = fma(p[o * in + e], v[e], s);
            s += p[out * in + o];
            next[o] = layer + 1 < GATE_LAYERS ? activate<GATE_ACTIVATION>(s) : s;
        }
        p += out * in + out;
        for (int o = 0; o < out; o++) v[o] = next[o];
    }
}
#endif

KERNEL(256, 2) norm_gate(const UNIFORM NormGateArgs args)
{
    wait_for_kernel_ahead();
    extern __shared__ ALIGNED(128) u8 shared_bytes[];
    float* rows = (float*)shared_bytes;
    const int padded = (args.width + 127) / 128 * 128, all = args.gates * args.outputs;
    float* logits = rows + TOKENS * padded;                       // [gates * outputs][TOKENS]
    const int thread = thread_index(), lane = thread % 32, warp = thread / 32, tokens = *args.tokens;
    const int first = block_x() * TOKENS, here = least(tokens - first, TOKENS);
    if (here <= 0) return;

    __shared__ float moments[2 * TOKENS];
    if (warp < here) take_row(args, first + warp, rows + warp * padded, moments + 2 * warp, padded);
    else for (int c = lane * 4; c < padded; c += 128) *(Floats4*)(rows + warp * padded + c) = Floats4{{0.0f, 0.0f, 0.0f, 0.0f}};
    if (NORM != 0) {
        block_barrier();
        normalise(args, first, here, rows, moments, padded);
    }
    if (args.gates == 0) return;
    block_barrier();

    for (int o = warp; o < all; o += 8) {
        const int g = o / args.outputs;
        const float* w = (g == 0 ? args.gate[0].w : g == 1 ? args.gate[1].w : args.gate[2].w) + (u64)(o - g * args.outputs) * padded;
        float sum[TOKENS];
#pragma unroll
        for (int t = 0; t < TOKENS; t++) sum[t] = 0.0f;
        for (int c = lane * 4; c < padded; c += 128) {
            const Floats4 weight = *(const Floats4*)(w + c);
#pragma unroll
            for (int t = 0; t < TOKENS; t++) {
                const Floats4 x = *(const Floats4*)(rows + t * padded + c);
#pragma unroll
                for (int e = 0; e < 4; e++) sum[t] = fma(weight.f[e], x.f[e], sum[t]);
            }
        }
#pragma unroll
        for (int t = 0; t < TOKENS; t++) sum[t] = sum_over_warp(sum[t]);
        if (lane == 0)
#pragma unroll
            for (int t = 0; t < TOKENS; t++) logits[o * TOKENS + t] = sum[t];
    }
    block_barrier();

    const int token = thread % TOKENS, g = thread / TOKENS;
    if (g < args.gates && token < here) {
        const Gate gate = g == 0 ? args.gate[0] : g == 1 ? args.gate[1] : args.gate[2];
        const RoutingControl control = *gate.control;
        if (!control.forced) {
            const int classes = args.learners + 1 - args.min_k;
            int best = 0;
            float highest = 0.0f;
#if GATE_LAYERS > 1
            float v[64];
            for (int c = 0; c < args.outputs; c++) v[c] = logits[(g * args.outputs + c) * TOKENS + token];
            run_rest(gate, v, args.outputs, classes);
#endif
            for (int c = 0; c < classes; c++) {
#if GATE_LAYERS > 1
                const float plain = v[c];
#else
                const float plain = logits[(g * args.outputs + c) * TOKENS + token] + gate.b[c];
#endif
                const float logit = plain - control.lambda * (float)(c + args.min_k);
                if (c == 0 || logit > highest) highest = logit, best = c;
            }
            gate.routed.k[first + token] = (u8)(control.fixed >= 0 ? control.fixed : best + args.min_k);
        }
    }

    __shared__ int last;
    fence();
    block_barrier();
    const u32 blocks = (tokens + TOKENS - 1) / TOKENS;
    if (thread == 0) last = count_up_to(args.finished, blocks - 1) == blocks - 1;
    block_barrier();
    if (!last) return;
    fence();
    sort_by_learners<256, 3>([&](int i) -> const Gate& { return args.gate[i]; }, args.gates, tokens, args.learners, (int*)rows);
}
