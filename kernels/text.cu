// Small kernels at the ends of text and speech models.
//
// embed:      x[t, :] = words[id[t], :] + positions[place[t], :] + types[type[t], :]     a warp to a token; norm_gate (NORM 2) follows
// pool:       out[s, :] = mean over the sequence's rows (or its first row), then, if asked for, divided by its length (L2)
// best_class: best[t] = the lowest index of the largest logit (greedy CTC)
#include "common.cuh"

struct EmbedArgs {
    const float* words;       // [vocabulary, width]
    const float* positions;   // [.., width]
    const float* types;       // [.., width]
    const int* ids;           // [tokens]
    const int* places;        // [tokens]: place in its own sequence
    const int* kinds;         // [tokens]
    float* x;                 // [tokens, x_pitch]; columns from width up to a multiple of 8 become zeros
    const int* tokens;
    int width, x_pitch;
};
// Grid: ceil(max tokens / 8); block 256.
KERNEL(256) embed(const UNIFORM EmbedArgs args)
{
    wait_for_kernel_ahead();
    const int token = block_x() * 8 + thread_index() / 32;
    if (token >= *args.tokens) return;
    const float* word = args.words + (u64)args.ids[token] * args.width;
    const float* position = args.positions + (u64)args.places[token] * args.width;
    const float* type = args.types + (u64)args.kinds[token] * args.width;
    for (int c = thread_index() % 32; c < (args.width + 7) / 8 * 8; c += 32)
        args.x[(u64)token * args.x_pitch + c] = c < args.width ? word[c] + position[c] + type[c] : 0.0f;
}

struct PoolArgs {
    const float* x;           // [tokens, x_pitch]
    float* out;               // [sequences, out_pitch]
    const int* offsets;       // [sequences + 1]
    int width, x_pitch, out_pitch;
    int first_only, unit_length;
};
// Grid: max sequences; block 256. A sequence without rows is not there.
KERNEL(256) pool(const UNIFORM PoolArgs args)
{
    wait_for_kernel_ahead();
    __shared__ float parts[8];
    const int start = args.offsets[block_x()], beyond = args.offsets[block_x() + 1], end = args.first_only ? start + 1 : beyond;
    if (start == beyond) return;
    float* out = args.out + (u64)block_x() * args.out_pitch;
    float squares = 0.0f;
    for (int c = thread_index(); c < args.width; c += 256) {
        float sum = 0.0f;
        for (int t = start; t < end; t++) sum += args.x[(u64)t * args.x_pitch + c];
        sum = divide(sum, (float)(end - start));
        squares = fma(sum, sum, squares);
        out[c] = sum;
    }
    if (!args.unit_length) return;
    squares = sum_over_warp(squares);
    if (thread_index() % 32 == 0) parts[thread_index() / 32] = squares;
    block_barrier();
    float all = 0.0f;
    for (int w = 0; w < 8; w++) all += parts[w];
    const float length = max_of(square_root(all), 1e-12f);
    for (int c = thread_index(); c < args.width; c += 256) out[c] = divide(out[c], length);
}

struct BestClassArgs {
    const float* logits;      // [tokens, pitch]
    int* best;                // [tokens]
    const int* tokens;
    int classes, pitch;
};
// Grid: ceil(max tokens / 256); block 256.
KERNEL(256) best_class(const UNIFORM BestClassArgs args)
{
    wait_for_kernel_ahead();
    const int token = block_x() * 256 + thread_index();
    if (token >= *args.tokens) return;
    const float* row = args.logits + (u64)token * args.pitch;
    int best = 0;
    float highest = row[0];
    for (int c = 1; c < args.classes; c++)
        if (row[c] > highest) highest = row[c], best = c;
    args.best[token] = best;
}
