using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Acm.Runtime.Backends.Cpu;

/// <summary>A weight [depth, columns] as the GEMM reads it: panels of 32 columns, each [depth, 32], the last filled up with zeros.</summary>
internal sealed unsafe class PackedMatrix : IDisposable
{
    private float* _data;

    private PackedMatrix(int depth, int columns)
    {
        (Depth, Columns) = (depth, columns);
        Panels = (columns + GemmKernels.Columns - 1) / GemmKernels.Columns;
        nuint bytes = (nuint)Panels * (nuint)depth * GemmKernels.Columns * sizeof(float);
        _data = (float*)NativeMemory.AlignedAlloc(Math.Max(bytes, 64), 64);
        NativeMemory.Clear(_data, bytes);
    }

    /// <summary>Rows of the weight: what is summed over.</summary>
    public int Depth { get; }

    /// <summary>Columns of the weight.</summary>
    public int Columns { get; }

    /// <summary>Panels of 32 columns.</summary>
    public int Panels { get; }

    /// <summary>[depth, 32].</summary>
    public float* Panel(int index) => _data + (nint)index * Depth * GemmKernels.Columns;

    /// <summary>Packs [depth, columns], row-major.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static PackedMatrix FromInputMajor(ReadOnlySpan<float> weight, int depth, int columns)
    {
        PackedMatrix packed = new(depth, columns);
        for (int k = 0; k < depth; k++)
            for (int panel = 0; panel < packed.Panels; panel++)
            {
                int from = panel * GemmKernels.Columns, count = Math.Min(GemmKernels.Columns, columns - from);
                weight.Slice(k * columns + from, count).CopyTo(new Span<float>(packed.Panel(panel) + (nint)k * GemmKernels.Columns, count));
            }
        return packed;
    }

    /// <summary>Packs nn.Linear's [columns, depth], row-major.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static PackedMatrix FromOutputMajor(ReadOnlySpan<float> weight, int columns, int depth)
    {
        PackedMatrix packed = new(depth, columns);
        for (int n = 0; n < columns; n++)
        {
            float* column = packed.Panel(n / GemmKernels.Columns) + n % GemmKernels.Columns;
            for (int k = 0; k < depth; k++)
                column[(nint)k * GemmKernels.Columns] = weight[n * depth + k];
        }
        return packed;
    }

    public void Dispose()
    {
        NativeMemory.AlignedFree(_data);
        _data = null;
        GC.SuppressFinalize(this);
    }

    ~PackedMatrix() => NativeMemory.AlignedFree(_data);
}
