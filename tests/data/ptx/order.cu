// Blocks, and warps of a block, that hand data to each other through memory. pass_*: ordered by a fence on the side that writes and a strong read on
// the side that waits; every thread writes 1 where it got what it should. fail_*: the same with the order left out. Run with any grid and block of 64.
// order.ptx is made by NVRTC 13.0 with --gpu-architecture=compute_80.
typedef unsigned int u32;
#define KERNEL extern "C" __global__ void
#define ME threadIdx.x
#define GID (blockIdx.x * blockDim.x + threadIdx.x)

static __device__ inline u32 load_acquire(u32* p) { u32 v; asm volatile("ld.acquire.gpu.global.u32 %0, [%1];" : "=r"(v) : "l"(p) : "memory"); return v; }
static __device__ inline void store_release(u32* p, u32 v) { asm volatile("st.release.gpu.global.u32 [%0], %1;" :: "l"(p), "r"(v) : "memory"); }
static __device__ inline u32 load_relaxed(u32* p) { u32 v; asm volatile("ld.relaxed.gpu.global.u32 %0, [%1];" : "=r"(v) : "l"(p) : "memory"); return v; }
static __device__ inline void store_relaxed(u32* p, u32 v) { asm volatile("st.relaxed.gpu.global.u32 [%0], %1;" :: "l"(p), "r"(v) : "memory"); }
static __device__ inline u32 add_acq_rel(u32* p, u32 v) { u32 o; asm volatile("atom.acq_rel.gpu.global.add.u32 %0, [%1], %2;" : "=r"(o) : "l"(p), "r"(v) : "memory"); return o; }
static __device__ inline void red_release(u32* p, u32 v) { asm volatile("red.release.gpu.global.add.u32 [%0], %1;" :: "l"(p), "r"(v) : "memory"); }

// The sum over all blocks of what block b wrote: (b + 1) in each of its words.
static __device__ u32 total() { return blockDim.x * gridDim.x * (gridDim.x + 1) / 2; }
static __device__ u32 sum(const u32* data) { u32 s = 0; for (u32 i = 0; i < gridDim.x * blockDim.x; i++) s += data[i]; return s; }

// The last block to take a ticket reduces what all have written; it sets the counter back with a plain store.
KERNEL pass_last_block(u32* sync, u32* data, u32* out) {
    __shared__ bool last;
    data[GID] = blockIdx.x + 1;
    __threadfence();
    __syncthreads();
    if (ME == 0) last = atomicInc(sync, gridDim.x - 1) == gridDim.x - 1;
    __syncthreads();
    out[GID] = 1;
    if (last) { out[GID] = sum(data) == total(); if (ME == 0) *sync = 0; }
}
KERNEL fail_last_block(u32* sync, u32* data, u32* out) {
    __shared__ bool last;
    data[GID] = blockIdx.x + 1;
    __syncthreads();
    if (ME == 0) last = atomicInc(sync, gridDim.x - 1) == gridDim.x - 1;
    __syncthreads();
    out[GID] = 1;
    if (last) out[GID] = sum(data) == total();
}
// The programming guide's form: only the thread that takes the ticket fences.
KERNEL pass_ticket_of_one(u32* sync, u32* data, u32* out) {
    __shared__ bool last;
    data[GID] = blockIdx.x + 1;
    __syncthreads();
    if (ME == 0) { __threadfence(); last = atomicAdd(sync, 1) == gridDim.x - 1; __threadfence(); }
    __syncthreads();
    out[GID] = last ? sum(data) == total() : 1;
}
KERNEL pass_acq_rel_ticket(u32* sync, u32* data, u32* out) {
    __shared__ bool last;
    data[GID] = blockIdx.x + 1;
    __syncthreads();
    if (ME == 0) last = add_acq_rel(sync, 1) == gridDim.x - 1;
    __syncthreads();
    out[GID] = last ? sum(data) == total() : 1;
}

