// channel_norm: group norm with a channel to a group: every channel of every sequence normalised over its own time.
//
//   y[t, c] = act((x[t, c] - mean_c) / sqrt(variance_c + eps) * gamma[c] + beta[c]),   mean and variance over the sequence's frames, biased
//
// Tile: 32 channels of one sequence. Thread (lane, warp) takes channel `lane` of frames warp, warp + 8, ...; the eight partial sums are added
// in order. Grid: (ceil(pitch / 32), sequences); block 256; no dynamic shared.
#include "activation.cuh"
#include "precision.cuh"

#ifndef OUTPUT
#define OUTPUT 0
#endif

struct ChannelNormArgs {
    const float* x;           // [frames, pitch]
    void* y;                  // OUTPUT 0: Elem, 1: float [frames, pitch], zeros from `width` on
    const float* gamma;       // [width]
    const float* beta;
    const int* offsets;       // [sequences + 1]
    int pitch, width;
    float epsilon;
};

DEVICE float sum_of_warps(float mine, float (&parts)[8][32])
{
    const int lane = thread_index() % 32;
    block_barrier();
    parts[thread_index() / 32][lane] = mine;
    block_barrier();
    float sum = 0.0f;
#pragma unroll
    for (int w = 0; w < 8; w++) sum += parts[w][lane];
    return sum;
}

KERNEL(256) channel_norm(const UNIFORM ChannelNormArgs args)
{
    wait_for_kernel_ahead();
    __shared__ float parts[8][32];
    const int warp = thread_index() / 32, channel = block_x() * 32 + thread_index() % 32;
    const int start = args.offsets[block_y()], end = args.offsets[block_y() + 1];
    const bool there = channel < args.width;
    float sum = 0.0f;
    for (int t = start + warp; t < end && there; t += 8) sum += args.x[(u64)t * args.pitch + channel];
    const float mean = divide(sum_of_warps(sum, parts), (float)(end - start));
    float squares = 0.0f;
    for (int t = start + warp; t < end && there; t += 8) {
        const float off = args.x[(u64)t * args.pitch + channel] - mean;
        squares = fma(off, off, squares);
    }
    const float scale = divide(1.0f, square_root(divide(sum_of_warps(squares, parts), (float)(end - start)) + args.epsilon));
    for (int t = start + warp; t < end && channel < args.pitch; t += 8) {
        const u64 at = (u64)t * args.pitch + channel;
        const float v = there ? activate<ACTIVATION>(fma((args.x[at] - mean) * scale, args.gamma[channel], args.beta[channel])) : 0.0f;
#if OUTPUT == 1
        ((float*)args.y)[at] = v;
#elif PRECISION >= FP16
        ((Elem*)args.y)[at] = (Elem)pack2(v, 0.0f);
#else
        ((Elem*)args.y)[at] = rounded(v);
#endif
    }
}
