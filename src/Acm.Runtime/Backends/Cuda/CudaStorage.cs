using Acm.Runtime.Plan;

namespace Acm.Runtime.Backends.Cuda;

/// <summary>A matrix in device memory: a buffer of the plan as floats or as elements, or what a step needs for itself.</summary>
/// <param name="name">For people.</param>
/// <param name="rows">Of what there is a row.</param>
/// <param name="columns">As stored.</param>
/// <param name="valueBytes">Bytes of a value.</param>
/// <param name="heads">How heads lie in it, where they are filled up; else null.</param>
internal sealed class CudaStorage(string name, RowSpace rows, int columns, int valueBytes, HeadLayout? heads = null)
{
    public string Name => name;

    public RowSpace Rows => rows;

    public int Columns => columns;

    /// <summary>Values from row to row.</summary>
    public int Pitch => WeightPacking.Pad64(columns);

    /// <summary>Which of the model's columns a stored one is; -1 for one of zeros.</summary>
    public int ModelColumn(int column) => heads?.ModelColumn(column) ?? column;

    /// <summary>Bytes at a shape.</summary>
    public long Bytes(RunShape shape) => (long)shape.Rows(rows) * Pitch * valueBytes;
}

/// <summary>Heads of a size the attention kernel has no code for, each filled up with columns of zeros to one that it has.</summary>
/// <param name="Size">The model's.</param>
/// <param name="Stored">16, 32, 64 or 128.</param>
internal sealed record HeadLayout(int Size, int Stored)
{
    /// <summary>The smallest size served that holds the model's; 0 where there is none.</summary>
    public static int StoredFor(int size) => size switch
    {
        <= 16 => 16,
        <= 32 => 32,
        <= 64 => 64,
        <= 128 => 128,
        _ => 0,
    };

    public int ModelColumn(int column) => column % Stored < Size ? column / Stored * Size + column % Stored : -1;
}
