using System.Runtime.CompilerServices;

namespace Acm.Runtime.Backends.Cpu;

/// <summary>
/// Which memory the tiles of a panel ask for while they compute, by 512 bits: the first ones a share each of the panel that is read next, the others the rows
/// of the tile after their own.
/// </summary>
internal unsafe struct Asking
{
    // Tiles of fewer rows, alone on their panel, wait for memory rather than for sums.
    private const int FewRows = 12;

    // Still fewer have no time to ask for two lines a step: where the weight lies in a cache, they would wait for that.
    private const int FewestRows = 8;

    // Most tiles that share a panel. More of them ask for less each: a core waits for only so many lines at once, its tile's own among them.
    private const int MostTiles = 8;

    // Two tiles' rows, this panel and the next fit in a second-level cache of 1 MB up to here, and are better fetched as they are read beyond.
    private const int DeepestRows = 1024;

    private readonly bool _askForRows;
    private byte* _next;
    private int _tiles;

    /// <summary>Begins a panel.</summary>
    /// <param name="run">What is known of its runs: the panel and its depth.</param>
    /// <param name="tiles">How many there will be.</param>
    /// <param name="rows">Their rows.</param>
    /// <param name="next">The panel that is read next, or any other place.</param>
    /// <param name="alone">Whether no other block reads the panel.</param>
    /// <param name="bfloat16">Whether the panel is held as bfloat16.</param>
    /// <param name="askForRows">Whether the rows lie in one piece, and this panel takes all of them.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Asking(ref TileRun run, int tiles, int rows, byte* next, bool alone, bool bfloat16, bool askForRows)
    {
        _next = next;
        _askForRows = askForRows && run.Depth <= DeepestRows;
        // A product of one short tile asks for both halves of the next panel at once; else the processor's own guesses fetch more than half a panel does.
        if (tiles == 1 && rows < FewRows && !bfloat16)
        {
            if (alone && rows >= FewestRows)
                run.Beyond = run.Depth * PackedMatrix.Line;
            else
                _next = (byte*)run.B;
        }
        _tiles = bfloat16 ? 1 : Math.Clamp(tiles, 2, MostTiles);
        run.Pace = (bfloat16 ? 1 : 2) * PackedMatrix.Line / _tiles;
    }

    /// <summary>Tiles that rows are cut into: one tall tile has time to ask for half of the next panel; two, for half of it each.</summary>
    public static int TilesOf(int rows, bool alone, bool bfloat16) =>
        alone && !bfloat16 && rows is >= FewRows and <= GemmKernels.MostRows ? 2 : GemmCall.Tiles(rows);

    /// <summary>Says what a run asks for, and ends it where its tiles would not all ask alike.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Assign(ref TileRun run)
    {
        if (_tiles > 0)
        {
            run.Tiles = Math.Min(run.Tiles, _tiles);
            run.Ahead = _next;
            run.NextAhead = run.Depth * run.Pace;
            _next += run.Tiles * run.NextAhead;
            _tiles -= run.Tiles;
            return;
        }
        run.Ahead = (byte*)(_askForRows ? run.A + run.NextA : run.B);
        run.NextAhead = _askForRows ? run.NextA * sizeof(float) : 0;
        run.Pace = PackedMatrix.Line;
    }
}
