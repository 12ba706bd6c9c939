// The same kernels for three compilers: NVRTC, clang's NVPTX target, and the host's C++ compiler, whose program (host.h) says what they must compute.
#pragma once
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef signed char s8;
typedef short s16;
typedef int s32;
typedef long long s64;

#if defined(HOST)
#include "host.h"
#elif defined(__clang__)
#define __global__ __attribute__((global))
#define __device__ __attribute__((device))
#define __shared__ __attribute__((shared))
#define __constant__ __attribute__((constant))
#define __noinline__ __attribute__((noinline))
#define ME ((u32)__nvvm_read_ptx_sreg_tid_x())
#define BLOCK ((u32)__nvvm_read_ptx_sreg_ctaid_x())
#define BLOCKS ((u32)__nvvm_read_ptx_sreg_nctaid_x())
#define THREADS ((u32)__nvvm_read_ptx_sreg_ntid_x())
#define __syncthreads_or(x) __nvvm_bar0_or(x)
#define __syncthreads_and(x) __nvvm_bar0_and(x)
#define __syncthreads_count(x) __nvvm_bar0_popc(x)
#define __syncwarp() __nvvm_bar_warp_sync(0xffffffffu)
#define __threadfence() __nvvm_membar_gl()
#define __threadfence_block() __nvvm_membar_cta()
#define __shfl_sync(m, v, l) ((u32)__nvvm_shfl_sync_idx_i32(m, v, l, 31))
#define __shfl_xor_sync(m, v, l) ((u32)__nvvm_shfl_sync_bfly_i32(m, v, l, 31))
#define __shfl_up_sync(m, v, l) ((u32)__nvvm_shfl_sync_up_i32(m, v, l, 0))
#define __shfl_down_sync(m, v, l) ((u32)__nvvm_shfl_sync_down_i32(m, v, l, 31))
#define __ballot_sync(m, p) ((u32)__nvvm_vote_ballot_sync(m, p))
#define __any_sync(m, p) __nvvm_vote_any_sync(m, p)
#define __all_sync(m, p) __nvvm_vote_all_sync(m, p)
#define __match_any_sync(m, v) ((u32)__nvvm_match_any_sync_i32(m, v))
#define __activemask() device_activemask()
static __device__ inline u32 device_activemask() { u32 v; asm volatile("activemask.b32 %0;" : "=r"(v)); return v; }
#define __popc(x) __builtin_popcount(x)
#define __popcll(x) __builtin_popcountll(x)
static __device__ inline int __clz(u32 x) { return x ? __builtin_clz(x) : 32; }
static __device__ inline int __clzll(u64 x) { return x ? __builtin_clzll(x) : 64; }
static __device__ inline int __ffs(u32 x) { return __builtin_ffs(x); }
static __device__ inline u32 __brev(u32 x) { return __builtin_bitreverse32(x); }
#define __umulhi(a, b) ((u32)(((u64)(a) * (b)) >> 32))
#define __sqrtf_rn(x) __nvvm_sqrt_rn_f(x)
#define __sqrtd_rn(x) __nvvm_sqrt_rn_d(x)
#define ATOMIC(op, T) __nvvm_atom_##op
#define atomicAdd(p, v) __atomic_fetch_add(p, v, __ATOMIC_RELAXED)
#define atomicSub(p, v) __atomic_fetch_sub(p, v, __ATOMIC_RELAXED)
#define atomicAnd(p, v) __atomic_fetch_and(p, v, __ATOMIC_RELAXED)
#define atomicOr(p, v) __atomic_fetch_or(p, v, __ATOMIC_RELAXED)
#define atomicXor(p, v) __atomic_fetch_xor(p, v, __ATOMIC_RELAXED)
#define atomicMin(p, v) __atomic_fetch_min(p, v, __ATOMIC_RELAXED)
#define atomicMax(p, v) __atomic_fetch_max(p, v, __ATOMIC_RELAXED)
#define atomicExch(p, v) __atomic_exchange_n(p, v, __ATOMIC_RELAXED)
static __device__ inline u32 atomicCAS(u32* p, u32 a, u32 b) { __atomic_compare_exchange_n(p, &a, b, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED); return a; }
static __device__ inline u64 atomicCAS(u64* p, u64 a, u64 b) { __atomic_compare_exchange_n(p, &a, b, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED); return a; }
#define FLOAT_BITS(x) __builtin_bit_cast(u32, (float)(x))
#define BITS_FLOAT(x) __builtin_bit_cast(float, (u32)(x))
#define DOUBLE_BITS(x) __builtin_bit_cast(u64, (double)(x))
#define BITS_DOUBLE(x) __builtin_bit_cast(double, (u64)(x))
#define EXTERN_SHARED(T, name) extern __attribute__((shared)) T name[]
#else
#define ME threadIdx.x
#define BLOCK blockIdx.x
#define BLOCKS gridDim.x
#define THREADS blockDim.x
#define __sqrtf_rn(x) __fsqrt_rn(x)
#define __sqrtd_rn(x) __dsqrt_rn(x)
#define FLOAT_BITS(x) __float_as_uint(x)
#define BITS_FLOAT(x) __uint_as_float(x)
#define DOUBLE_BITS(x) ((u64)__double_as_longlong(x))
#define BITS_DOUBLE(x) __longlong_as_double((s64)(x))
#define EXTERN_SHARED(T, name) extern __shared__ T name[]
#endif

#if !defined(HOST)
#define KERNEL(name) extern "C" __global__ void name(const u32* in, u32* out, int n)
#endif
#define GID (BLOCK * THREADS + ME)
#define FUNCTION static __device__ __noinline__
// In: 4 words for each thread. Out: 4 words for each thread.
#define IN(j) in[4 * GID + (j)]
#define OUT(j) out[4 * GID + (j)]
