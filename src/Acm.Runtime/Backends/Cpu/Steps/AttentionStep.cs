using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Acm.Runtime.Plan;

namespace Acm.Runtime.Backends.Cpu.Steps;

/// <summary>
/// Softmax attention, a few queries at a time: their scores against every key of the sequence, the softmax, and the weighted values, all in one
/// worker's cache. Keys and values are packed per head first. A query's sums run over the keys in order whatever else is computed.
/// </summary>
internal sealed unsafe class AttentionStep(Attention op, CpuBackend backend) : CpuStep
{
    private const int Tile = GemmKernels.MostRows, Panel = GemmKernels.Columns, Half = Panel / 2, Queries = 4 * Tile;
    private const int Pack = 0, Attend = 1, Both = 2, None = int.MaxValue;
    private readonly BufferSlot _q = backend.Slot(op.Q), _k = backend.Slot(op.K), _v = backend.Slot(op.V), _out = backend.Slot(op.Out);
    private readonly int _size = op.Q.Width / op.Heads, _heads = op.Heads;

    // Of a score, to be a power of two: exp(score / sqrt(size)) = 2^(score * this).
    private readonly float _binaryScale = (float)(Math.Log2(Math.E) / Math.Sqrt(op.Q.Width / op.Heads));

    // Whole register tiles, where they are less tall.
    private static int MostRows => Tile / GemmKernels.TallRows * GemmKernels.TallRows;

    private int ValuePanels => (_size + Panel - 1) / Panel;

    private static int Padded(int count) => (count + Panel - 1) / Panel * Panel;

    // Packed keys, then packed values, of one head.
    private nint HeadFloats(int length) => (nint)Padded(length) * _size + (nint)length * ValuePanels * Panel;

    public override void Run(CpuForward forward, in ForwardRun run)
    {
        int tasks = forward.Sequences * _heads;
        // A head a task keeps what is packed in its worker's cache; where that would leave threads idle, its queries are shared out too.
        if (tasks % forward.Threads == 0 || tasks >= 8 * forward.Threads)
        {
            forward.Parallel(this, Both, tasks);
            return;
        }
        // Where each sequence's packed heads begin, and its first query block.
        int* offsets = forward.Map(0, 2L * (forward.Sequences + 1));
        int blocks = 0, floats = 0;
        for (int s = 0; s < forward.Sequences; s++)
        {
            (offsets[2 * s], offsets[2 * s + 1]) = (floats, blocks);
            floats += checked((int)HeadFloats(Length(forward, s)));
            blocks += (QueriesOf(forward, s) + Queries - 1) / Queries;
        }
        (offsets[2 * forward.Sequences], offsets[2 * forward.Sequences + 1]) = (floats, blocks);
        forward.Scratch(0, (long)floats * _heads);
        forward.Parallel(this, Pack, tasks);
        forward.Parallel(this, Attend, blocks * _heads);
    }

    public override void Execute(CpuForward forward, int phase, int task, int worker)
    {
        int head = task % _heads, sequence = task / _heads;
        if (phase == Both)
        {
            int length = Length(forward, sequence);
            float* packed = forward.WorkerScratch(worker, HeadFloats(length) + ScoreFloats(length));
            PackHead(forward, sequence, head, packed);
            AttendTo(forward, sequence, head, packed, 0, QueriesOf(forward, sequence), packed + HeadFloats(length), task + 1);
            return;
        }
        int* offsets = forward.Map(0, 0);
        if (phase == Pack)
        {
            PackHead(forward, sequence, head, Packed(forward, offsets, sequence, head));
            return;
        }
        int block = task / _heads;
        sequence = 0;
        while (offsets[2 * (sequence + 1) + 1] <= block)
            sequence++;
        int first = (block - offsets[2 * sequence + 1]) * Queries;
        AttendTo(forward, sequence, head, Packed(forward, offsets, sequence, head), first, Math.Min(first + Queries, QueriesOf(forward, sequence)),
            forward.WorkerScratch(worker, ScoreFloats(Length(forward, sequence))), None);
    }

    // Keys and values of a sequence.
    private int Length(CpuForward forward, int sequence) => Rows(forward.Starts(_k.Rows), sequence);

    private int QueriesOf(CpuForward forward, int sequence) => Rows(forward.Starts(_q.Rows), sequence);

    private static int Rows(ReadOnlySpan<int> starts, int sequence) => starts[sequence + 1] - starts[sequence];