// Everybody waits for block 0.
KERNEL pass_volatile_flag(u32* sync, u32* data, u32* out) {
    if (blockIdx.x == 0) { data[ME] = ME * 3; __threadfence(); __syncthreads(); if (ME == 0) *(volatile u32*)sync = 1; }
    else { if (ME == 0) { while (*(volatile u32*)sync == 0); __threadfence(); } __syncthreads(); }
    out[GID] = data[ME] == ME * 3;
}
KERNEL fail_volatile_flag(u32* sync, u32* data, u32* out) {
    if (blockIdx.x == 0) { data[ME] = ME * 3; __syncthreads(); if (ME == 0) *(volatile u32*)sync = 1; }
    else { if (ME == 0) while (*(volatile u32*)sync == 0); __syncthreads(); }
    out[GID] = data[ME] == ME * 3;
}
KERNEL fail_fence_before_data(u32* sync, u32* data, u32* out) {
    if (blockIdx.x == 0) { __threadfence(); __syncthreads(); data[ME] = ME * 3; __syncthreads(); if (ME == 0) *(volatile u32*)sync = 1; }
    else { if (ME == 0) while (*(volatile u32*)sync == 0); __syncthreads(); }
    out[GID] = data[ME] == ME * 3;
}
KERNEL pass_release_acquire(u32* sync, u32* data, u32* out) {
    if (blockIdx.x == 0) { data[ME] = ME * 3; __syncthreads(); if (ME == 0) store_release(sync, 1); }
    else { if (ME == 0) while (load_acquire(sync) == 0); __syncthreads(); }
    out[GID] = data[ME] == ME * 3;
}
KERNEL fail_relaxed(u32* sync, u32* data, u32* out) {
    if (blockIdx.x == 0) { data[ME] = ME * 3; __syncthreads(); if (ME == 0) store_relaxed(sync, 1); }
    else { if (ME == 0) while (load_relaxed(sync) == 0); __syncthreads(); }
    out[GID] = data[ME] == ME * 3;
}
// The flag itself is read plainly once it was seen.
KERNEL pass_plain_read_of_flag(u32* sync, u32* data, u32* out) {
    if (blockIdx.x == 0 && ME == 0) { data[0] = 5; store_release(sync, 7); }
    if (ME == 0) { while (load_acquire(sync) == 0); out[GID] = *sync == 7 && data[0] == 5; } else out[GID] = 1;
}
KERNEL fail_plain_poll(u32* sync, u32* data, u32* out) {
    if (blockIdx.x == 0 && ME == 0) { data[0] = 5; store_release(sync, 7); }
    if (ME == 0) { out[GID] = *sync <= 7; } else out[GID] = 1;
}

// Each block waits for the one before it, adds its own and hands on.
KERNEL pass_chain(u32* sync, u32* data, u32* out) {
    if (ME == 0) {
        u32 before = 0;
        if (blockIdx.x > 0) { while (load_acquire(sync + blockIdx.x - 1) == 0); before = data[blockIdx.x - 1]; }
        data[blockIdx.x] = before + blockIdx.x + 1;
        store_release(sync + blockIdx.x, 1);
        out[GID] = data[blockIdx.x] == (blockIdx.x + 1) * (blockIdx.x + 2) / 2;
    } else out[GID] = 1;
}
// The data of block 0 reaches the last block by way of the others.
KERNEL pass_handed_on(u32* sync, u32* data, u32* out) {
    if (blockIdx.x == 0) data[ME] = ME + 9;
    __syncthreads();
    if (ME == 0) {
        if (blockIdx.x > 0) while (load_acquire(sync + blockIdx.x - 1) == 0);
        store_release(sync + blockIdx.x, 1);
    }
    __syncthreads();
    out[GID] = data[ME] == ME + 9;
}
KERNEL fail_handed_on_without_release(u32* sync, u32* data, u32* out) {
    if (blockIdx.x == 0) data[ME] = ME + 9;
    __syncthreads();
    if (ME == 0) {
        if (blockIdx.x > 0) while (load_acquire(sync + blockIdx.x - 1) == 0);
        if (blockIdx.x == 0) store_release(sync, 1); else store_relaxed(sync + blockIdx.x, 1);
    }
    __syncthreads();
    out[GID] = data[ME] == ME + 9;
}

// A lock around a plain counter.
KERNEL pass_lock(u32* sync, u32* data, u32* out) {
    if (ME == 0) {
        while (atomicCAS(sync, 0, 1) != 0);
        __threadfence();
        if (sync[1] == 0) data[0] = 0;
        sync[1] = 1;
        data[0] += blockIdx.x + 1;
        __threadfence();
        atomicExch(sync, 0);
    }
    out[GID] = 1;
}
KERNEL fail_lock_without_fence(u32* sync, u32* data, u32* out) {
    if (ME == 0) {
        while (atomicCAS(sync, 0, 1) != 0);
        if (sync[1] == 0) data[0] = 0;
        sync[1] = 1;
        data[0] += blockIdx.x + 1;
        atomicExch(sync, 0);
    }
    out[GID] = 1;
}

