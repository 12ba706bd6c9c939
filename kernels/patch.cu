// patch: an image's patches as rows of a product, cut out as they are copied; class token and positions by the same epilogue.
//
//   x[b * S + 1 + p, :] = W patch(b, p) + bias + position[1 + p]        x[b * S, :] = class token + position[0]       S = 1 + patches
//
// The class token's row is a row of zeros to the product, and `table` [S, d] holds what is added to each row of an image: row 0 class token
// + position[0], row 1 + p bias + position[1 + p]. k runs over (channel, y, x) of a patch, as the convolution's weight does.
//
// PATCH_SIZE (a macro) is the patch's side, so that k is taken apart by constants.
// Tile: TILE_M x TILE_N of [images * S, d]. Pipeline: tile.cuh, A by loads, conversion and shared stores.
// Grid: (ceil(images * S / TILE_M), padded columns / TILE_N); block kThreads; dynamic shared STAGES * (TILE_M + TILE_N) * STAGE_BYTES.
#include "shape.cuh"

constexpr int kPatch = PATCH_SIZE;

struct PatchArgs {
    const float* pixels;      // [images, channels, size, size]
    const void* w;            // packed [channels * patch * patch, d]
    const float* table;       // [S, d padded to 64]
    float* x;                 // [images * S, x_pitch]
    const int* tokens;        // images * S
    int x_pitch, columns;     // d up to a multiple of 8: columns from d on become zeros
    int steps;                // k-steps of w
    int channels, size;       // size: of the image's side, a multiple of PATCH_SIZE
};

struct PixelRows {
    static constexpr int kElems = 16 / kElemBytes;                 // of a chunk
    const float* image[T::kCopiesA];                               // the patch's corner; null: a row of zeros
    int k, depth, size;
    u32 to;

    DEVICE_MEMBER void aim(const PatchArgs& args, int m0, int rows)
    {
        const int thread = thread_index(), r0 = thread / T::kChunksPerRow, c = thread % T::kChunksPerRow;
        const int across = args.size / kPatch, sequence = across * across + 1;
        to = r0 * T::KB + T::place(r0, c) * 16;
        k = c * kElems, depth = args.channels * kPatch * kPatch, size = args.size;
#pragma unroll
        for (int i = 0; i < T::kCopiesA; i++) {
            const int row = m0 + r0 + i * T::kRowsPerPass, p = row % sequence - 1;
            image[i] = row >= rows || p < 0 ? nullptr
                : args.pixels + (u64)(row / sequence) * args.channels * size * size + p / across * kPatch * size + p % across * kPatch;
        }
    }
    template <bool All> DEVICE_MEMBER void issue(u32 shared, int stage) const      // rows beyond the last are zeros in either
    {
        const int first = k + stage * (T::KB / kElemBytes);
#pragma unroll
        for (int i = 0; i < T::kCopiesA; i++) {
            if (T::BM % T::kRowsPerPass != 0 && thread_index() / T::kChunksPerRow >= T::BM) return;
            float v[8] = {0, 0, 0, 0, 0, 0, 0, 0};
            if (image[i] && first < depth) {
                if (kPatch % kElems == 0) {                        // a chunk lies within a row of the patch
#pragma unroll
                    for (int w = 0; w < kElems / 4; w++) {         // 16-bit types: two lanes load whole sectors, then trade (pair_up)
                        const Words4 f = load_global(image[i] + pixel(kElems == 8 ? first - thread_index() % 2 * 4 + 8 * w : first));
#pragma unroll
                        for (int e = 0; e < 4; e++) v[4 * w + e] = float_of(f.w[e]);
                    }
                } else {
#pragma unroll
                    for (int e = 0; e < kElems; e++)
                        if (first + e < depth) v[e] = image[i][pixel(first + e)];
                }
            }
            if (kPatch % kElems == 0 && kElems == 8) pair_up(v, 0);
            Words4 words[kWordsOf8];
            pack8(v, words);
            store_shared(shared + to + i * T::kRowsPerPass * T::KB, words[0]);
        }
    }
    DEVICE_MEMBER int pixel(int at) const                          // of place `at` of k, from the patch's corner
    {
        return (at / (kPatch * kPatch) * size + at / kPatch % kPatch) * size + at % kPatch;
    }
    DEVICE_MEMBER void advance(int stages) { k += stages * (T::KB / kElemBytes); }
    DEVICE_MEMBER void passed(int) {}
};

KERNEL(T::kThreads, 1) patch(const UNIFORM PatchArgs args)
{
    wait_for_kernel_ahead();
    extern __shared__ ALIGNED(128) u8 shared_bytes[];
    const int m0 = block_x() * T::BM, n0 = block_y() * T::BN, rows = *args.tokens;
    if (m0 >= rows) return;
    const int thread = thread_index(), across = args.size / kPatch, sequence = across * across + 1;
    PixelRows a;
    a.aim(args, m0, rows);
    PackedColumns<T> b;
    b.aim(thread, args.w, n0, args.steps);
    T tile;
    tile.clear();
    tile.multiply_all(shared_address(shared_bytes), thread, T::reach(args.steps / T::kStepsPerStage, rows - m0, rows - m0 - T::warp_row(thread / 32)), a, b);

    tile.finish(thread, m0, n0, [](int, float (&)[8]) {},
        [&](int row, int column, float (&v)[8], const float (&)[8]) {
            store_floats(args.x + (u64)row * args.x_pitch, args.table + (u64)(row % sequence) * ((args.columns + 63) / 64 * 64), column, args.columns,
                row < rows, v);
        });
}
