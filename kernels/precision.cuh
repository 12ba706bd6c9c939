// The four precisions behind one set of names. PRECISION (a macro of the compilation) picks:
//   0 fp32   plain FMA, for parity          1 tf32   mma.m16n8k8, operands rounded to tf32 where they are written
//   2 fp16   mma.m16n8k16 (sm_75: two k8)   3 bf16   mma.m16n8k16
//
// A matrix product is summed in *k-steps* of 32 bytes of K: 16 values of a 16-bit type, 8 of a 32-bit one. Accumulators are fp32 and lie
// as mma.sync lays them, in every precision: lane l holds of a 16x8 tile rows l/4 and l/4+8, columns 2(l%4) and 2(l%4)+1.
#pragma once
#include "common.cuh"

#ifndef PRECISION
#define PRECISION 3
#endif
#define FP32 0
#define TF32 1
#define FP16 2
#define BF16 3

#if PRECISION >= FP16
typedef u16 Elem;
#else
typedef float Elem;
#endif
constexpr int kElemBytes = sizeof(Elem);
constexpr int kStepBytes = 32;
constexpr int kStepElems = kStepBytes / kElemBytes;

// ---- one value, two values, eight values: fp32 to stored and back
DEVICE u32 pack2(float lo, float hi)
{
    u32 r = 0;
#if PRECISION == FP16 && __CUDA_ARCH__ >= 800
    asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(r) : "f"(hi), "f"(lo));
#elif PRECISION == FP16
    asm("{ .reg .b16 a, b; cvt.rn.f16.f32 a, %1; cvt.rn.f16.f32 b, %2; mov.b32 %0, {a, b}; }" : "=r"(r) : "f"(lo), "f"(hi));
#elif PRECISION == BF16
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(r) : "f"(hi), "f"(lo));
#endif
    return r;
}
DEVICE float low_half(u32 v)
{
#if PRECISION == FP16
    float r;
    asm("{ .reg .b16 a, b; mov.b32 {a, b}, %1; cvt.f32.f16 %0, a; }" : "=f"(r) : "r"(v));
    return r;
#else
    return float_of(v << 16);
#endif
}
DEVICE float high_half(u32 v)
{
#if PRECISION == FP16
    float r;
    asm("{ .reg .b16 a, b; mov.b32 {a, b}, %1; cvt.f32.f16 %0, b; }" : "=f"(r) : "r"(v));
    return r;
#else
    return float_of(v & 0xffff0000u);
#endif
}
DEVICE float rounded(float v)                    // fp32 to what a 32-bit operand keeps
{
#if PRECISION == TF32
    u32 r;
    asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(r) : "f"(v));
    return float_of(r);
#else
    return v;
#endif
}
constexpr int kWordsOf8 = 8 * kElemBytes / 16;   // 16-byte words that eight values fill: 1 or 2
DEVICE void pack8(const float* v, Words4* out)
{
    if (kElemBytes == 2) {
#pragma unroll
        for (int i = 0; i < 4; i++) out[0].w[i] = pack2(v[2 * i], v[2 * i + 1]);
    } else {
#pragma unroll
        for (int i = 0; i < 8; i++) out[i / 4].w[i % 4] = bits_of(rounded(v[i]));
    }
}
DEVICE void unpack8(const Words4* in, float* v)
{
    if (kElemBytes == 2) {
#pragma unroll
        for (int i = 0; i < 4; i++) { v[2 * i] = low_half(in[0].w[i]); v[2 * i + 1] = high_half(in[0].w[i]); }
    } else {
#pragma unroll
        for (int i = 0; i < 8; i++) v[i] = float_of(in[i / 4].w[i % 4]);
    }
}

// ---- eight values in memory, 16-byte aligned
DEVICE void read8(const float* from, float (&v)[8])
{
#pragma unroll
    for (int w = 0; w < 2; w++) {
        const Floats4 f = ((const Floats4*)from)[w];
#pragma unroll
        for (int e = 0; e < 4; e++) v[4 * w + e] = f.f[e];
    }
}
DEVICE void write8(float* to, const float (&v)[8])
{
#pragma unroll
    for (int w = 0; w < 2; w++) ((Floats4*)to)[w] = Floats4{{v[4 * w], v[4 * w + 1], v[4 * w + 2], v[4 * w + 3]}};
}
DEVICE void write8_stored(void* to, const float (&v)[8])
{
    Words4 words[kWordsOf8];
    pack8(v, words);
#pragma unroll
    for (int w = 0; w < kWordsOf8; w++) ((Words4*)to)[w] = words[w];
}

