// Small kernels of many kinds. Each thread has four words of input and makes four of output; what they must be is computed by the host (host.h).
#include "target.h"

// ---- local memory, calls, the stack
KERNEL(local_array) {
    u32 a[23];
    for (int i = 0; i < 23; i++) a[i] = IN(i & 3) * (i + 1) + i;
    for (int i = 0; i < 40; i++) { u32 j = (a[i % 23] >> 3) % 23; u32 t = a[j]; a[j] = a[i % 23] ^ (t << 1); a[i % 23] = t + i; }
    for (int j = 0; j < 4; j++) { u32 s = 0; for (int i = j; i < 23; i += 4) s = s * 31 + a[i]; OUT(j) = s; }
}
KERNEL(local_bytes) {
    u8 b[37]; s8 c[16]; u16 h[9];
    for (int i = 0; i < 37; i++) b[i] = (u8)(IN(i & 3) >> (i % 24));
    for (int i = 0; i < 16; i++) c[i] = (s8)(b[i] - b[36 - i]);
    for (int i = 0; i < 9; i++) h[i] = (u16)((b[i] << 8) | b[i + 9]);
    for (int r = 0; r < 3; r++) for (int i = 0; i < 36; i++) if (b[i] > b[i + 1]) { u8 t = b[i]; b[i] = b[i + 1]; b[i + 1] = t; }
    s32 s = 0; for (int i = 0; i < 16; i++) s += c[i] * (i - 8);
    u32 x = 0; for (int i = 0; i < 9; i++) x = (x << 3) ^ h[i];
    u32 y = 0; for (int i = 0; i < 37; i++) y = y * 33 + b[i];
    OUT(0) = (u32)s; OUT(1) = x; OUT(2) = y; OUT(3) = (u32)(c[IN(0) & 15] / 3);
}
struct Big { u32 w[7]; u8 tail[5]; double d; };
FUNCTION Big make_big(u32 a, u8 b) { Big r; for (int i = 0; i < 7; i++) r.w[i] = a * (i + 1); for (int i = 0; i < 5; i++) r.tail[i] = (u8)(b + i); r.d = a * 0.5; return r; }
FUNCTION u32 fold_big(Big b, const Big* p) { u32 s = 0; for (int i = 0; i < 7; i++) s = s * 7 + b.w[i] + p->w[6 - i]; for (int i = 0; i < 5; i++) s ^= (u32)b.tail[i] << (i * 5); return s + (u32)(s64)(b.d - p->d); }
KERNEL(struct_calls) {
    Big a = make_big(IN(0) & 0xffff, (u8)IN(1)), b = make_big(IN(2) & 0xffff, (u8)IN(3));
    OUT(0) = fold_big(a, &b); OUT(1) = fold_big(b, &a);
    a.tail[IN(3) % 5] = 9; OUT(2) = fold_big(a, &a); OUT(3) = a.tail[4] + b.w[IN(0) % 7];
}
FUNCTION u32 recursive(u32 x, int depth) { if (depth == 0 || x < 3) return x + 1; u32 l = recursive(x / 2, depth - 1); return l * 3 + ((x & 1) ? recursive(x / 3, depth - 1) : 7); }
KERNEL(recursion) { OUT(0) = recursive(IN(0) & 0xfff, 6); OUT(1) = recursive(IN(1) & 0xff, 4); OUT(2) = 0; OUT(3) = 1; }
FUNCTION u32 f_add(u32 a, u32 b) { return a + b * 3; }
FUNCTION u32 f_xor(u32 a, u32 b) { return (a ^ b) * 5; }
FUNCTION u32 f_rot(u32 a, u32 b) { b &= 31; return b ? (a << b) | (a >> (32 - b)) : a; }
typedef u32 (*Binary)(u32, u32);
KERNEL(function_pointers) {
    Binary f[3] = {f_add, f_xor, f_rot};
    u32 x = IN(0);
    for (int i = 0; i < 6; i++) x = f[(x >> 4) % 3](x, IN(i & 3) + i);
    OUT(0) = x; OUT(1) = f[IN(1) % 3](IN(2), IN(3)); OUT(2) = f[0](1, 2); OUT(3) = f[ME % 3](x, ME);
}
FUNCTION void swap_words(u32& a, u32& b) { u32 t = a; a = b; b = t; }
FUNCTION u64 wide_result(u32 a, s16 b, bool c, u64 d) { return c ? d - (u64)(s64)b * a : d + ((u64)a << 7) + (u16)b; }
KERNEL(reference_params) {
    u32 a = IN(0), b = IN(1), c = IN(2);
    if (a > b) swap_words(a, b);
    if (b > c) swap_words(b, c);
    if (a > b) swap_words(a, b);
    u64 r = wide_result(a, (s16)b, c & 1, (u64)c << 20 | a);
    OUT(0) = a; OUT(1) = b; OUT(2) = (u32)r; OUT(3) = (u32)(r >> 32);
}
union Pun { u32 w[2]; u64 d; u8 b[8]; u16 h[4]; float f[2]; };
KERNEL(union_bytes) {
    Pun p; p.w[0] = IN(0); p.w[1] = IN(1);
    p.b[3] ^= p.b[6]; p.h[1] += p.h[3]; p.d = p.d * 5 + 1;
    OUT(0) = p.w[0]; OUT(1) = p.w[1]; p.f[0] = (float)(s32)IN(2); OUT(2) = p.w[0]; OUT(3) = p.b[IN(3) & 7] | p.h[IN(3) & 3] << 8;
}