// A barrier of the whole grid that turns its sense; the last to come sets the count back.
static __device__ void grid_barrier(u32* sync, u32* sense) {
    __syncthreads();
    if (ME == 0) {
        *sense ^= 1;
        __threadfence();
        if (atomicAdd(sync, 1) == gridDim.x - 1) { sync[0] = 0; __threadfence(); *(volatile u32*)(sync + 1) = *sense; }
        else while (*(volatile u32*)(sync + 1) != *sense);
        __threadfence();
    }
    __syncthreads();
}
KERNEL pass_sense_barrier(u32* sync, u32* data, u32* out) {
    u32 sense = 0, n = gridDim.x * blockDim.x, good = 1;
    for (u32 round = 0; round < 5; round++) {
        data[GID] = GID + round;
        grid_barrier(sync, &sense);
        u32 other = (GID + 65 * (round + 1)) % n;
        good &= data[other] == other + round;
        grid_barrier(sync, &sense);
    }
    out[GID] = good;
}
KERNEL fail_one_barrier_too_few(u32* sync, u32* data, u32* out) {
    u32 sense = 0, n = gridDim.x * blockDim.x, good = 1;
    for (u32 round = 0; round < 5; round++) {
        data[GID] = GID + round;
        grid_barrier(sync, &sense);
        u32 other = (GID + 65 * (round + 1)) % n;
        good &= data[other] >= other;
    }
    out[GID] = good;
}
// The barrier of cooperative groups: the top bit turns when all have come, block 0 adds what makes it so.
KERNEL pass_cooperative_barrier(u32* sync, u32* data, u32* out) {
    u32 good = 1, n = gridDim.x * blockDim.x;
    for (u32 round = 0; round < 4; round++) {
        data[GID] = GID * 2 + round;
        for (int twice = 0; twice < 2; twice++) {
            __syncthreads();
            if (ME == 0) {
                u32 add = blockIdx.x == 0 ? 0x80000000u - (gridDim.x - 1) : 1;
                __threadfence();
                u32 old = atomicAdd(sync, add);
                while ((((old ^ load_acquire(sync)) & 0x80000000u) == 0));
            }
            __syncthreads();
            u32 other = (GID + 64) % n;
            if (twice == 0) good &= data[other] == other * 2 + round;
        }
    }
    out[GID] = good;
}
// Work is taken from a queue by ticket; red.release tells that a piece is done, all pieces are read by whoever saw them done.
KERNEL pass_queue(u32* sync, u32* data, u32* out) {
    __shared__ u32 piece;
    while (true) {
        __syncthreads();
        if (ME == 0) piece = atomicAdd(sync, 1);
        __syncthreads();
        if (piece >= gridDim.x) break;
        data[piece * blockDim.x + ME] = piece + 1;
        __syncthreads();
        if (ME == 0) red_release(sync + 1, 1);
    }
    if (ME == 0) while (load_acquire(sync + 1) < gridDim.x);
    __syncthreads();
    out[GID] = sum(data) == total();
}
// All blocks store the same value: nothing depends on the order.
KERNEL pass_same_value(u32* sync, u32* data, u32* out) {
    data[ME] = 77;
    out[GID] = 1;
}

