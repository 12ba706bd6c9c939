namespace Acm.Runtime.Backends.Reference;

/// <summary>Rows of doubles.</summary>
internal sealed class Matrix(int rows, int width)
{
    public int Rows => rows;

    public int Width => width;

    /// <summary>All values, row-major.</summary>
    public double[] Values { get; } = new double[checked(rows * width)];

    /// <summary>One row.</summary>
    public Span<double> this[int row] => Values.AsSpan(row * width, width);
}
