using System.Runtime.Intrinsics;

namespace Acm.Runtime.Backends.Cpu;

/// <summary>
/// The tasks of one product: each a row block times a few neighbouring panels. In an order that keeps what is read again in the caches: as
/// many blocks as stay there, over all panels, then the next blocks.
/// </summary>
/// <param name="threads">Threads that will share the tasks.</param>
internal sealed unsafe class GemmTasks(int threads)
{
    // Values of A in a task shared by threads: 4 million multiply-adds a panel, some 40 microseconds.
    private const int SharedValues = 1 << 17;

    // Values of A that are read again and again from the second- and third-level caches while the panels go by.
    private const int ResidentValues = 600_000;

    // Of a product computed in parts: values of A that stay in the second-level cache while panels go by, how many go by then, and about how many terms a part has.
    private const int PartValues = 200_000, PartPanels = 4, PartTerms = 768;

    // Values of B that stay in the second-level cache while a few rows at a time go over them: what short registers need.
    private const int SharedColumnValues = 3 << 15;

    // The fewest multiply-adds worth handing out: a microsecond or two.
    private const int Worth = 1 << 17;

    private RowBlock[] _blocks = new RowBlock[64];
    private int _count, _resident, _span, _spans;
    // Terms of a part; 0: all at once.
    private int _part;
    private GemmCall _call;

    /// <summary>Multiply-adds of all tasks.</summary>
    public long Work { get; private set; }

    /// <summary>Begins the list of row blocks.</summary>
    public void Clear() => _count = 0;

    /// <summary>Adds rows, those of <paramref name="a"/> that <paramref name="from"/> names, cut so that each block is worth a task.</summary>
    public void Add(float* a, nint stride, int row, int rows, int depth, int group = 0, float* bias = null, int* from = null)
    {
        int tiles = GemmCall.Tiles(rows), values = threads == 1 ? ResidentValues : SharedValues;
        int most = Math.Max(values / (Math.Max(depth, 1) * GemmKernels.TallRows), 1);
        int blocks = (tiles + most - 1) / most;
        for (int done = 0; blocks > 0; blocks--)
        {
            int count = (rows - done + blocks - 1) / blocks;
            if (_count == _blocks.Length)
                Array.Resize(ref _blocks, 2 * _blocks.Length);
            _blocks[_count++] = new RowBlock
            {
                A = from == null ? a + done * stride : a,
                From = from == null ? null : from + done,
                Row = row + done,
                Rows = count,
                Depth = depth,
                Group = group,
                Bias = bias,
            };
            done += count;
        }
    }

    /// <summary>Lays out the tasks of the blocks added.</summary>
    /// <param name="call">The product.</param>
    /// <returns>Their number.</returns>
    public int Begin(in GemmCall call)
    {
        _call = call;
        int panels = call.Weights[0].Panels;
        Room = 0;
        foreach (PackedMatrix weight in call.Weights)
            if (weight.IsBFloat16)
                Room = Math.Max(Room, weight.Depth * GemmKernels.Columns);
        long values = 0;
        for (int i = 0; i < _count; i++)
            values += (long)_blocks[i].Rows * _blocks[i].Depth;
        Work = values * panels * GemmKernels.Columns;
        _resident = _count == 0 ? 1 : (int)Math.Clamp(ResidentValues * (long)_count / Math.Max(values, 1), 1, _count);
        // Panels of a task: several where a block has few rows, yet at least some tasks for every thread.
        long worth = Worth * (long)_count / Math.Max(values * GemmKernels.Columns, 1);
        if (!Vector512.IsHardwareAccelerated)
            worth = Math.Max(worth, SharedColumnValues / (call.Weights[0].Depth * GemmKernels.Columns));
        _span = (int)Math.Clamp(worth, 1, Math.Max(1, (long)panels * _count / (4 * threads)));
        // Few rows take two panels at once.
        if (values <= (long)_count * GemmKernels.PairRows(call.Weights[0].IsBFloat16) * _blocks[0].Depth)
            _span += _span & 1;
        _part = PartOf(call, values);
        if (_part > 0)
            LayOutParts();
        _span = Math.Min(_span, panels);
        _spans = (panels + _span - 1) / _span;
        return (_part > 0 ? (_count + _resident - 1) / _resident : _count) * _spans;
    }

    // Terms of a part, where the rows do not stay in the second-level cache otherwise. Threads have such a cache each, and would wait for each other at the
    // end of tasks so large.
    private int PartOf(in GemmCall call, long values)
    {
        int depth = call.Weights[0].Depth, parts = (depth + PartTerms / 2) / PartTerms;
        bool may = Vector512.IsHardwareAccelerated && threads == 1 && call.LearnerRows == null && Room == 0;
        return may && values > PartValues && parts > 1 ? (depth + parts - 1) / parts : 0;
    }

    // Each task a few panels of as many blocks as stay in the second-level cache.
    private void LayOutParts()
    {
        long values = 0;
        int rows = 0, most = 0;
        for (int i = 0; i < _count; i++)
        {
            values += (long)_blocks[i].Rows * Math.Min(_blocks[i].Depth, _part);
            rows += _blocks[i].Rows;
            most = Math.Max(most, _blocks[i].Rows);
        }
        _resident = (int)Math.Clamp(PartValues * (long)_count / Math.Max(values, 1), 1, _count);
        _span = PartPanels;
        Room = Math.Min(_resident * most, rows) * _span * GemmKernels.Columns;
    }

    /// <summary>Values that a task needs room for.</summary>
    public int Room { get; private set; }

    /// <summary>Carries out one task.</summary>
    /// <param name="task">Its number.</param>
    /// <param name="room">Room for <see cref="Room"/> values, this thread's own.</param>
    public void Execute(int task, float* room)
    {
        int panels = _call.Weights[0].Panels;
        if (_part > 0)
        {
            int first = task / _spans * _resident, from = task % _spans * _span, to = Math.Min(from + _span, panels);
            _call.ExecuteInParts(_blocks.AsSpan(first, Math.Min(_resident, _count - first)), from, to, to % panels, _part, room);
            return;
        }
        ref RowBlock block = ref Find(task, out int panel);
        int end = Math.Min(panel + _span, panels);
        // Every block asks for the panel that comes after: the deepest first, and asking again costs nothing.
        _call.Execute(block, panel, end, _call.Weights[block.Group].Panel(Math.Min(end, panels - 1)), _count == 1, room);
    }

    private ref RowBlock Find(int task, out int panel)
    {
        int round = task / (_resident * _spans), first = round * _resident, blocks = Math.Min(_resident, _count - first);
        task -= first * _spans;
        panel = task / blocks * _span;
        return ref _blocks[first + task % blocks];
    }
}
