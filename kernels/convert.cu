// convert: a float matrix to an activation: y[t, c] = x[t, c] as Elem, zeros from `width` to the pitch.
// Grid: ceil(max tokens / 8); block 256, a warp to a token.
#include "precision.cuh"

struct ConvertArgs {
    const float* x;           // [tokens, x_pitch]
    void* y;                  // Elem [tokens, y_pitch]
    const int* tokens;
    int width, x_pitch, y_pitch;
};

KERNEL(256) convert(const UNIFORM ConvertArgs args)
{
    wait_for_kernel_ahead();
    const int token = block_x() * 8 + thread_index() / 32;
    if (token >= *args.tokens) return;
    for (int c = thread_index() % 32 * 8; c < args.y_pitch; c += 256) {
        float v[8];
#pragma unroll
        for (int e = 0; e < 8; e++) v[e] = c + e < args.width ? args.x[(u64)token * args.x_pitch + c + e] : 0.0f;
        write8_stored((Elem*)args.y + (u64)token * args.y_pitch + c, v);
    }
}
