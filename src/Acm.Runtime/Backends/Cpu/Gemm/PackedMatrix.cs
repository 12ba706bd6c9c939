using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Acm.Runtime.Backends.Cpu;

/// <summary>A weight [depth, columns] as the GEMM reads it: panels of 32 columns, each [depth, 32], the last filled up with zeros.</summary>
internal sealed unsafe class PackedMatrix : IDisposable
{
    private const int Wide = GemmKernels.Columns;
    private float* _data;

    /// <summary>Room for a weight whose values are yet to be put.</summary>
    public PackedMatrix(int depth, int columns)
    {
        (Depth, Columns) = (depth, columns);
        Panels = (columns + Wide - 1) / Wide;
        nuint bytes = (nuint)Panels * (nuint)depth * Wide * sizeof(float);
        _data = (float*)LargePages.Allocate(bytes);
        if (columns % Wide != 0)
            NativeMemory.Clear(Panel(Panels - 1), (nuint)depth * Wide * sizeof(float));
    }

    /// <summary>Rows of the weight: what is summed over.</summary>
    public int Depth { get; }

    /// <summary>Columns of the weight.</summary>
    public int Columns { get; }

    /// <summary>Panels of 32 columns.</summary>
    public int Panels { get; }

    /// <summary>[depth, 32].</summary>
    public float* Panel(int index) => _data + (nint)index * Depth * Wide;

    /// <summary>Packs [depth, columns], row-major.</summary>
    public static PackedMatrix FromInputMajor(ReadOnlySpan<float> weight, int depth, int columns)
    {
        PackedMatrix packed = new(depth, columns);
        fixed (float* values = weight)
            packed.PutRows(values, 0, depth);
        return packed;
    }

    /// <summary>Packs nn.Linear's [columns, depth], row-major.</summary>
    public static PackedMatrix FromOutputMajor(ReadOnlySpan<float> weight, int columns, int depth)
    {
        PackedMatrix packed = new(depth, columns);
        fixed (float* values = weight)
            packed.PutColumns(values, 0, columns);
        return packed;
    }

    /// <summary>Puts rows <paramref name="first"/> .. + <paramref name="count"/> of the weight, [count, columns].</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void PutRows(float* values, int first, int count)
    {
        for (int panel = 0; panel < Panels; panel++)
        {
            int from = panel * Wide, columns = Math.Min(Wide, Columns - from);
            float* to = Panel(panel) + (nint)first * Wide, row = values + from;
            for (int k = 0; k < count; k++, to += Wide, row += Columns)
                if (columns == Wide)
                {
                    Vector512.Load(row).Store(to);
                    Vector512.Load(row + 16).Store(to + 16);
                }
                else
                    new ReadOnlySpan<float>(row, columns).CopyTo(new Span<float>(to, columns));
        }
    }

    /// <summary>Puts columns <paramref name="first"/> .. + <paramref name="count"/> of the weight, [count, depth].</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void PutColumns(float* values, int first, int count)
    {
        for (int n = first; n < first + count;)
        {
            float* to = Panel(n / Wide) + n % Wide, column = values + (nint)(n - first) * Depth;
            // Four columns of one panel at a time.
            if (n % 4 == 0 && n + 4 <= first + count)
            {
                FourRows.ToColumns(column, Depth, Depth, to, Wide);
                n += 4;
                continue;
            }
            for (int k = 0; k < Depth; k++, to += Wide)
                *to = column[k];
            n++;
        }
    }

    public void Dispose()
    {
        NativeMemory.AlignedFree(_data);
        _data = null;
        GC.SuppressFinalize(this);
    }

    ~PackedMatrix() => NativeMemory.AlignedFree(_data);
}