// Warps of one block, without a barrier between them.
KERNEL pass_last_warp_shared(u32* sync, u32* data, u32* out) {
    __shared__ u32 part[2], tickets;
    if (ME == 0) tickets = 0;
    __syncthreads();
    u32 w = ME / 32, last = 0;
    if (ME % 32 == 0) { part[w] = w + 4; __threadfence_block(); last = atomicAdd(&tickets, 1) == 1; }
    last = __shfl_sync(~0u, last, 0);
    out[GID] = 1;
    if (last) { __threadfence_block(); out[GID] = part[0] + part[1] == 9; }
}
KERNEL fail_last_warp_shared(u32* sync, u32* data, u32* out) {
    __shared__ u32 part[2], tickets;
    if (ME == 0) tickets = 0;
    __syncthreads();
    u32 w = ME / 32, last = 0;
    if (ME % 32 == 0) { part[w] = w + 4; last = atomicAdd(&tickets, 1) == 1; }
    last = __shfl_sync(~0u, last, 0);
    out[GID] = 1;
    if (last) { __threadfence_block(); out[GID] = part[0] + part[1] == 9; }
}
KERNEL pass_last_warp_global(u32* sync, u32* data, u32* out) {
    u32 w = ME / 32, last = 0;
    data[GID] = w + 4;
    __threadfence();
    __syncwarp();
    if (ME % 32 == 0) last = atomicAdd(sync + blockIdx.x, 1) == 1;
    last = __shfl_sync(~0u, last, 0);
    u32 base = blockIdx.x * blockDim.x;
    out[GID] = 1;
    if (last) { __threadfence_block(); out[GID] = data[base] + data[base + 32] == 9; }
}
KERNEL fail_last_warp_global(u32* sync, u32* data, u32* out) {
    u32 w = ME / 32, last = 0;
    data[GID] = w + 4;
    if (ME % 32 == 0) last = atomicAdd(sync + blockIdx.x, 1) == 1;
    last = __shfl_sync(~0u, last, 0);
    u32 base = blockIdx.x * blockDim.x;
    out[GID] = 1;
    if (last) { __threadfence_block(); out[GID] = data[base] + data[base + 32] == 9; }
}
KERNEL pass_warps_by_volatile_flag(u32* sync, u32* data, u32* out) {
    __shared__ u32 item[32];
    __shared__ volatile u32 full;
    if (ME == 0) full = 0;
    __syncthreads();
    u32 good = 1;
    for (u32 round = 0; round < 4; round++) {
        if (ME < 32) { while (full != 0); __threadfence_block(); item[ME] = round + ME; __threadfence_block(); __syncwarp(); if (ME == 0) full = 1; }
        else { while (full != 1); __threadfence_block(); good &= item[ME - 32] == round + ME - 32; __threadfence_block(); __syncwarp(); if (ME == 32) full = 0; }
        __syncwarp();
    }
    out[GID] = good;
}
// Warp 0 of block 0 tells block 1, which tells warp 1 of block 0.
KERNEL pass_by_way_of_another_block(u32* sync, u32* data, u32* out) {
    out[GID] = 1;
    if (gridDim.x < 2) return;
    if (blockIdx.x == 0 && ME < 32) { data[ME] = ME + 3; __syncwarp(); if (ME == 0) store_release(sync, 1); }
    if (blockIdx.x == 1 && ME == 0) { while (load_acquire(sync) == 0); store_release(sync + 1, 1); }
    if (blockIdx.x == 0 && ME >= 32) { if (ME == 32) while (load_acquire(sync + 1) == 0); __syncwarp(); out[GID] = data[ME - 32] == ME - 32 + 3; }
}
// Sums by compare-and-swap: the first guess is a plain read, which the swap confirms.
static __device__ void add_by_swap(u32* p, u32 v) { u32 old = *p, seen; do { seen = old; old = atomicCAS(p, seen, seen + v); } while (old != seen); }
KERNEL pass_guess_and_swap(u32* sync, u32* data, u32* out) {
    __shared__ u32 s;
    if (ME == 0) s = 0;
    __syncthreads();
    add_by_swap(&s, ME);
    add_by_swap(sync, ME);
    __syncthreads();
    out[GID] = s == 63 * 32;
}
KERNEL fail_guess_without_swap(u32* sync, u32* data, u32* out) {
    if (ME == 0) atomicAdd(sync, 1);
    if (ME == 40) out[GID] = *sync;
}
KERNEL fail_guess_without_swap_shared(u32* sync, u32* data, u32* out) {
    __shared__ u32 s;
    if (ME == 0) s = 0;
    __syncthreads();
    if (ME < 32) atomicAdd(&s, 1); else out[GID] = s;
}
// Threads that have returned are not waited for, whichever way the compiler lays the branch.
KERNEL pass_return_before_barrier(u32* sync, u32* data, u32* out) {
    __shared__ u32 s[64];
    out[GID] = 1;
    s[ME] = ME;
    if (ME % 5 == 2) return;
    __syncthreads();
    if (ME % 7 != 3) { s[ME] += s[63 - ME] * 0 + 1; } else { out[GID] = 1; return; }
    __syncthreads();
    out[GID] = s[ME] == ME + 1 && s[0] == 1;
}
