// The words every kernel is written in: the few things of CUDA that it needs, spelled as PTX, so that NVRTC and clang read the same text
// and neither needs a header. Nothing here knows of transformers.
#pragma once

#ifdef __clang__
#define __global__ __attribute__((global))
#define __device__ __attribute__((device))
#define __shared__ __attribute__((shared))
#define __forceinline__ inline __attribute__((always_inline))
#define __launch_bounds__(...) __attribute__((launch_bounds(__VA_ARGS__)))
#define __restrict__ __restrict
#endif
#ifdef __clang__
#define UNIFORM
#define ALIGNED(bytes) __attribute__((aligned(bytes)))
#else
#define UNIFORM __grid_constant__
#define ALIGNED(bytes) __align__(bytes)
#endif
#define DEVICE static __device__ __forceinline__
#define DEVICE_MEMBER __device__ __forceinline__
#define KERNEL(...) extern "C" __global__ void __launch_bounds__(__VA_ARGS__)

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;

struct alignas(16) Words4 { u32 w[4]; };      // what one 16-byte access moves
struct alignas(16) Floats4 { float f[4]; };

// ---- where am I
DEVICE int thread_index() { int v; asm("mov.u32 %0, %%tid.x;" : "=r"(v)); return v; }
DEVICE int block_x() { int v; asm("mov.u32 %0, %%ctaid.x;" : "=r"(v)); return v; }
DEVICE int block_y() { int v; asm("mov.u32 %0, %%ctaid.y;" : "=r"(v)); return v; }
DEVICE int block_z() { int v; asm("mov.u32 %0, %%ctaid.z;" : "=r"(v)); return v; }
DEVICE int grid_x() { int v; asm("mov.u32 %0, %%nctaid.x;" : "=r"(v)); return v; }
DEVICE int grid_z() { int v; asm("mov.u32 %0, %%nctaid.z;" : "=r"(v)); return v; }
DEVICE int grid_y() { int v; asm("mov.u32 %0, %%nctaid.y;" : "=r"(v)); return v; }

// ---- together
DEVICE void block_barrier() { asm volatile("bar.sync 0;" ::: "memory"); }
DEVICE void warp_barrier() { asm volatile("bar.warp.sync 0xffffffff;" ::: "memory"); }
DEVICE float lane_xor(float v, int mask)
{
    float r;
    asm volatile("shfl.sync.bfly.b32 %0, %1, %2, 31, 0xffffffff;" : "=f"(r) : "f"(v), "r"(mask));
    return r;
}
DEVICE int lane_up(int v, int delta)            // the value `delta` lanes below; a lane without one keeps its own
{
    int r;
    asm volatile("shfl.sync.up.b32 %0, %1, %2, 0, 0xffffffff;" : "=r"(r) : "r"(v), "r"(delta));
    return r;
}
DEVICE float sum_over_warp(float v)
{
#pragma unroll
    for (int m = 16; m > 0; m >>= 1) v += lane_xor(v, m);
    return v;
}
DEVICE u32 lanes_with_same(u32 v)               // which lanes hold my value
{
    u32 r;
    asm volatile("match.any.sync.b32 %0, %1, 0xffffffff;" : "=r"(r) : "r"(v));
    return r;
}
DEVICE int bits_set(u32 v) { int r; asm("popc.b32 %0, %1;" : "=r"(r) : "r"(v)); return r; }
DEVICE u32 lanes_below() { u32 r; asm("mov.u32 %0, %%lanemask_lt;" : "=r"(r)); return r; }

// ---- arithmetic that C++ has no operator for
DEVICE float fma(float a, float b, float c) { float r; asm("fma.rn.f32 %0, %1, %2, %3;" : "=f"(r) : "f"(a), "f"(b), "f"(c)); return r; }
DEVICE float max_of(float a, float b) { float r; asm("max.f32 %0, %1, %2;" : "=f"(r) : "f"(a), "f"(b)); return r; }
DEVICE float magnitude(float a) { float r; asm("abs.f32 %0, %1;" : "=f"(r) : "f"(a)); return r; }
DEVICE float square_root(float a) { float r; asm("sqrt.rn.f32 %0, %1;" : "=f"(r) : "f"(a)); return r; }
DEVICE float divide(float a, float b) { float r; asm("div.rn.f32 %0, %1, %2;" : "=f"(r) : "f"(a), "f"(b)); return r; }
DEVICE float fast_reciprocal(float a) { float r; asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(r) : "f"(a)); return r; }
DEVICE float power_of_two(float a) { float r; asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(r) : "f"(a)); return r; }
DEVICE u32 bits_of(float a) { u32 r; asm("mov.b32 %0, %1;" : "=r"(r) : "f"(a)); return r; }
DEVICE float float_of(u32 a) { float r; asm("mov.b32 %0, %1;" : "=f"(r) : "r"(a)); return r; }
DEVICE int least(int a, int b) { return a < b ? a : b; }
DEVICE int most(int a, int b) { return a > b ? a : b; }