    private float* Packed(CpuForward forward, int* offsets, int sequence, int head) =>
        forward.Scratch(0, 0) + (nint)offsets[2 * sequence] * _heads + head * HeadFloats(Length(forward, sequence));

    // Scores as the products leave them, then as rows: half a cache line more a row, so that rows do not compete for the same lines; then weighted values.
    private static int ScorePitch(int length) => Padded(length) + Vector512<float>.Count;

    private long ScoreFloats(int length) => (long)Tile * (Padded(length) + ScorePitch(length) + ValuePanels * Panel);

    // Keys as panels of 32 keys, values as panels of 32 columns.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void PackHead(CpuForward forward, int sequence, int head, float* packed)
    {
        int first = forward.Starts(_k.Rows)[sequence], length = Length(forward, sequence), padded = Padded(length);
        float* k = forward.Buffer(_k) + (nint)first * _k.Width + head * _size;
        float* v = forward.Buffer(_v) + (nint)first * _v.Width + head * _size, last = stackalloc float[Panel];
        new Span<float>(last, Panel).Clear();
        for (int panel = 0; panel < padded; panel += Panel, packed += Panel * _size)
        {
            int count = Math.Min(Panel, length - panel);
            if (count < Panel)
                new Span<float>(packed, Panel * _size).Clear();
            PanelLayout.PutColumns(k + (nint)panel * _k.Width, _k.Width, count, _size, packed);
        }
        for (int from = 0; from < _size; from += Panel)
        {
            int count = Math.Min(Panel, _size - from);
            for (int key = 0; key < length; key++)
            {
                float* line = v + (nint)key * _v.Width + from;
                if (count < Panel)
                {
                    new Span<float>(line, count).CopyTo(new Span<float>(last, count));
                    line = last;
                }
                PanelLayout.PutLine(line, packed, length, key);
            }
            packed += (nint)length * Panel;
        }
    }

    // Asks for rows of a head, which lie too far apart for the processor's own guesses.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Announce(CpuForward forward, BufferSlot slot, int sequence, int head, int row, int end, bool soon)
    {
        if (!Sse.IsSupported)
            return;
        for (; row < end; row++)
        {
            float* values = forward.Buffer(slot) + (nint)(forward.Starts(slot.Rows)[sequence] + row) * slot.Width + head * _size;
            for (int i = 0; i < _size; i += Half)
                if (soon)
                    Sse.Prefetch0(values + i);
                else
                    Sse.Prefetch1(values + i);
        }
    }