// ---- control flow
KERNEL(switch_dense) {
    u32 x = IN(0);
    for (int i = 0; i < 12; i++)
        switch (x % 11) {
            case 0: x += 7; break; case 1: x = x * 3 + 1; break; case 2: x ^= 0x55aa; break; case 3: x = x >> 3 | x << 29; break;
            case 4: x -= IN(1); break; case 5: x = ~x; break; case 6: x += IN(2) * 9; // falls through
            case 7: x ^= x >> 11; break; case 8: x = x / 3; break; case 9: x = x * x + 5; break; default: x = x + ME; break;
        }
    OUT(0) = x; OUT(1) = x % 11; OUT(2) = x >> 16; OUT(3) = 3;
}
KERNEL(divergent_loops) {
    u32 s = 0, i = 0, limit = IN(0) % 37;
    while (true) {
        if (i > limit) break;
        i++;
        if ((i * IN(1)) % 3 == 0) continue;
        for (u32 j = i; j < limit; j += 1 + (IN(2) & 3)) { s += j; if (s % 17 == 5) goto out; if (s & 64) break; }
        do { s = s * 3 + 1; } while (s % 5 != 0 && s % 7 != 1);
    }
out:
    OUT(0) = s; OUT(1) = i; OUT(2) = limit; OUT(3) = s ^ i;
}
KERNEL(early_return) {
    OUT(0) = IN(0); OUT(1) = 0; OUT(2) = 0; OUT(3) = 1;
    if (ME % 5 == 2) return;
    u32 x = IN(1);
    for (int i = 0; i < 9; i++) { x = x * 1664525 + 1013904223; if ((x >> 28) == 3) { OUT(1) = i; return; } }
    OUT(2) = x;
}
KERNEL(short_circuit) {
    bool a = IN(0) > IN(1), b = (s32)IN(2) < (s32)IN(3), c = (IN(0) ^ IN(3)) & 1;
    u32 r = 0;
    if (a && (b || !c)) r |= 1;
    if ((a || b) && c && (IN(1) & 2)) r |= 2;
    r |= (a ? b ? 4 : 8 : c ? 16 : 32);
    OUT(0) = r; OUT(1) = a != b; OUT(2) = a == c; OUT(3) = (u32)-(s32)c;
}

