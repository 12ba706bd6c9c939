using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Acm.Runtime.Plan;

namespace Acm.Runtime.Backends.Cpu.Steps;

/// <summary>
/// Softmax attention, a few queries at a time: their scores against every key of the sequence, the softmax, and the weighted values, all in one
/// worker's cache. Keys and values are packed per head first. A query's sums run over the keys in order whatever else is computed.
/// </summary>
internal sealed unsafe class AttentionStep(Attention op, CpuBackend backend) : CpuStep
{
    private const int Tile = GemmKernels.MostRows, Panel = GemmKernels.Columns, Queries = 4 * Tile;
    private const int Pack = 0, Attend = 1, Both = 2;
    private readonly BufferSlot _q = backend.Slot(op.Q), _k = backend.Slot(op.K), _v = backend.Slot(op.V), _out = backend.Slot(op.Out);
    private readonly int _size = op.Q.Width / op.Heads, _heads = op.Heads;

    // Of a score, to be a power of two: exp(score / sqrt(size)) = 2^(score * this).
    private readonly float _binaryScale = (float)(Math.Log2(Math.E) / Math.Sqrt(op.Q.Width / op.Heads));

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
            AttendTo(forward, sequence, head, packed, 0, QueriesOf(forward, sequence), packed + HeadFloats(length));
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
            forward.WorkerScratch(worker, ScoreFloats(Length(forward, sequence))));
    }

    // Keys and values of a sequence.
    private int Length(CpuForward forward, int sequence) => Rows(forward.Starts(_k.Rows), sequence);

    private int QueriesOf(CpuForward forward, int sequence) => Rows(forward.Starts(_q.Rows), sequence);

    private static int Rows(ReadOnlySpan<int> starts, int sequence) => starts[sequence + 1] - starts[sequence];

    private float* Packed(CpuForward forward, int* offsets, int sequence, int head) =>
        forward.Scratch(0, 0) + (nint)offsets[2 * sequence] * _heads + head * HeadFloats(Length(forward, sequence));

    // Scores as the products leave them, then as rows: half a cache line more a row, so that rows do not compete for the same lines.
    private static int ScorePitch(int length) => Padded(length) + Vector512<float>.Count;

    private static long ScoreFloats(int length) => (long)Tile * (Padded(length) + ScorePitch(length));

    // Keys as panels of 32 keys [size, 32], values as panels of 32 columns [length, 32].
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void PackHead(CpuForward forward, int sequence, int head, float* packed)
    {
        int first = forward.Starts(_k.Rows)[sequence], length = Length(forward, sequence), padded = Padded(length);
        float* k = forward.Buffer(_k) + (nint)first * _k.Width + head * _size;
        float* v = forward.Buffer(_v) + (nint)first * _v.Width + head * _size;
        for (int panel = 0; panel < padded; panel += Panel, packed += Panel * _size)
        {
            int count = Math.Min(Panel, length - panel);
            if (count < Panel)
                new Span<float>(packed, Panel * _size).Clear();
            Transposition.Turn(k + (nint)panel * _k.Width, _k.Width, count, _size, packed, Panel);
        }
        for (int from = 0; from < _size; from += Panel)
        {
            int count = Math.Min(Panel, _size - from);
            for (int key = 0; key < length; key++, packed += Panel)
            {
                float* row = v + (nint)key * _v.Width + from;
                if (count == Panel)
                {
                    Vector512.Load(row).Store(packed);
                    Vector512.Load(row + 16).Store(packed + 16);
                    continue;
                }
                for (int i = 0; i < Panel; i++)
                    packed[i] = i < count ? row[i] : 0;
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void AttendTo(CpuForward forward, int sequence, int head, float* keys, int query, int end, float* scores)
    {
        int first = forward.Starts(_q.Rows)[sequence], length = Length(forward, sequence), padded = Padded(length), pitch = ScorePitch(length);
        float* values = keys + (nint)padded * _size, weights = scores + (nint)Tile * padded;
        float* tile = stackalloc float[Tile * Panel], inverse = stackalloc float[Tile];
        for (int rows; query < end; query += rows)
        {
            float* q = forward.Buffer(_q) + (nint)(first + query) * _q.Width + head * _size;
            // Even heights: no thin tile at the end, which would wait for its few sums.
            int tiles = (end - query + Tile - 1) / Tile;
            rows = (end - query + tiles - 1) / tiles;
            // [panel, row, 32]: as the register tiles come.
            for (int panel = 0; panel < padded / Panel; panel++)
                GemmKernels.Multiply(q, _q.Width, rows, keys + (nint)panel * _size * Panel, _size, scores + panel * Tile * Panel);
            for (int r = 0; r < rows; r++)
                inverse[r] = Softmax(scores + r * Panel, length, weights + (nint)r * pitch);
            float* to = forward.Buffer(_out) + (nint)(first + query) * _out.Width + head * _size;
            for (int panel = 0; panel < ValuePanels; panel++)
            {
                GemmKernels.Multiply(weights, pitch, rows, values + (nint)panel * length * Panel, length, tile);
                for (int r = 0; r < rows; r++)
                    Store(tile + r * Panel, inverse[r], to + (nint)r * _out.Width + panel * Panel, _size - panel * Panel);
            }
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

    // exp((score - highest) / sqrt(size)) from a row of [panel, row, 32] to a plain row; returns one over their sum.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private float Softmax(float* scores, int length, float* weights)
    {
        const int next = Tile * Panel;
        int panels = Padded(length) / Panel, last = (panels - 1) * Panel;
        for (int i = length - last; i < Panel; i++)
            scores[(panels - 1) * next + i] = float.NegativeInfinity;
        // A NaN may be lost here: its own exponential brings it back.
        Vector512<float> even = Vector512.Create(float.NegativeInfinity), odd = even;
        float* from = scores;
        for (int panel = 0; panel < panels; panel++, from += next)
        {
            even = Vector512.MaxNative(even, Vector512.Load(from));
            odd = Vector512.MaxNative(odd, Vector512.Load(from + 16));
        }
        Vector512<float> scale = Vector512.Create(_binaryScale), center = Vector512.Create(Highest(Vector512.MaxNative(even, odd)) * -_binaryScale);
        Vector512<float> sums = Vector512<float>.Zero, others = sums;
        for (int panel = 0; panel < panels; panel++, scores += next, weights += Panel)
        {
            Vector512<float> a = Elementwise.PowerOfTwo(Vector512.FusedMultiplyAdd(Vector512.Load(scores), scale, center));
            Vector512<float> b = Elementwise.PowerOfTwo(Vector512.FusedMultiplyAdd(Vector512.Load(scores + 16), scale, center));
            a.Store(weights);
            b.Store(weights + 16);
            sums += a;
            others += b;
        }
        return 1 / Vector512.Sum(sums + others);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float Highest(Vector512<float> v)
    {
        Vector256<float> eight = Vector256.MaxNative(v.GetLower(), v.GetUpper());
        Vector128<float> four = Vector128.MaxNative(eight.GetLower(), eight.GetUpper());
        return MathF.Max(MathF.Max(four[0], four[1]), MathF.Max(four[2], four[3]));
    }
}
