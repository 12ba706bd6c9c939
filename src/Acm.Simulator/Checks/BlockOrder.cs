namespace Acm.Simulator.Checks;

/// <summary>
/// What a block knows of other blocks: they learn of each other through atomics and strong accesses after fences. Sparse, since most never do.
/// </summary>
internal sealed class BlockOrder(int launch)
{
    private Dictionary<int, int> _known = [];
    private Dictionary<int, int>? _published;

    public int Launch { get; } = launch;

    public int Block { get; private set; }

    /// <summary>Counts this block's releases.</summary>
    public int Epoch { get; private set; }

    /// <summary>Whether the block has learnt of any other.</summary>
    public bool KnowsOthers => _known.Count > 0;

    public void Start(int block)
    {
        Block = block;
        Epoch = 1;
        _known = [];
        _published = null;
    }

    public bool Knows(int block, int epoch) => block == Block || (_known.TryGetValue(block, out int known) && known >= epoch);

    /// <summary>A fence: what the block has done so far may be told to others.</summary>
    public void Fence()
    {
        _published = new Dictionary<int, int>(_known) { [Block] = Epoch };
        Epoch++;
    }

    /// <summary>A strong write: others that read it learn what was fenced before.</summary>
    public void Release(Dictionary<int, int> at)
    {
        if (_published is null)
            return;
        foreach ((int block, int epoch) in _published)
        {
            if (!at.TryGetValue(block, out int known) || known < epoch)
                at[block] = epoch;
        }
    }

    public void Acquire(Dictionary<int, int> at)
    {
        foreach ((int block, int epoch) in at)
        {
            if (block != Block && (!_known.TryGetValue(block, out int known) || known < epoch))
                _known[block] = epoch;
        }
    }
}
