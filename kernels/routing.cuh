// Tokens sorted by descending k: `order` gives the token at each sorted place, counts[n] = M_n the tokens with k >= n (counts[0]: all).
#pragma once
#include "common.cuh"

// k of the token at a sorted place; 0 beyond the last.
DEVICE int learners_of_row(int row, const int* counts, int learners)
{
    int k = 0;
    for (int n = 1; n <= learners; n++) k += row < counts[n];
    return k;
}
