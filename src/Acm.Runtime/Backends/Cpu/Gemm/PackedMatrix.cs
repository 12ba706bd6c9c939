using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Acm.Runtime.Backends.Cpu;

/// <summary>
/// A weight [depth, columns] as the GEMM reads it: panels of 32 columns (<see cref="PanelLayout"/>), the last filled up with zeros. What was stored as
/// bfloat16 may be held so, in half the memory: 16 words a line, each with column i in its lower half and column i + 16 in its upper.
/// </summary>
internal sealed unsafe class PackedMatrix : IDisposable
{
    /// <summary>Bytes of a cache line: a line of a bfloat16 panel, half a line of a float32 one.</summary>
    public const int Line = 64;

    private const int Wide = GemmKernels.Columns, Half = Wide / 2;
    private WeightMemory? _memory;
    private bool _owned;
    private byte* _data;

    /// <summary>A weight without memory yet: <see cref="Place"/> it before values are put.</summary>
    /// <param name="depth">Rows of the weight.</param>
    /// <param name="columns">Columns of the weight.</param>
    /// <param name="bfloat16">Hold it as bfloat16: all values put must be such.</param>
    public PackedMatrix(int depth, int columns, bool bfloat16 = false)
    {
        (Depth, Columns, IsBFloat16) = (depth, columns, bfloat16);
        Panels = (columns + Wide - 1) / Wide;
        PanelBytes = (nint)depth * LineBytes;
    }

    /// <summary>Bytes it takes: a multiple of a cache line.</summary>
    public nint Bytes => Panels * PanelBytes;

    /// <summary>Gives it its place in memory that whoever made it will free.</summary>
    public void Place(WeightMemory memory, nint offset)
    {
        _memory = memory;
        _data = memory.Data + offset;
        if (Columns % Wide != 0)
            NativeMemory.Clear(Panel(Panels - 1), (nuint)PanelBytes);
    }

    /// <summary>Rows of the weight: what is summed over.</summary>
    public int Depth { get; }

    /// <summary>Columns of the weight.</summary>
    public int Columns { get; }

    /// <summary>Whether it is held as bfloat16, else as float32.</summary>
    public bool IsBFloat16 { get; }

    /// <summary>Panels of 32 columns.</summary>
    public int Panels { get; }

    /// <summary>From one panel to the next.</summary>
    public nint PanelBytes { get; }

    private nint LineBytes => IsBFloat16 ? Line : 2 * Line;

    /// <summary>float32 in strips, or [depth, 16] words of two bfloat16.</summary>
    public byte* Panel(int index) => _data + index * PanelBytes;

    /// <summary>Packs [depth, columns], row-major.</summary>
    public static PackedMatrix FromInputMajor(ReadOnlySpan<float> weight, int depth, int columns, bool bfloat16 = false)
    {
        PackedMatrix packed = Alone(depth, columns, bfloat16);
        fixed (float* values = weight)
            packed.PutRows(values, 0, depth);
        return packed;
    }

    /// <summary>Packs nn.Linear's [columns, depth], row-major.</summary>
    public static PackedMatrix FromOutputMajor(ReadOnlySpan<float> weight, int columns, int depth, bool bfloat16 = false)
    {
        PackedMatrix packed = Alone(depth, columns, bfloat16);
        using NativeBuffer<float> room = new();
        fixed (float* values = weight)
            packed.PutColumns(values, 0, columns, room.Need((long)depth * Wide));
        return packed;
    }

    /// <summary>Puts rows <paramref name="first"/> .. + <paramref name="count"/> of the weight, [count, columns].</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void PutRows(float* values, int first, int count)
    {
        float* padded = stackalloc float[Wide];
        new Span<float>(padded, Wide).Clear();
        for (int panel = 0; panel < Panels; panel++)
        {
            int from = panel * Wide, columns = Math.Min(Wide, Columns - from);
            float* row = values + from;
            for (int k = 0; k < count; k++, row += Columns)
            {
                float* line = row;
                if (columns < Wide)
                {
                    line = padded;
                    new ReadOnlySpan<float>(row, columns).CopyTo(new Span<float>(line, columns));
                }
                PutLine(line, Panel(panel), first + k);
            }
        }
    }

    /// <summary>Puts columns <paramref name="first"/> .. + <paramref name="count"/> of the weight, [count, depth]; first is a panel's.</summary>
    /// <param name="values">The columns.</param>
    /// <param name="first">The first of them.</param>
    /// <param name="count">How many.</param>
    /// <param name="room">[depth, 32], to turn them in before they are narrowed.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void PutColumns(float* values, int first, int count, float* room)
    {
        for (int done = 0; done < count; done += Wide, values += (nint)Wide * Depth)
        {
            int columns = Math.Min(Wide, count - done);
            byte* panel = Panel((first + done) / Wide);
            if (!IsBFloat16)
            {
                PanelLayout.PutColumns(values, Depth, columns, Depth, (float*)panel);
                continue;
            }
            if (columns < Wide)
                new Span<float>(room, Depth * Wide).Clear();
            Transposition.Turn(values, Depth, columns, Depth, room, Wide);
            for (int k = 0; k < Depth; k++)
                PutLine(room + (nint)k * Wide, panel, k);
        }
    }

    // 32 values as row k of a panel.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void PutLine(float* values, byte* panel, int k)
    {
        if (IsBFloat16)
            (Vector512.Load((uint*)values) >> 16 | Vector512.Load((uint*)values + Half) & Vector512.Create(0xFFFF0000u)).Store((uint*)panel + (nint)k * Half);
        else
            PanelLayout.PutLine(values, (float*)panel, Depth, k);
    }

    public void Dispose()
    {
        if (_owned)
            _memory!.Dispose();
        _data = null;
    }

    private static PackedMatrix Alone(int depth, int columns, bool bfloat16)
    {
        PackedMatrix packed = new(depth, columns, bfloat16);
        packed.Place(new WeightMemory(packed.Bytes), 0);
        packed._owned = true;
        return packed;
    }
}
