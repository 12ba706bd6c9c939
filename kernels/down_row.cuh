// What acm_down and acm_project do with eight finished columns of a row: b2(k), the residual, the one store at the row's own place.
// RESIDUAL (a macro): 1 adds to the stream in place, 0 writes an activation.
#pragma once
#include "precision.cuh"
#include "routing.cuh"

template <class Site, class Args>
DEVICE void store_down_row(const Site& site, const Args& args, int tokens, bool leave_out_zero, int row, int column, float (&v)[8])
{
    if (row >= tokens || column >= args.columns) return;
    const int k = learners_of_row(row, site.counts, args.learners);
    if (leave_out_zero && k == 0) return;
    float more[8];
    if (site.b2) {
        read8(site.b2 + (u64)k * ((args.columns + 63) / 64 * 64) + column, more);
#pragma unroll
        for (int e = 0; e < 8; e++) v[e] += more[e];
    }
    const u64 at = (u64)site.order[row] * args.out_pitch + column;
    if (RESIDUAL) {
        read8((float*)site.out + at, more);
#pragma unroll
        for (int e = 0; e < 8; e++) v[e] += more[e];
        write8((float*)site.out + at, v);
    } else {
        write8_stored((Elem*)site.out + at, v);
    }
}