// ---- numbers
KERNEL(wide_integers) {
    u64 a = (u64)IN(0) << 32 | IN(1), b = (u64)IN(2) << 17 | IN(3) | 1;
    s64 c = (s64)a, d = (s64)(b ^ 0x8000000000000000ull);
    u64 r = a * b + (a / b) * 3 + a % b;
    s64 q = c / (d | 1) - c % 1000003 + (c >> 13) * 7;
    u64 m = (a > b) ? a - b : b - a;
    OUT(0) = (u32)r ^ (u32)(r >> 32); OUT(1) = (u32)q; OUT(2) = (u32)(q >> 32) + __popcll(m) + __clzll(m); OUT(3) = (u32)((a << (b & 63)) >> 7) ^ (u32)(c >> (a & 63));
}
KERNEL(narrow_integers) {
    u16 a = (u16)IN(0), b = (u16)IN(1) | 1; s16 c = (s16)IN(2), d = (s16)IN(3) | 1; u8 e = (u8)IN(0); s8 f = (s8)IN(1);
    OUT(0) = (u16)(a * b) | (u32)(u16)(a / b) << 16; OUT(1) = (u32)(c / d) * 3 + (u32)(c % d); OUT(2) = (u32)(e >> 3) * (u32)(s32)(f >> 2) + (c < d) + (a > b) * 2;
    OUT(3) = (u32)(s32)(s8)(e + f) ^ (u32)(s16)(c << 3) ^ (u16)~a;
}
KERNEL(bits) {
    u32 a = IN(0), b = IN(1), s = IN(2) & 31;
    OUT(0) = __popc(a) + __clz(b) * 64 + __ffs(a & b) * 4096; OUT(1) = __brev(a) ^ (b << s | b >> ((32 - s) & 31));
    OUT(2) = ((a >> 5) & 0x1ff) | ((b & 0x3f) << 9) | (u32)((s32)(a << 7) >> 21); OUT(3) = __umulhi(a, b) + ((a & ~b) | (b ^ s));
}
KERNEL(floats) {
    float a = BITS_FLOAT((IN(0) & 0x0fffffff) + 0x38000000), b = BITS_FLOAT((IN(1) & 0x87ffffff) + 0x3c000000), c = (float)(s32)IN(2);
    OUT(0) = FLOAT_BITS(a * b + c); OUT(1) = FLOAT_BITS(a / b); OUT(2) = FLOAT_BITS(__sqrtf_rn(a) - b); OUT(3) = (u32)(s32)(c * 0.001f) + (a < b) + (u32)(b * b + 300.0f);
}
KERNEL(doubles) {
    double a = (double)(s32)IN(0) * 1.25e-3, b = (double)IN(1) + 0.5, c = BITS_DOUBLE(((u64)(IN(2) & 0x3fffffff) + 0x30000000) << 32 | IN(3));
    u64 r = DOUBLE_BITS(a / b + c), q = DOUBLE_BITS(__sqrtd_rn(b) * a);
    OUT(0) = (u32)r ^ (u32)(q >> 32); OUT(1) = (u32)(r >> 32) ^ (u32)q; OUT(2) = FLOAT_BITS((float)(a * b)); OUT(3) = (u32)(s32)a + (u32)(u64)b + (a > c);
}
KERNEL(conversions) {
    s32 i = (s32)IN(0); u64 w = (u64)IN(1) << 20 | IN(2); float f = (float)(s32)IN(3) * 0.37f;
    OUT(0) = FLOAT_BITS((float)(u32)i) ^ FLOAT_BITS((float)(s64)w); OUT(1) = (u32)(s8)i ^ (u32)(u8)(i >> 8) << 3 ^ (u32)(s16)(i >> 4);
    OUT(2) = (u32)(s64)(double)w + (u32)(u16)IN(1); OUT(3) = (u32)(s64)f ^ (u32)(s32)(f * 0.01f);
}

