using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Acm.Bench.Int8;

/// <summary>
/// A prototype: int8 weights by channel, activations by token rounded to int8, sums in int32. Rounding the activations is part of the product.
/// Which instruction multiplies decides how both are held.
/// </summary>
internal abstract unsafe class IntegerProduct : IDisposable
{
    // Rows that are rounded at a time, and stay in cache while the weight passes by; every tile's rows divide it.
    private const int Block = 96;
    private readonly int _columns, _tileRows, _panel, _rowBytes;
    private readonly sbyte* _weight;
    private readonly float* _steps;
    private readonly byte* _rounded;
    private readonly float* _rowSteps;

    /// <param name="weight">[depth, columns], row-major; depth a multiple of 16, columns of the panel.</param>
    /// <param name="depth">Terms of a sum.</param>
    /// <param name="columns">Sums of a row.</param>
    /// <param name="tileRows">Rows of a tile.</param>
    /// <param name="panel">Columns of a tile, a multiple of 16.</param>
    /// <param name="terms">Terms of a sum that an instruction adds.</param>
    /// <param name="bytes">Of a rounded activation.</param>
    protected IntegerProduct(float[] weight, int depth, int columns, int tileRows, int panel, int terms, int bytes)
    {
        (Depth, _columns, _tileRows, _panel, _rowBytes) = (depth, columns, tileRows, panel, depth * bytes);
        _weight = (sbyte*)NativeMemory.AlignedAlloc((nuint)(depth * columns), 64);
        _steps = (float*)NativeMemory.AlignedAlloc((nuint)columns * sizeof(float), 64);
        _rounded = (byte*)NativeMemory.AlignedAlloc((nuint)(Block * _rowBytes), 64);
        _rowSteps = (float*)NativeMemory.AlignedAlloc(Block * sizeof(float), 64);
        new Span<byte>(_rounded, Block * _rowBytes).Clear();
        new Span<float>(_rowSteps, Block).Clear();
        for (int n = 0; n < columns; n++)
        {
            float most = 0;
            for (int k = 0; k < depth; k++)
                most = MathF.Max(most, MathF.Abs(weight[k * columns + n]));
            _steps[n] = most / 127;
            // Panels of columns; in them the terms of one instruction, column by column.
            for (int k = 0; k < depth; k++)
                _weight[(n / panel * depth + k / terms * terms) * panel + n % panel * terms + k % terms] = most == 0 ? (sbyte)0 : (sbyte)MathF.Round(weight[k * columns + n] / _steps[n]);
        }
    }

    protected int Depth { get; }

    /// <summary>[rows, depth] times the weight.</summary>
    public void Multiply(float* a, nint stride, int rows, float* c)
    {
        int* sums = stackalloc int[_tileRows * _panel];
        for (int block = 0; block < rows; block += Block, a += Block * stride, c += (nint)Block * _columns)
        {
            int count = Math.Min(Block, rows - block);
            for (int row = 0; row < count; row++)
                Round(a + row * stride, row);
            for (int panel = 0; panel < _columns / _panel; panel++)
                for (int row = 0; row < count; row += _tileRows)
                {
                    if (rows == 1)
                        One(_rounded, panel, sums);
                    else
                        Tile(_rounded + row * _rowBytes, panel, sums);
                    Store(sums, row, Math.Min(_tileRows, count - row), panel, c);
                }
        }
    }

    /// <summary>Rounds a row to integers: its values times the scale.</summary>
    protected abstract void Round(float* from, float scale, void* to);

    /// <summary>The sums of one row and one panel.</summary>
    protected abstract void One(void* a, int panel, int* sums);

    /// <summary>The sums of a tile's rows and one panel, row by row.</summary>
    protected abstract void Tile(void* a, int panel, int* sums);

    protected sbyte* Weight(int panel) => _weight + panel * Depth * _panel;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Round(float* from, int row)
    {
        Vector512<float> most = default;
        for (int i = 0; i < Depth; i += 16)
            most = Vector512.Max(most, Vector512.Abs(Vector512.Load(from + i)));
        float largest = 0;
        for (int i = 0; i < 16; i++)
            largest = MathF.Max(largest, most[i]);
        Round(from, largest == 0 ? 0 : 127 / largest, _rounded + row * _rowBytes);
        _rowSteps[row] = largest / 127;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Store(int* sums, int row, int rows, int panel, float* c)
    {
        for (int r = 0; r < rows; r++)
            for (int v = 0; v < _panel; v += 16)
                (Vector512.ConvertToSingle(Vector512.Load(sums + r * _panel + v)) * Vector512.Create(_rowSteps[row + r]) * Vector512.Load(_steps + panel * _panel + v))
                    .Store(c + (nint)(row + r) * _columns + panel * _panel + v);
    }

    public virtual void Dispose()
    {
        NativeMemory.AlignedFree(_weight);
        NativeMemory.AlignedFree(_steps);
        NativeMemory.AlignedFree(_rounded);
        NativeMemory.AlignedFree(_rowSteps);
    }
}
