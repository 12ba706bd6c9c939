using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Acm.Runtime.Plan;

namespace Acm.Runtime.Backends.Cpu;

/// <summary>
/// What a product's sums begin with, and what happens to a finished tile on its way to memory:
/// <c>out[OutRows[r], :] = act(bias + sums[r, :]) + residual[ResidualRows[r], :]</c>.
/// Pointers that are null leave their part out; null row maps mean the row itself (for the residual, the output's row).
/// </summary>
internal unsafe struct Epilogue
{
    private const int Columns = GemmKernels.Columns, Half = Columns / 2;

    public float* Bias;
    public Activation Activation;
    public float* Out;
    public nint OutStride;
    public int* OutRows;
    public float* Residual;
    public nint ResidualStride;
    public int* ResidualRows;

    /// <summary>Whether a register tile can store its own rows at <see cref="Place"/>, the residual's lying as they do.</summary>
    public readonly bool IsDirect => Activation == Activation.Identity && (Residual == null || ResidualRows == null && ResidualStride == OutStride);

    /// <summary>Whether what is added, if anything, lies where the result will.</summary>
    public readonly bool IsInPlace => Residual == null || Residual == Out;

    /// <summary>Where a tile stores its own rows.</summary>
    /// <param name="row">Its first.</param>
    /// <param name="column">Its first column.</param>
    /// <param name="first">Row 0, for what is returned.</param>
    /// <param name="add">The residual's row 0, or null.</param>
    /// <returns>Which row each of the tile's is.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly int* Place(int row, int column, out float* first, out float* add)
    {
        nint skip = OutRows == null ? row * OutStride + column : column;
        first = Out + skip;
        add = Residual == null ? null : Residual + skip;
        return OutRows == null ? GemmKernels.InOrder : OutRows + row;
    }

    /// <summary>Asks for the memory that <see cref="Store"/> of the same rows and columns will touch, into the second-level cache.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly void Announce(int row, int rows, int column)
    {
        if (!Sse.IsSupported)
            return;
        for (int r = row; r < row + rows; r++)
        {
            float* to = OutRow(r) + column;
            Sse.Prefetch1(to);
            Sse.Prefetch1(to + Half);
            if (Residual != null)
            {
                float* add = ResidualRow(r) + column;
                Sse.Prefetch1(add);
                Sse.Prefetch1(add + Half);
            }
        }
    }

    /// <summary>Stores columns <paramref name="column"/> .. + <paramref name="columns"/> of rows <paramref name="row"/> .. + <paramref name="rows"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly void Store(float* tile, int row, int rows, int column, int columns)
    {
        switch (Activation)
        {
            case Activation.Gelu: Apply<GeluFunction>(tile, row, rows, column, columns); break;
            case Activation.GeluTanh: Apply<GeluTanhFunction>(tile, row, rows, column, columns); break;
            case Activation.Relu: Apply<ReluFunction>(tile, row, rows, column, columns); break;
            default: Store<NoFunction>(tile, row, rows, column, columns); break;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private readonly void Apply<TFunction>(float* tile, int row, int rows, int column, int columns)
        where TFunction : IFunction
    {
        if (Vector512.IsHardwareAccelerated)
        {
            Store<TFunction>(tile, row, rows, column, columns);
            return;
        }
        Replace<TFunction>(tile, rows * Columns);
        Store<NoFunction>(tile, row, rows, column, columns);
    }

    // By itself: a function's numbers and what comes between do not fit into sixteen registers beside anything else.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Replace<TFunction>(float* values, int count)
        where TFunction : IFunction
    {
        for (int i = 0; i < count; i += 8)
            TFunction.Of(Vector256.Load(values + i)).Store(values + i);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization), SkipLocalsInit]
    private readonly void Store<TFunction>(float* tile, int row, int rows, int column, int columns)
        where TFunction : IFunction
    {
        // A panel's last columns go through a full tile, so that a value's bits do not depend on where its column lies.
        float* padded = stackalloc float[2 * Columns];
        for (int r = row; r < row + rows; r++, tile += Columns)
        {
            float* to = OutRow(r) + column;
            Vector512<float> v0 = TFunction.Of(Vector512.Load(tile));
            if (columns == Half)
            {
                (Residual == null ? v0 : v0 + Vector512.Load(ResidualRow(r) + column)).Store(to);
                continue;
            }
            Vector512<float> v1 = TFunction.Of(Vector512.Load(tile + Half));
            if (Residual != null)
            {
                float* add = Padded(ResidualRow(r) + column, columns, padded);
                v0 += Vector512.Load(add);
                v1 += Vector512.Load(add + Half);
            }
            float* at = columns == Columns ? to : padded + Columns;
            v0.Store(at);
            v1.Store(at + Half);
            if (at != to)
                new Span<float>(at, columns).CopyTo(new Span<float>(to, columns));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private readonly float* OutRow(int row) => Out + (OutRows == null ? row : OutRows[row]) * OutStride;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private readonly float* ResidualRow(int row) =>
        Residual + (ResidualRows != null ? ResidualRows[row] : OutRows != null ? OutRows[row] : row) * ResidualStride;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float* Padded(float* values, int columns, float* room)
    {
        if (columns == Columns)
            return values;
        new Span<float>(room, Columns).Clear();
        new Span<float>(values, columns).CopyTo(new Span<float>(room, columns));
        return room;
    }

    private interface IFunction
    {
        static abstract Vector512<float> Of(Vector512<float> x);

        static abstract Vector256<float> Of(Vector256<float> x);
    }

    private readonly struct NoFunction : IFunction
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector512<float> Of(Vector512<float> x) => x;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector256<float> Of(Vector256<float> x) => x;
    }

    private readonly struct GeluFunction : IFunction
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector512<float> Of(Vector512<float> x) => Elementwise.Gelu(x);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector256<float> Of(Vector256<float> x) => Elementwise.Gelu(x);
    }

    private readonly struct GeluTanhFunction : IFunction
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector512<float> Of(Vector512<float> x) => Elementwise.GeluTanh(x);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector256<float> Of(Vector256<float> x) => Elementwise.GeluTanh(x);
    }

    private readonly struct ReluFunction : IFunction
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector512<float> Of(Vector512<float> x) => Elementwise.Apply(Activation.Relu, x);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector256<float> Of(Vector256<float> x) => Elementwise.Apply(Activation.Relu, x);
    }
}
