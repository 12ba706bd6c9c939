namespace Acm.Simulator;

/// <summary>Sizes or coordinates in a grid or block.</summary>
internal readonly record struct Dim3(int X, int Y = 1, int Z = 1)
{
    public long Count => (long)X * Y * Z;

    /// <summary>The coordinates of a linear index, x fastest.</summary>
    public Dim3 At(long index) => new((int)(index % X), (int)(index / X % Y), (int)(index / X / Y));

    public override string ToString() => $"({X},{Y},{Z})";
}