// ---- eight values of every lane to rows in memory, whole sectors a request. All lanes of a warp call these together.

// Lanes 2i and 2i + 1 hold 16 neighbouring columns. They swap halves, so that what each keeps are four neighbours of every eight: a pair's
// first four are 32 bytes in a row, and so are its last four. Twice is never. Returns the column of v[0]; v[4] is eight further.
DEVICE int pair_up(float (&v)[8], int column)
{
    const bool odd = thread_index() & 1;
#pragma unroll
    for (int e = 0; e < 4; e++) {
        const float got = lane_xor(odd ? v[e] : v[4 + e], 1);
        if (odd) v[e] = got;
        else v[4 + e] = got;
    }
    return odd ? column - 4 : column;
}
// to[column ..] = v, plus what `plus` (may be `to` itself, or null) holds there; nothing from `columns` on, a multiple of 8.
DEVICE void store_floats(float* to, const float* plus, int column, int columns, bool there, float (&v)[8])
{
    const int first = pair_up(v, column);
#pragma unroll
    for (int q = 0; q < 2; q++) {
        const int c = first + 8 * q;
        if (!there || c >= columns) continue;
        Floats4 f = {{v[4 * q], v[4 * q + 1], v[4 * q + 2], v[4 * q + 3]}};
        if (plus) {
            const Floats4 more = *(const Floats4*)(plus + c);
#pragma unroll
            for (int e = 0; e < 4; e++) f.f[e] += more.f[e];
        }
        *(Floats4*)(to + c) = f;
    }
}
DEVICE void store_elems(Elem* to, int column, int columns, bool there, float (&v)[8])
{
#if PRECISION >= FP16
    if (there && column < columns) write8_stored(to + column, v);
#else
#pragma unroll
    for (int e = 0; e < 8; e++) v[e] = rounded(v[e]);
    store_floats(to, nullptr, column, columns, there, v);
#endif
}

// ---- operands of one k-step. A: 16 rows. B: 16 columns, packed (see tile.cuh) so that a lane's part is 16 bytes.
#if PRECISION != FP32
struct FragmentA { Words4 v; };
struct FragmentB { Words4 v; };

DEVICE void multiply(float (&c)[4], const FragmentA& a, u32 b0, u32 b1)
{
#define MMA(shape_and_types)                                                                                                  \
    asm volatile("mma.sync.aligned." shape_and_types " {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"        \
                 : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])                                                              \
                 : "r"(a.v.w[0]), "r"(a.v.w[1]), "r"(a.v.w[2]), "r"(a.v.w[3]), "r"(b0), "r"(b1))
#if PRECISION == TF32
    MMA("m16n8k8.row.col.f32.tf32.tf32.f32");
#elif PRECISION == BF16
    MMA("m16n8k16.row.col.f32.bf16.bf16.f32");
#elif __CUDA_ARCH__ >= 800
    MMA("m16n8k16.row.col.f32.f16.f16.f32");
#else
    asm volatile("mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5}, {%6}, {%0, %1, %2, %3};"
                 : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3]) : "r"(a.v.w[0]), "r"(a.v.w[1]), "r"(b0));
    asm volatile("mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5}, {%6}, {%0, %1, %2, %3};"
                 : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3]) : "r"(a.v.w[2]), "r"(a.v.w[3]), "r"(b1));
#endif
#undef MMA
}
DEVICE void multiply(float (&left)[4], float (&right)[4], const FragmentA& a, const FragmentB& b)
{
    multiply(left, a, b.v.w[0], b.v.w[1]);
    multiply(right, a, b.v.w[2], b.v.w[3]);
}
#else
struct FragmentA { float v[2][8]; };             // rows l/4 and l/4+8, eight k
struct FragmentB { float v[4][8]; };             // columns 2t, 2t+1 of the left tile, then of the right one, eight k

DEVICE void multiply(float (&left)[4], float (&right)[4], const FragmentA& a, const FragmentB& b)
{
#pragma unroll
    for (int k = 0; k < 8; k++)
#pragma unroll
        for (int r = 0; r < 2; r++)
#pragma unroll
            for (int e = 0; e < 2; e++) {
                left[2 * r + e] = fma(a.v[r][k], b.v[e][k], left[2 * r + e]);
                right[2 * r + e] = fma(a.v[r][k], b.v[2 + e][k], right[2 * r + e]);
            }
}
#endif
