// route: k to permutation and counts, where no gate does it (forced k, fixed width of a model without gates). Up to three ACMs, a block each.
//
//   k[t] = fixed where the control says so; order = tokens by descending k, stable; counts[n] = tokens with k >= n
//
// Grid: ACMs; block 256; dynamic shared 8 * (learners + 1) * 4.
#include "routing.cuh"

struct RouteArgs {
    Routed routed[3];
    const RoutingControl* control[3];
    const int* tokens;
    int learners;
};

KERNEL(256) route(const UNIFORM RouteArgs args)
{
    wait_for_kernel_ahead();
    extern __shared__ ALIGNED(128) u8 shared_bytes[];
    const int z = block_x(), tokens = *args.tokens;
    const Routed routed = z == 0 ? args.routed[0] : z == 1 ? args.routed[1] : args.routed[2];
    const RoutingControl* control = z == 0 ? args.control[0] : z == 1 ? args.control[1] : args.control[2];
    if (!control->forced && control->fixed >= 0) {
        for (int t = thread_index(); t < tokens; t += 256) routed.k[t] = (u8)control->fixed;
        block_barrier();
    }
    const struct { Routed routed; const RoutingControl* control; } site = {routed, control};
    sort_by_learners<256, 1>([&](int) -> decltype(site)& { return site; }, 1, tokens, args.learners, (int*)shared_bytes);
}
