using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Acm.Runtime.Plan;

namespace Acm.Runtime.Backends.Cpu;

/// <summary>
/// What happens to a finished tile on its way to memory: <c>out[OutRows[r], :] = act(tile[r, :] + bias) + residual[ResidualRows[r], :]</c>.
/// Pointers that are null leave their part out; null row maps mean the row itself.
/// </summary>
internal unsafe struct Epilogue
{
    public float* Bias;
    public Activation Activation;
    public float* Out;
    public nint OutStride;
    public int* OutRows;
    public float* Residual;
    public nint ResidualStride;
    public int* ResidualRows;

    /// <summary>Stores columns <paramref name="column"/> .. + <paramref name="columns"/> of rows <paramref name="row"/> .. + <paramref name="rows"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public readonly void Store(float* tile, int row, int rows, int column, int columns)
    {
        for (int r = 0; r < rows; r++, tile += GemmKernels.Columns)
        {
            float* to = Out + (OutRows == null ? row + r : OutRows[row + r]) * OutStride + column;
            float* add = Residual == null ? null : Residual + (ResidualRows == null ? (OutRows == null ? row + r : OutRows[row + r]) : ResidualRows[row + r]) * ResidualStride + column;
            if (columns == GemmKernels.Columns)
            {
                Finish(tile, Bias == null ? null : Bias + column, add).Store(to);
                Finish(tile + 16, Bias == null ? null : Bias + column + 16, add == null ? null : add + 16).Store(to + 16);
            }
            else
                StorePart(tile, to, add, column, columns);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private readonly Vector512<float> Finish(float* tile, float* bias, float* add)
    {
        Vector512<float> v = Vector512.Load(tile);
        if (bias != null)
            v += Vector512.Load(bias);
        v = Elementwise.Apply(Activation, v);
        return add == null ? v : v + Vector512.Load(add);
    }

    // A panel's last columns: through a full tile, so that a value's bits do not depend on where its column lies.
    private readonly void StorePart(float* tile, float* to, float* add, int column, int columns)
    {
        float* padded = stackalloc float[3 * GemmKernels.Columns];
        new Span<float>(padded, 3 * GemmKernels.Columns).Clear();
        float* bias = padded + GemmKernels.Columns, residual = bias + GemmKernels.Columns;
        if (Bias != null)
            new Span<float>(Bias + column, columns).CopyTo(new Span<float>(bias, columns));
        if (add != null)
            new Span<float>(add, columns).CopyTo(new Span<float>(residual, columns));
        for (int half = 0; half < GemmKernels.Columns; half += 16)
            Finish(tile + half, Bias == null ? null : bias + half, add == null ? null : residual + half).Store(padded + half);
        new Span<float>(padded, columns).CopyTo(new Span<float>(to, columns));
    }
}
