namespace Acm.Runtime.Backends.Cpu;

/// <summary>
/// Register tiles of one height, one after the other: of neighbouring rows and one panel, or of the same rows and neighbouring panels. A tile's beginning and
/// end cost a tenth of a short sum's time, least where one method goes from one to the next.
/// </summary>
internal unsafe struct TileRun
{
    public TileRun()
    {
    }

    /// <summary>Row 0 of what is read, <see cref="Stride"/> floats from one row to the next.</summary>
    public float* A;
    public nint Stride;

    /// <summary>Which row each of the first tile's is; <see cref="GemmKernels.InOrder"/> itself is quicker than another map that says the same.</summary>
    public int* From = GemmKernels.InOrder;

    /// <summary>The panel, as <see cref="PanelLayout"/> has it; of one held as bfloat16, its first word.</summary>
    public float* B;

    /// <summary>From one strip of the panel to the next, where it has several.</summary>
    public nint Apart;

    /// <summary>Terms of the sums.</summary>
    public nint Depth;

    /// <summary>Row 0 of the result, <see cref="Pitch"/> floats from one row to the next.</summary>
    public float* C;
    public nint Pitch;

    /// <summary>Which row of the result each of the first tile's is.</summary>
    public int* To = GemmKernels.InOrder;

    /// <summary>What is added to the finished sums, its rows as the result's; may be the result's own memory, or null.</summary>
    public float* Add;

    /// <summary>What the sums begin with, [32].</summary>
    public float* Bias = GemmKernels.NoBias;

    /// <summary>From what one row's sums begin with to what the next row's do; 0: all begin alike, as they must below 512 bits.</summary>
    public nint BiasPitch;

    /// <summary>Where reading goes on later: <see cref="Depth"/> lines from here on are asked for meanwhile, by 256 bits a quarter of them from each strip's begin on. Need not be memory.</summary>
    public byte* Ahead;

    /// <summary>By how many bytes each term goes on asking: a line, or less for fewer of them. By 512 bits only.</summary>
    public nint Pace = PackedMatrix.Line;

    /// <summary>Few rows ask for as many lines so far beyond, too; 0: they do not.</summary>
    public nint Beyond;

    /// <summary>How many floats beyond its place each row asks for memory that will be stored to next; 0: it does not. By 512 bits only.</summary>
    public nint Soon;

    /// <summary>How many tiles; more than one by 512 bits only.</summary>
    public int Tiles = 1;

    /// <summary>From one tile to the next: of <see cref="A"/> where rows are in order, else of the map; of the panel, the result, its map, and what is asked for.</summary>
    public nint NextA, NextRows, NextB, NextC, NextPlaces, NextAhead;
}
