// The CUDA that the kernels use, on host threads: a thread for each lane, which meet where the language says that they do.
#pragma once
#include <atomic>
#include <condition_variable>
#include <cstdio>
#include <cstring>
#include <cmath>
#include <functional>
#include <map>
#include <mutex>
#include <thread>
#include <vector>
#define __global__
#define __device__
#define __shared__ static
#define __constant__ static const
#define __noinline__ __attribute__((noinline))
struct Meeting { std::mutex m; std::condition_variable c; int arrived = 0; unsigned turn = 0; u64 values[64]; u64 shown[64]; };
static Meeting block_meeting;
static std::mutex meetings_lock;
static std::map<u64, Meeting> meetings;
static thread_local u32 ME;
static u32 BLOCK, BLOCKS, THREADS;
// Everybody of `count` brings a value and sees everybody's.
static const u64* meet(Meeting& g, int count, int me, u64 value) {
    std::unique_lock<std::mutex> l(g.m);
    g.values[me] = value;
    unsigned turn = g.turn;
    if (++g.arrived == count) { g.arrived = 0; g.turn++; memcpy(g.shown, g.values, sizeof g.shown); g.c.notify_all(); }
    else g.c.wait(l, [&] { return g.turn != turn; });
    static thread_local u64 copy[64];
    memcpy(copy, g.shown, sizeof copy);
    return copy;
}
static const u64* warp_meet(u32 mask, u64 value) {
    Meeting* g;
    { std::lock_guard<std::mutex> l(meetings_lock); g = &meetings[((u64)(ME / 32) << 32) | mask]; }
    return meet(*g, __builtin_popcount(mask), ME % 32, value);
}
static u32 live_threads;
static inline int __syncthreads_count(int p) { const u64* v = meet(block_meeting, THREADS, ME, p != 0); int s = 0; for (u32 i = 0; i < THREADS; i++) s += v[i]; return s; }
static inline void __syncthreads() { __syncthreads_count(0); }
static inline int __syncthreads_or(int p) { return __syncthreads_count(p) > 0; }
static inline int __syncthreads_and(int p) { return __syncthreads_count(p) == (int)THREADS; }
static inline void __syncwarp() { warp_meet(~0u, 0); }
static inline void __threadfence() { std::atomic_thread_fence(std::memory_order_seq_cst); }
static inline void __threadfence_block() { __threadfence(); }
static inline u32 shfl(u32 m, u32 v, int from) { const u64* a = warp_meet(m, v); return from >= 0 && from < 32 ? (u32)a[from] : v; }
static inline u32 __shfl_sync(u32 m, u32 v, int l) { return shfl(m, v, l & 31); }
static inline u32 __shfl_xor_sync(u32 m, u32 v, int l) { return shfl(m, v, (ME % 32) ^ l); }
static inline u32 __shfl_up_sync(u32 m, u32 v, int l) { return shfl(m, v, (int)(ME % 32) - l); }
static inline u32 __shfl_down_sync(u32 m, u32 v, int l) { return shfl(m, v, (int)(ME % 32) + l); }
static inline u32 __ballot_sync(u32 m, int p) { const u64* a = warp_meet(m, p != 0); u32 r = 0; for (int i = 0; i < 32; i++) if ((m >> i & 1) && a[i]) r |= 1u << i; return r; }
static inline int __any_sync(u32 m, int p) { return __ballot_sync(m, p) != 0; }
static inline int __all_sync(u32 m, int p) { return __ballot_sync(m, p) == m; }
static inline u32 __match_any_sync(u32 m, u32 v) { const u64* a = warp_meet(m, v); u32 r = 0; for (int i = 0; i < 32; i++) if ((m >> i & 1) && (u32)a[i] == v) r |= 1u << i; return r; }
static inline int __popc(u32 x) { return __builtin_popcount(x); }
static inline int __popcll(u64 x) { return __builtin_popcountll(x); }
static inline int __clz(u32 x) { return x ? __builtin_clz(x) : 32; }
static inline int __clzll(u64 x) { return x ? __builtin_clzll(x) : 64; }
static inline int __ffs(u32 x) { return __builtin_ffs(x); }
static inline u32 __brev(u32 x) { u32 r = 0; for (int i = 0; i < 32; i++) r |= (x >> i & 1) << (31 - i); return r; }
static inline u32 __umulhi(u32 a, u32 b) { return (u32)(((u64)a * b) >> 32); }
static inline float __sqrtf_rn(float x) { return sqrtf(x); }
static inline double __sqrtd_rn(double x) { return sqrt(x); }
static std::mutex atomics;
template <class T, class F> static T change(T* p, F f) { std::lock_guard<std::mutex> l(atomics); T old = *p; *p = f(old); return old; }
template <class T, class V> static T atomicAdd(T* p, V v) { return change(p, [&](T o) { return (T)(o + v); }); }
template <class T, class V> static T atomicSub(T* p, V v) { return change(p, [&](T o) { return (T)(o - v); }); }
template <class T, class V> static T atomicAnd(T* p, V v) { return change(p, [&](T o) { return (T)(o & v); }); }
template <class T, class V> static T atomicOr(T* p, V v) { return change(p, [&](T o) { return (T)(o | v); }); }
template <class T, class V> static T atomicXor(T* p, V v) { return change(p, [&](T o) { return (T)(o ^ v); }); }
template <class T, class V> static T atomicMin(T* p, V v) { return change(p, [&](T o) { return o < (T)v ? o : (T)v; }); }
template <class T, class V> static T atomicMax(T* p, V v) { return change(p, [&](T o) { return o > (T)v ? o : (T)v; }); }
template <class T, class V> static T atomicExch(T* p, V v) { return change(p, [&](T) { return (T)v; }); }
template <class T, class V, class W> static T atomicCAS(T* p, V a, W b) { return change(p, [&](T o) { return o == (T)a ? (T)b : o; }); }
template <class A, class B> static A bits(B b) { A a; static_assert(sizeof a == sizeof b, ""); memcpy(&a, &b, sizeof a); return a; }
#define FLOAT_BITS(x) bits<u32>((float)(x))
#define BITS_FLOAT(x) bits<float>((u32)(x))
#define DOUBLE_BITS(x) bits<u64>((double)(x))
#define BITS_DOUBLE(x) bits<double>((u64)(x))
#define EXTERN_SHARED(T, name) static T name[1024]
struct Kernel { const char* name; void (*run)(const u32*, u32*, int); };
static std::vector<Kernel>& kernels() { static std::vector<Kernel> k; return k; }
struct Register { Register(const char* n, void (*r)(const u32*, u32*, int)) { kernels().push_back({n, r}); } };
#define KERNEL(name) static void name(const u32* in, u32* out, int n); static Register register_##name(#name, name); static void name(const u32* in, u32* out, int n)

// host IN OUT: runs every kernel over the words of IN; writes a line with its name to stdout and its output to OUT.
int main(int argc, char** argv) {
    BLOCKS = 2; THREADS = 64;
    const int threads = 128, words = threads * 4;
    std::vector<u32> in(words);
    FILE* f = fopen(argv[1], "rb");
    if (!f || fread(in.data(), 4, words, f) != (size_t)words) return 1;
    fclose(f);
    f = fopen(argv[2], "wb");
    for (Kernel& k : kernels()) {
        std::vector<u32> out(words, 0u);
        for (BLOCK = 0; BLOCK < BLOCKS; BLOCK++) {
            std::vector<std::thread> lanes;
            for (u32 t = 0; t < THREADS; t++) lanes.emplace_back([&, t] { ME = t; k.run(in.data(), out.data(), threads); });
            for (std::thread& t : lanes) t.join();
        }
        puts(k.name);
        fwrite(out.data(), 4, words, f);
    }
    fclose(f);
}
