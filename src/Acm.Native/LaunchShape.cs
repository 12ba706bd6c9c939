namespace Acm.Native;

/// <summary>Three extents: of a grid in blocks, of a block in threads, of a cluster in blocks.</summary>
/// <param name="X">Fastest-running extent.</param>
/// <param name="Y">Second extent.</param>
/// <param name="Z">Slowest-running extent.</param>
public readonly record struct Dim3(int X, int Y = 1, int Z = 1)
{
    /// <summary>A single extent.</summary>
    public static implicit operator Dim3(int x) => new(x);

    /// <summary>Product of the three.</summary>
    public long Count => (long)X * Y * Z;

    /// <summary>As X x Y x Z.</summary>
    public override string ToString() => $"{X}x{Y}x{Z}";
}

/// <summary>How a kernel is launched.</summary>
/// <param name="Grid">Blocks.</param>
/// <param name="Block">Threads of a block.</param>
/// <param name="SharedBytes">Dynamic shared memory of a block, in bytes.</param>
public readonly record struct LaunchShape(Dim3 Grid, Dim3 Block, int SharedBytes = 0)
{
    /// <summary>Blocks of a cluster (sm_90 and later), or default for none.</summary>
    public Dim3 Cluster { get; init; }

    /// <summary>
    /// Programmatic dependent launch (sm_90 and later): the kernel may start before its predecessor in the stream has ended, and waits for it itself.
    /// </summary>
    public bool Programmatic { get; init; }

    /// <summary>All blocks must be resident at once (grid-wide barriers).</summary>
    public bool Cooperative { get; init; }

    /// <summary>Whether any launch attribute is set.</summary>
    internal bool HasAttributes => Cluster != default || Programmatic || Cooperative;

    /// <summary>Grid, block and shared bytes.</summary>
    public override string ToString() =>
        $"grid {Grid}, block {Block}, {SharedBytes} shared bytes{(Cluster == default ? "" : $", cluster {Cluster}")}{(Programmatic ? ", programmatic" : "")}{(Cooperative ? ", cooperative" : "")}";
}