    // What a task packs, a share of it.
    private void AnnouncePacking(CpuForward forward, int task, int part, int parts)
    {
        if (task >= forward.Sequences * _heads)
            return;
        int sequence = task / _heads, length = Length(forward, sequence), from = (int)((long)length * part / parts), end = (int)((long)length * (part + 1) / parts);
        Announce(forward, _k, sequence, task % _heads, from, end, soon: false);
        Announce(forward, _v, sequence, task % _heads, from, end, soon: false);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void AttendTo(CpuForward forward, int sequence, int head, float* keys, int query, int end, float* scores, int next)
    {
        int first = forward.Starts(_q.Rows)[sequence], length = Length(forward, sequence), padded = Padded(length), pitch = ScorePitch(length);
        float* values = keys + (nint)padded * _size, weights = scores + (nint)Tile * padded, sums = weights + (nint)Tile * pitch, inverse = stackalloc float[Tile];
        for (int rows, part = 0; query < end; query += rows, part++)
        {
            float* q = forward.Buffer(_q) + (nint)(first + query) * _q.Width + head * _size;
            // Even heights: no thin tile at the end, which would wait for its few sums.
            int tiles = (end - query + MostRows - 1) / MostRows;
            rows = (end - query + tiles - 1) / tiles;
            Announce(forward, _q, sequence, head, query + rows, Math.Min(query + 2 * rows, end), soon: true);
            Announce(forward, _out, sequence, head, query, query + rows, soon: false);
            AnnouncePacking(forward, next, part, part + tiles);
            // [panel, row, 32], as are the weighted values: as the register tiles come.
            GemmKernels.Multiply(q, _q.Width, rows, keys, _size, scores, Panel * Tile, length);
            for (int r = 0; r < rows; r += 2)
            {
                // A last row without another is computed twice.
                int second = Math.Min(r + 1, rows - 1);
                (inverse[r], inverse[second]) = Softmax(scores + r * Panel, scores + second * Panel, length, weights + (nint)r * pitch, weights + (nint)second * pitch);
            }
            GemmKernels.Multiply(weights, pitch, rows, values, length, sums, Panel * Tile, _size);
            float* to = forward.Buffer(_out) + (nint)(first + query) * _out.Width + head * _size;
            for (int panel = 0; panel < ValuePanels; panel++)
                for (int r = 0; r < rows; r++)
                    Store(sums + (panel * Tile + r) * Panel, inverse[r], to + (nint)r * _out.Width + panel * Panel, _size - panel * Panel);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(float* tile, float scale, float* to, int columns)
    {
        if (columns >= Panel)
        {
            (Vector512.Load(tile) * scale).Store(to);
            (Vector512.Load(tile + 16) * scale).Store(to + 16);
            return;
        }
        for (int c = 0; c < columns; c++)
            to[c] = tile[c] * scale;
    }

    // exp((score - highest) / sqrt(size)) from two rows of [panel, row, 32] to plain rows; returns one over their sums. One row alone would wait for its
    // highest score, then for its sum.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private (float, float) Softmax(float* scores, float* besides, int length, float* weights, float* beside)
    {
        const int next = Tile * Panel;
        int end = Padded(length) / Panel * next;
        if (length % Panel > 0)
        {
            Mask(scores + end - next, length % Panel);
            Mask(besides + end - next, length % Panel);
        }
        // A NaN may be lost here: its own exponential brings it back.
        Vector512<float> even = Vector512.Create(float.NegativeInfinity), odd = even, even2 = even, odd2 = even;
        for (int at = 0; at < end; at += next)
        {
            even = Vector512.MaxNative(even, Vector512.Load(scores + at));
            odd = Vector512.MaxNative(odd, Vector512.Load(scores + at + Half));
            even2 = Vector512.MaxNative(even2, Vector512.Load(besides + at));
            odd2 = Vector512.MaxNative(odd2, Vector512.Load(besides + at + Half));
        }
        float highest = Highest(Vector512.MaxNative(even, odd)), highest2 = Highest(Vector512.MaxNative(even2, odd2));
        (float sum, float sum2) = Weigh(scores, besides, end, highest, highest2, weights, beside);
        return (1 / sum, 1 / sum2);
    }

    // By itself: the compiler puts only so much into one method, and calls the rest.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private (float, float) Weigh(float* scores, float* besides, int end, float highest, float highest2, float* weights, float* beside)
    {
        Vector512<float> scale = Vector512.Create(_binaryScale), most = Vector512.Create(highest), most2 = Vector512.Create(highest2);
        Vector512<float> even = Vector512<float>.Zero, odd = even, even2 = even, odd2 = even;
        for (int at = 0; at < end; at += Tile * Panel, weights += Panel, beside += Panel)
        {
            even += Exponential(scores + at, most, scale, weights);
            odd += Exponential(scores + at + Half, most, scale, weights + Half);
            even2 += Exponential(besides + at, most2, scale, beside);
            odd2 += Exponential(besides + at + Half, most2, scale, beside + Half);
        }
        return (Vector512.Sum(even + odd), Vector512.Sum(even2 + odd2));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Exponential(float* score, Vector512<float> highest, Vector512<float> scale, float* weight)
    {
        // The difference first: the highest score's is zero however large it is.
        Vector512<float> e = Elementwise.PowerOfTwo((Vector512.Load(score) - highest) * scale);
        e.Store(weight);
        return e;
    }

    // Scores beyond a row's keys, in its last panel.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Mask(float* scores, int count)
    {
        Vector512<int> column = Vector512<int>.Indices;
        Vector512<float> none = Vector512.Create(float.NegativeInfinity);
        Vector512.ConditionalSelect(Vector512.LessThan(column, Vector512.Create(count)).AsSingle(), Vector512.Load(scores), none).Store(scores);
        Vector512.ConditionalSelect(Vector512.LessThan(column, Vector512.Create(count - Half)).AsSingle(), Vector512.Load(scores + Half), none).Store(scores + Half);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float Highest(Vector512<float> v)
    {
        Vector256<float> eight = Vector256.MaxNative(v.GetLower(), v.GetUpper());
        Vector128<float> four = Vector128.MaxNative(eight.GetLower(), eight.GetUpper());
        four = Vector128.MaxNative(four, Vector128.Shuffle(four, Vector128.Create(2, 3, 0, 1)));
        return Vector128.MaxNative(four, Vector128.Shuffle(four, Vector128.Create(1, 0, 3, 2))).ToScalar();
    }
}
