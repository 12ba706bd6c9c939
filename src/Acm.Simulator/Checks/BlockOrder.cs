namespace Acm.Simulator.Checks;

/// <summary>What a block had done up to a fence: its epoch then, and the clocks of its warps.</summary>
internal sealed record Past(int Epoch, uint[] Clocks);

/// <summary>
/// What a block knows of other blocks: they learn of each other through atomics and strong accesses after fences. Sparse, since most never do.
/// A fence of one warp counts for its whole block, which misses races but makes none up.
/// </summary>
internal sealed class BlockOrder(int launch, int warps)
{
    private readonly Dictionary<int, Past> _known = [];
    private Dictionary<int, Past> _knownAtFence = [];
    private bool _hasLearnt;
    private Past? _own;

    public int Launch { get; } = launch;

    public int Block { get; private set; }

    /// <summary>Counts this block's fences.</summary>
    public int Epoch { get; private set; }

    /// <summary>Whether the block has learnt of any other.</summary>
    public bool KnowsOthers => _known.Count > 0;

    /// <summary>Whether there is anything to tell.</summary>
    public bool HasFenced => _own is not null;

    public void Start(int block)
    {
        Block = block;
        Epoch = 1;
        _known.Clear();
        _knownAtFence = [];
        _hasLearnt = false;
        _own = null;
    }

    public bool Knows(int block, int epoch) => block == Block || (_known.TryGetValue(block, out Past? past) && past.Epoch >= epoch);

    /// <summary>A fence: what the block has done so far, and what it knows, may be told to others.</summary>
    public void Fence(ReadOnlySpan<uint> clocks)
    {
        uint[] joined = new uint[warps];
        for (int v = 0; v < warps; v++)
            joined[v] = Math.Max(clocks[v], _own?.Clocks[v] ?? 0);
        _own = new Past(Epoch, joined);
        Epoch++;
        if (_hasLearnt)
            _knownAtFence = new Dictionary<int, Past>(_known);
        _hasLearnt = false;
    }

    /// <summary>A strong write: others that read it learn what was fenced before.</summary>
    public void Release(Dictionary<int, Past> at)
    {
        foreach ((int block, Past past) in _knownAtFence)
            Join(at, block, past);
        if (_own is not null)
            Join(at, Block, _own);
    }

    /// <summary>A strong read by a warp: it learns what the writers had fenced; of its own block's past, told back by others, too.</summary>
    public void Acquire(Dictionary<int, Past> at, Clocks clocks, int warp)
    {
        foreach ((int block, Past past) in at)
        {
            if (block == Block)
                clocks.Learn(warp, past.Clocks);
            else
                _hasLearnt |= Join(_known, block, past);
        }
    }

    // A block's later past holds all of its earlier ones.
    private static bool Join(Dictionary<int, Past> into, int block, Past past)
    {
        if (into.TryGetValue(block, out Past? known) && known.Epoch >= past.Epoch)
            return false;
        into[block] = past;
        return true;
    }
}
