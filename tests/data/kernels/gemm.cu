// c[m, n] = a[m, k] b[k, n], bf16 with float32 sums: the smallest kernel that still uses a tensor core the usual way (double-buffered
// cp.async, ldmatrix plain and transposed, mma.sync). Tile 32 x 32, four warps of 16 x 16. Grid (n / 32, m / 32), block 128.
// m, n: multiples of 32; k: of 16. Needs no header, so NVRTC and clang compile the same text.
#ifdef __clang__
#define __global__ __attribute__((global))
#define __shared__ __attribute__((shared))
#define ALIGNED __attribute__((aligned(16)))
#else
#define ALIGNED __align__(16)
#endif
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;

extern "C" __global__ void gemm(const u16* a, const u16* b, float* c, int n, int k)
{
    __shared__ ALIGNED u16 rows[2][32][24];     // padded: no bank conflicts in ldmatrix
    __shared__ ALIGNED u16 columns[2][16][40];
    u32 thread, bx, by;
    asm("mov.u32 %0, %%tid.x;" : "=r"(thread));
    asm("mov.u32 %0, %%ctaid.x;" : "=r"(bx));
    asm("mov.u32 %0, %%ctaid.y;" : "=r"(by));
    const u32 warp = thread >> 5, lane = thread & 31;
    u64 address;
    asm("cvta.to.shared.u64 %0, %1;" : "=l"(address) : "l"(&rows[0][0][0]));
    const u32 rows_at = (u32)address;
    asm("cvta.to.shared.u64 %0, %1;" : "=l"(address) : "l"(&columns[0][0][0]));
    const u32 columns_at = (u32)address;

    // What this thread copies in every step: 16 bytes of a (threads 0-63) or of b (64-127).
    const u32 part = thread & 63;
    const bool is_a = thread < 64;
    const u16* from = is_a ? a + (by * 32 + part / 2) * k + part % 2 * 8 : b + (part / 4) * n + bx * 32 + part % 4 * 8;
    const u32 to = is_a ? rows_at + (part / 2 * 24 + part % 2 * 8) * 2 : columns_at + (part / 4 * 40 + part % 4 * 8) * 2;
    const u32 stage = is_a ? sizeof(rows[0]) : sizeof(columns[0]);
    const int step = is_a ? 16 : 16 * n;

    float sum[2][4] = {};
    const int steps = k / 16;
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16;\ncp.async.commit_group;" :: "r"(to), "l"(from) : "memory");
    for (int s = 0; s < steps; s++) {
        const u32 now = s & 1;
        if (s + 1 < steps)
            asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" :: "r"(to + (now ^ 1) * stage), "l"(from + (s + 1) * step) : "memory");
        asm volatile("cp.async.commit_group;\ncp.async.wait_group 1;\nbar.sync 0;" ::: "memory");
        const u32 a_at = rows_at + now * sizeof(rows[0]) + (((warp >> 1) * 16 + (lane & 15)) * 24 + (lane >> 4) * 8) * 2;
        const u32 b_at = columns_at + now * sizeof(columns[0]) + ((lane & 15) * 40 + (warp & 1) * 16 + (lane >> 4) * 8) * 2;
        u32 x[4], y[4];
        asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];" : "=r"(x[0]), "=r"(x[1]), "=r"(x[2]), "=r"(x[3]) : "r"(a_at) : "memory");
        asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];" : "=r"(y[0]), "=r"(y[1]), "=r"(y[2]), "=r"(y[3]) : "r"(b_at) : "memory");
#pragma unroll
        for (int j = 0; j < 2; j++)
            asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
                : "+f"(sum[j][0]), "+f"(sum[j][1]), "+f"(sum[j][2]), "+f"(sum[j][3])
                : "r"(x[0]), "r"(x[1]), "r"(x[2]), "r"(x[3]), "r"(y[2 * j]), "r"(y[2 * j + 1]));
        asm volatile("bar.sync 0;" ::: "memory");
    }

    const u32 row = by * 32 + (warp >> 1) * 16 + lane / 4, column = bx * 32 + (warp & 1) * 16 + lane % 4 * 2;
#pragma unroll
    for (int j = 0; j < 2; j++)
#pragma unroll
        for (int i = 0; i < 4; i++)
            c[(row + i / 2 * 8) * n + column + j * 8 + i % 2] = sum[j][i];
}
