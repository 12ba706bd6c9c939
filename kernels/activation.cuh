// Activations of an accumulator, fp32 in and out. ACTIVATION (a macro): 0 identity, 1 exact-erf GELU, 2 tanh GELU, 3 ReLU.
#pragma once
#include "common.cuh"

#ifndef ACTIVATION
#define ACTIVATION 0
#endif

// erfc(z) exp(z*z) for z >= 0 as t P(t), t = 1 / (1 + 0.3 z): within 2.2e-8 relative for z <= 8 (Chebyshev interpolation of the true
// function in t; beyond 8, exp(-z*z) has vanished in fp32 for every use here).
DEVICE float scaled_erfc(float z)
{
    const float t = fast_reciprocal(fma(0.3f, z, 1.0f));
    float p = -0.12853076690247514f;
    p = fma(p, t, 0.4804686538665176f);
    p = fma(p, t, -0.5010501441701352f);
    p = fma(p, t, 0.5338587708672471f);
    p = fma(p, t, -0.08417393768684991f);
    p = fma(p, t, 0.20996465353013238f);
    p = fma(p, t, 0.14977592822711586f);
    p = fma(p, t, 0.17048273514119494f);
    p = fma(p, t, 0.16920409125975716f);
    return p * t;
}
// x Phi(x), Phi(x) = erfc(-x / sqrt 2) / 2. Both tails from the same erfc(|x| / sqrt 2), so that the left one keeps its relative accuracy.
DEVICE float gelu_erf(float x)
{
    const float z = magnitude(x) * 0.70710678f;
    const float tail = 0.5f * x * scaled_erfc(z) * power_of_two(z * z * -1.44269504f);
    return x > 0.0f ? x - tail : tail;
}
// x / (1 + exp(-2u)), u = sqrt(2/pi) (x + 0.044715 x^3): the tanh form without its cancellation.
DEVICE float gelu_tanh(float x)
{
    const float u = x * fma(0.044715f * x, x, 1.0f);
    return divide(x, 1.0f + power_of_two(u * (-2.0f * 0.79788456f * 1.44269504f)));
}
DEVICE float relu(float x) { return x < 0.0f ? 0.0f : x; }     // so written that a NaN stays one

template <int Kind> DEVICE float activate(float x)
{
    return Kind == 1 ? gelu_erf(x) : Kind == 2 ? gelu_tanh(x) : Kind == 3 ? relu(x) : x;
}