// ---- blocks and warps
KERNEL(shared_transpose) {
    __shared__ u32 t[8][9]; __shared__ u8 b[64]; __shared__ u16 h[64];
    t[ME / 8][ME % 8] = IN(0); b[ME] = (u8)IN(1); h[63 - ME] = (u16)IN(2);
    __syncthreads();
    OUT(0) = t[ME % 8][ME / 8]; OUT(1) = b[(ME * 7) % 64]; OUT(2) = h[ME ^ 5]; OUT(3) = ((volatile u8*)b)[ME ^ 1] + 1;
}
FUNCTION u32 block_sum(u32 v, u32* buffer) {
    buffer[ME] = v;
    __syncthreads();
    for (u32 s = THREADS / 2; s > 0; s >>= 1) { if (ME < s) buffer[ME] += buffer[ME + s]; __syncthreads(); }
    u32 r = buffer[0];
    __syncthreads();
    return r;
}
KERNEL(dynamic_shared_sum) {
    EXTERN_SHARED(u32, dynamic);
    OUT(0) = block_sum(IN(0), dynamic); OUT(1) = block_sum(IN(1) & 0xff, dynamic + THREADS);
    if (ME < 32) dynamic[ME] = IN(2);
    __syncthreads();
    OUT(2) = dynamic[ME % 32]; OUT(3) = 2;
}
KERNEL(barrier_votes) {
    u32 total = 0;
    for (int i = 0; i < 4; i++) total = total * 67 + __syncthreads_count(IN(0) >> i & 1);
    OUT(0) = total; OUT(1) = __syncthreads_or(IN(1) % 64 == 3); OUT(2) = __syncthreads_and(IN(2) != 5); OUT(3) = 4;
}
KERNEL(warp_scan) {
    u32 v = IN(0) & 0xffff, lane = ME % 32;
    for (int d = 1; d < 32; d <<= 1) { u32 o = __shfl_up_sync(~0u, v, d); if ((int)lane >= d) v += o; }
    u32 m = IN(1);
    for (int d = 16; d > 0; d >>= 1) { u32 o = __shfl_xor_sync(~0u, m, d); m = o > m ? o : m; }
    u32 t = IN(2);
    for (int d = 16; d > 0; d >>= 1) t += __shfl_down_sync(~0u, t, d);
    OUT(0) = v; OUT(1) = m; OUT(2) = __shfl_sync(~0u, t, 0); OUT(3) = __shfl_sync(~0u, IN(3), IN(3) & 31);
}
KERNEL(warp_votes) {
    u32 p = IN(0) & 1, m = __ballot_sync(~0u, p);
    OUT(0) = m; OUT(1) = __any_sync(~0u, IN(1) % 40 == 1) * 2 + __all_sync(~0u, IN(1) != 9); OUT(2) = __match_any_sync(~0u, IN(2) % 5);
    if (p) OUT(3) = __ballot_sync(m, IN(3) & 2); else OUT(3) = __popc(__ballot_sync(~m, IN(3) & 4));
}
KERNEL(diverged_halves) {
    u32 v = IN(0), lane = ME % 32;
    if (lane < 16) { for (int d = 8; d > 0; d >>= 1) v += __shfl_xor_sync(0xffffu, v, d); v *= 3; }
    else { for (int d = 8; d > 0; d >>= 1) v ^= __shfl_xor_sync(0xffff0000u, v, d); }
    __syncwarp();
    OUT(0) = v + __shfl_sync(~0u, v, lane ^ 16); OUT(1) = 1; OUT(2) = lane; OUT(3) = v;
}
KERNEL(return_before_barrier) {
    __shared__ u32 s[32];
    OUT(0) = OUT(1) = OUT(2) = OUT(3) = 7;
    if (ME < 32) s[ME] = IN(0);
    __syncthreads();
    if (ME >= 32) { OUT(0) = s[ME - 32]; OUT(1) = s[63 - ME] + s[(ME * 3) % 32]; }
}
KERNEL(branch_around_barrier) {
    __shared__ u32 s[64];
    u32 r = 0;
    s[ME] = 0;
    for (u32 i = 0; i < 3; i++) {
        if (IN(i) & 1) { if (IN(i) & 2) s[ME] += i + 1; else s[ME] ^= 5; }
        __syncthreads();
        if (ME % 3 == i) r += s[63 - ME];
        else if (ME % 2) r ^= s[(ME + 7) % 64];
        __syncthreads();
    }
    OUT(0) = r; OUT(1) = s[ME]; OUT(2) = 0; OUT(3) = 9;
}
FUNCTION u32 guarded_shuffle(u32 v, bool add) { u32 o = __shfl_xor_sync(~0u, v, 3); if (add) o += 11; __syncwarp(); return o; }
KERNEL(calls_with_collectives) { u32 a = guarded_shuffle(IN(0), IN(1) & 1); OUT(0) = a; OUT(1) = guarded_shuffle(a, true); OUT(2) = 5; OUT(3) = a & 1; }

