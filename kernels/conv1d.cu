// conv1d: a convolution over time of packed sequences, channels last, as a product whose rows are windows of the input.
//
//   out[t, n] = act(sum over taps j, channels c of x[t * stride - padding + j, c] w[n, c, j] + b[n]),  zeros outside the token's own sequence
//   OUTPUT 0 Elem, 1 float, 2 added to a float stream in place (convolutional positions)
//
// k runs over (tap, channel of the group, padded to 8): W[j * channels + c][n] is packed per group, one packed matrix after the other.
// SAMPLES 1: x is a float waveform with one channel; k runs over the taps alone.
//
// Tile: TILE_M output frames of any sequences by TILE_N channels of one group. Pipeline: tile.cuh.
// Grid: (ceil(max frames / TILE_M), padded columns of a group / TILE_N, groups); block kThreads; dynamic shared
// STAGES * (TILE_M + TILE_N) * STAGE_BYTES.
#include "activation.cuh"
#include "shape.cuh"

#ifndef SAMPLES
#define SAMPLES 0
#endif

struct ConvArgs {
    const void* x;            // Elem [frames in, x_pitch]; SAMPLES 1: float [samples]
    const void* w;            // packed, groups of them
    const float* b;           // [groups, group columns padded to 64]
    void* out;                // Elem or float [frames out, out_pitch]
    const int* in_offsets;    // [sequences + 1]
    const int* out_offsets;   // [sequences + 1]
    int sequences;
    int x_pitch, out_pitch;   // elements
    int steps;                // k-steps: taps * channels padded to 64, * sizeof(Elem) / 32
    int channels;             // of a group, in: a multiple of 8 (SAMPLES 1: 1), what lies beyond the true count in x being zeros
    int columns;              // of a group, out: a multiple of 8
    int x_step;               // channels from group to group in x
    int taps, stride, padding;
};

struct WindowRows {
    static constexpr int kElems = 16 / kElemBytes;
    int first[T::kCopiesA], low[T::kCopiesA], high[T::kCopiesA];   // first frame of the window; its sequence's frames
    const u8* x;
    int k, channels, depth, pitch;
    u32 to;

    DEVICE_MEMBER void aim(const ConvArgs& args, int m0, int group)
    {
        const int thread = thread_index(), r0 = thread / T::kChunksPerRow, c = thread % T::kChunksPerRow;
        to = r0 * T::KB + T::place(r0, c) * 16;
        k = c * kElems, channels = args.channels, depth = args.taps * args.channels, pitch = args.x_pitch;
        x = (const u8*)args.x + (u64)group * args.x_step * kElemBytes;
#pragma unroll
        for (int i = 0; i < T::kCopiesA; i++) {
            const int row = m0 + r0 + i * T::kRowsPerPass;
            int s = 0, beyond = args.sequences;                     // the sequence that holds the row
            while (beyond - s > 1) {
                const int middle = (s + beyond) / 2;
                if (args.out_offsets[middle] <= row) s = middle;
                else beyond = middle;
            }
            low[i] = args.in_offsets[s], high[i] = row < args.out_offsets[args.sequences] ? args.in_offsets[s + 1] : low[i];
            first[i] = low[i] + (row - args.out_offsets[s]) * args.stride - args.padding;
        }
    }
    template <bool All> DEVICE_MEMBER void issue(u32 shared, int stage) const      // rows beyond the last are zeros in either
    {
        const int at = k + stage * (T::KB / kElemBytes), tap = at / channels, c = at - tap * channels;
#pragma unroll
        for (int i = 0; i < T::kCopiesA; i++) {
            if (T::BM % T::kRowsPerPass != 0 && thread_index() / T::kChunksPerRow >= T::BM) return;
            const u32 target = shared + to + i * T::kRowsPerPass * T::KB;
            if (SAMPLES) {
                float v[8] = {0, 0, 0, 0, 0, 0, 0, 0};
#pragma unroll
                for (int e = 0; e < kElems; e++) {
                    const int frame = first[i] + at + e;
                    if (at + e < depth && frame >= low[i] && frame < high[i]) v[e] = ((const float*)x)[frame];
                }
                Words4 words[kWordsOf8];
                pack8(v, words);
                store_shared(target, words[0]);
            } else {
                const int frame = first[i] + tap;
                const bool there = at < depth && frame >= low[i] && frame < high[i];
                copy_or_zero(target, x + (there ? ((u64)frame * pitch + c) * kElemBytes : 0), there);
            }
        }
    }
    DEVICE_MEMBER void advance(int stages) { k += stages * (T::KB / kElemBytes); }
    DEVICE_MEMBER void passed(int) {}
};

KERNEL(T::kThreads, 1) conv1d(const UNIFORM ConvArgs args)
{
    wait_for_kernel_ahead();
    extern __shared__ ALIGNED(128) u8 shared_bytes[];
    const int m0 = block_x() * T::BM, n0 = block_y() * T::BN, group = block_z(), rows = args.out_offsets[args.sequences];
    if (m0 >= rows) return;
    const int thread = thread_index(), padded = (args.columns + 63) / 64 * 64;
    WindowRows a;
    a.aim(args, m0, group);
    PackedColumns<T> b;
    b.aim(thread, (const u8*)args.w + (u64)group * padded * args.steps * kStepBytes, n0, args.steps);
    T tile;
    tile.clear();
    tile.multiply_all(shared_address(shared_bytes), thread, T::reach(args.steps / T::kStepsPerStage, rows - m0, rows - m0 - T::warp_row(thread / 32)), a, b);

    tile.finish(thread, m0, n0,
        [&](int column, float (&bias)[8]) { read8(args.b + group * padded + column, bias); },
        [&](int row, int column, float (&v)[8], const float (&bias)[8]) {
            const int columns = OUTPUT == 0 && group == grid_z() - 1 ? args.out_pitch - group * args.columns : args.columns;
#pragma unroll
            for (int e = 0; e < 8; e++) v[e] = activate<ACTIVATION>(v[e] + bias[e]);
            const u64 at = (u64)row * args.out_pitch + group * args.columns;
            float* to = (float*)args.out + at;
            if (OUTPUT == 0) store_elems((Elem*)args.out + at, column, columns, row < rows, v);
            else store_floats(to, OUTPUT == 2 ? to : nullptr, column, columns, row < rows, v);
        });
}
