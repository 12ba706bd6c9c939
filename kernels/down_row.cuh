// What acm_down and acm_project do with eight finished columns of a row: b2(k), the residual, the one store at the row's own place.
// RESIDUAL (a macro): 1 adds to the stream in place, 0 writes an activation.
#pragma once
#include "precision.cuh"
#include "routing.cuh"

// Rows from `stored` on are left alone: those beyond the last token, and with RESIDUAL, where there is no b2, those of k = 0.
template <class Site> DEVICE int rows_stored(const Site& site) { return site.counts[RESIDUAL && !site.b2 ? 1 : 0]; }

template <class Site, class Args> DEVICE void store_down_row(const Site& site, const Args& args, int stored, int row, int column, float (&v)[8])
{
    const bool there = row < stored;
    if (site.b2 && there && column < args.columns) {
        float more[8];
        read8(site.b2 + (u64)learners_of_row(row, site.counts, args.learners) * ((args.columns + 63) / 64 * 64) + column, more);
#pragma unroll
        for (int e = 0; e < 8; e++) v[e] += more[e];
    }
    const u64 at = there ? (u64)site.order[row] * args.out_pitch : 0;
    float* to = (float*)site.out + at;
    if (RESIDUAL) store_floats(to, to, column, args.columns, there, v);
    else store_elems((Elem*)site.out + at, column, args.columns, there, v);
}