DEVICE const u8* opaque(const u8* p) { asm volatile("" : "+l"(p)); return p; }     // keeps the compiler from folding what was added so far
DEVICE u32 opaque(u32 v) { asm volatile("" : "+r"(v)); return v; }               // keeps it in a register: not made anew where it is used
DEVICE const u8* ahead(const u8* p, int bytes)      // p + bytes, added in place: a plain sum is made early, and then moved back
{
    asm volatile("add.s64 %0, %0, %1;" : "+l"(p) : "l"((long long)bytes));
    return p;
}

// ---- shared memory by its own 32-bit addresses
DEVICE u32 shared_address(const void* p)
{
    u64 a;
    asm("cvta.to.shared.u64 %0, %1;" : "=l"(a) : "l"(p));
    return (u32)a;
}
DEVICE Words4 load_shared(u32 address)
{
    Words4 v;
    asm volatile("ld.shared.v4.b32 {%0, %1, %2, %3}, [%4];" : "=r"(v.w[0]), "=r"(v.w[1]), "=r"(v.w[2]), "=r"(v.w[3]) : "r"(address));
    return v;
}
DEVICE void store_shared(u32 address, const Words4& v)
{
    asm volatile("st.shared.v4.b32 [%0], {%1, %2, %3, %4};" ::"r"(address), "r"(v.w[0]), "r"(v.w[1]), "r"(v.w[2]), "r"(v.w[3]) : "memory");
}

// Four 8x8 tiles of 16-bit values (or 8x4 of 32-bit ones): lane l names row l % 8 of tile l / 8, and gets word l % 4 of row l / 4 of each tile.
DEVICE Words4 load_matrices(u32 address)
{
    Words4 v;
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(v.w[0]), "=r"(v.w[1]), "=r"(v.w[2]), "=r"(v.w[3]) : "r"(address));
    return v;
}
DEVICE Words4 load_matrices_transposed(u32 address)
{
    Words4 v;
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(v.w[0]), "=r"(v.w[1]), "=r"(v.w[2]), "=r"(v.w[3]) : "r"(address));
    return v;
}

// ---- global to shared without a register between (sm_80), 16 bytes at a time; before sm_80 the same by a load and a store
DEVICE Words4 load_global(const void* p)
{
    Words4 v;
    asm volatile("ld.global.v4.b32 {%0, %1, %2, %3}, [%4];" : "=r"(v.w[0]), "=r"(v.w[1]), "=r"(v.w[2]), "=r"(v.w[3]) : "l"(p));
    return v;
}
DEVICE void copy_or_zero(u32 shared, const void* global, bool take)     // zeros, and no access at all, where `take` is false
{
#if __CUDA_ARCH__ >= 800
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(shared), "l"(global), "r"(take ? 16 : 0) : "memory");
#else
    Words4 v = {{0, 0, 0, 0}};
    if (take) v = load_global(global);
    store_shared(shared, v);
#endif
}
DEVICE void copy(u32 shared, const void* global)
{
#if __CUDA_ARCH__ >= 800
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(shared), "l"(global) : "memory");
#else
    store_shared(shared, load_global(global));
#endif
}
DEVICE void copy_if(u32 shared, const void* global, bool take)          // nothing where `take` is false
{
#if __CUDA_ARCH__ >= 800
    asm volatile("{ .reg .pred p; setp.ne.b32 p, %2, 0; @p cp.async.cg.shared.global [%0], [%1], 16; }"
                 ::"r"(shared), "l"(global), "r"((int)take) : "memory");
#else
    if (take) store_shared(shared, load_global(global));
#endif
}
DEVICE void end_copy_group()
{
#if __CUDA_ARCH__ >= 800
    asm volatile("cp.async.commit_group;" ::: "memory");
#endif
}
template <int Pending> DEVICE void wait_copy_groups()                   // until at most `Pending` groups are under way
{
#if __CUDA_ARCH__ >= 800
    asm volatile("cp.async.wait_group %0;" ::"n"(Pending) : "memory");
#endif
}

// ---- between blocks
DEVICE void fence() { asm volatile("fence.acq_rel.gpu;" ::: "memory"); }
DEVICE u32 count_up_to(u32* counter, u32 last)    // adds one, or starts again at 0 after `last`; what it was before
{
    u32 r;
    asm volatile("atom.global.inc.u32 %0, [%1], %2;" : "=r"(r) : "l"(counter), "r"(last) : "memory");
    return r;
}

// ---- between kernels of a stream
// Every kernel begins with this. Launched as a programmatic dependent (sm_90), its blocks may be here before the kernel ahead has ended: the
// next one may come as early, and nothing is read or written until all that was ahead is done. Launched otherwise, it does nothing.
DEVICE void wait_for_kernel_ahead()
{
#if __CUDA_ARCH__ >= 900
    asm volatile("griddepcontrol.launch_dependents;" ::: "memory");
    asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
}