// ---- atomics (the order of what they return is not fixed: only sums and counts are told)
KERNEL(shared_atomics) {
    __shared__ u32 c[8]; __shared__ s32 lo, hi; __shared__ u64 wide;
    if (ME < 8) c[ME] = 0;
    if (ME == 0) { lo = 0x7fffffff; hi = -0x7fffffff; wide = 0; }
    __syncthreads();
    atomicAdd(&c[IN(0) & 7], IN(1) & 0xff);
    atomicMin(&lo, (s32)IN(2)); atomicMax(&hi, (s32)IN(2)); atomicAdd(&wide, (u64)IN(3) << 8);
    atomicXor(&c[(IN(0) + 1) & 7], 0u);
    __syncthreads();
    OUT(0) = c[ME & 7]; OUT(1) = (u32)lo; OUT(2) = (u32)hi; OUT(3) = (u32)wide ^ (u32)(wide >> 32);
}
KERNEL(swap_loops) {
    __shared__ u32 product, most; __shared__ u64 sum;
    if (ME == 0) { product = 1; most = 0; sum = 0; }
    __syncthreads();
    u32 old = product, seen;
    do { seen = old; old = atomicCAS(&product, seen, seen * (IN(0) | 1)); } while (old != seen);
    old = *(volatile u32*)&most;
    while (IN(1) > old) { seen = old; old = atomicCAS(&most, seen, IN(1)); if (old == seen) break; }
    u64 was = sum, expect;
    do { expect = was; was = atomicCAS(&sum, expect, expect + IN(2)); } while (was != expect);
    __syncthreads();
    OUT(0) = product; OUT(1) = most; OUT(2) = (u32)sum; OUT(3) = (u32)(sum >> 32);
}
KERNEL(lock_in_block) {
    __shared__ u32 lock; __shared__ volatile u32 total, count;
    if (ME == 0) { lock = 0; count = 0; total = 0; }
    __syncthreads();
    for (bool done = false; !done;)
        if (atomicCAS(&lock, 0u, 1u) == 0) {
            __threadfence_block();
            total = total + (IN(0) & 0xfff); count = count + 1;
            __threadfence_block();
            atomicExch(&lock, 0u);
            done = true;
        }
    __syncthreads();
    OUT(0) = total; OUT(1) = count; OUT(2) = 1; OUT(3) = 2;
}
// ---- constants
__constant__ u32 table[16] = {3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9, 3};
__constant__ u8 letters[12] = {'h', 'e', 'l', 'l', 'o', ' ', 'w', 'o', 'r', 'l', 'd', 0};
KERNEL(constant_tables) { u32 s = 0; for (int i = 0; letters[i]; i++) s = s * 31 + letters[i] * table[(IN(0) + i) & 15]; OUT(0) = s; OUT(1) = table[IN(1) & 15]; OUT(2) = letters[IN(2) % 12]; OUT(3) = table[ME & 15]; }
