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
    private const int Queries = 4 * GemmKernels.MostRows;
    private readonly BufferSlot _q = backend.Slot(op.Q), _k = backend.Slot(op.K), _v = backend.Slot(op.V), _out = backend.Slot(op.Out);
    private readonly int _size = op.Q.Width / op.Heads, _heads = op.Heads;
    private readonly float _scale = (float)(1 / Math.Sqrt(op.Q.Width / op.Heads));

    private static int Padded(int count) => (count + GemmKernels.Columns - 1) / GemmKernels.Columns * GemmKernels.Columns;

    public override void Run(CpuForward forward, in ForwardRun run)
    {
        ReadOnlySpan<int> starts = forward.Starts(_q.Rows);
        // Where each sequence's packed keys and values begin, and its first query block.
        int* offsets = forward.Map(0, 2L * (forward.Sequences + 1));
        int blocks = 0, rows = 0;
        for (int s = 0; s < forward.Sequences; s++)
        {
            (offsets[2 * s], offsets[2 * s + 1]) = (rows, blocks);
            int length = starts[s + 1] - starts[s];
            rows += Padded(length);
            blocks += (length + Queries - 1) / Queries;
        }
        (offsets[2 * forward.Sequences], offsets[2 * forward.Sequences + 1]) = (rows, blocks);
        forward.Scratch(0, (long)rows * _heads * _size);
        forward.Scratch(1, (long)rows * _heads * Padded(_size));
        forward.Parallel(this, 0, forward.Sequences * _heads);
        forward.Parallel(this, 1, blocks * _heads);
    }

    public override void Execute(CpuForward forward, int phase, int task, int worker)
    {
        int* offsets = forward.Map(0, 0);
        if (phase == 0)
        {
            Pack(forward, offsets, task / _heads, task % _heads);
            return;
        }
        int block = task / _heads, sequence = 0;
        while (offsets[2 * (sequence + 1) + 1] <= block)
            sequence++;
        Attend(forward, offsets, sequence, task % _heads, block - offsets[2 * sequence + 1], worker);
    }

    private float* Keys(CpuForward forward, int* offsets, int sequence, int head) =>
        forward.Scratch(0, 0) + ((nint)offsets[2 * sequence] * _heads + (nint)head * (offsets[2 * sequence + 2] - offsets[2 * sequence])) * _size;

    private float* Values(CpuForward forward, int* offsets, int sequence, int head) =>
        forward.Scratch(1, 0) + ((nint)offsets[2 * sequence] * _heads + (nint)head * (offsets[2 * sequence + 2] - offsets[2 * sequence])) * Padded(_size);

    // Keys as panels of 32 keys [size, 32], values as panels of 32 columns [length, 32].
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Pack(CpuForward forward, int* offsets, int sequence, int head)
    {
        ReadOnlySpan<int> starts = forward.Starts(_q.Rows);
        int first = starts[sequence], length = starts[sequence + 1] - first;
        float* keys = Keys(forward, offsets, sequence, head), values = Values(forward, offsets, sequence, head);
        float* k = forward.Buffer(_k) + (nint)first * _k.Width + head * _size;
        float* v = forward.Buffer(_v) + (nint)first * _v.Width + head * _size;
        for (int key = 0; key < Padded(length); key++)
        {
            float* column = keys + (nint)(key / GemmKernels.Columns) * _size * GemmKernels.Columns + key % GemmKernels.Columns;
            for (int i = 0; i < _size; i++)
                column[(nint)i * GemmKernels.Columns] = key < length ? k[(nint)key * _k.Width + i] : 0;
        }
        for (int panel = 0; panel * GemmKernels.Columns < _size; panel++)
        {
            int from = panel * GemmKernels.Columns, count = Math.Min(GemmKernels.Columns, _size - from);
            for (int key = 0; key < length; key++)
            {
                Span<float> row = new(values + (nint)panel * length * GemmKernels.Columns + (nint)key * GemmKernels.Columns, GemmKernels.Columns);
                new ReadOnlySpan<float>(v + (nint)key * _v.Width + from, count).CopyTo(row);
                row[count..].Clear();
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Attend(CpuForward forward, int* offsets, int sequence, int head, int block, int worker)
    {
        ReadOnlySpan<int> starts = forward.Starts(_q.Rows);
        int first = starts[sequence], length = starts[sequence + 1] - first, padded = Padded(length);
        float* scores = forward.WorkerScratch(worker, (long)GemmKernels.MostRows * padded);
        float* tile = stackalloc float[GemmKernels.MostRows * GemmKernels.Columns], inverse = stackalloc float[GemmKernels.MostRows];
        float* keys = Keys(forward, offsets, sequence, head), values = Values(forward, offsets, sequence, head);
        int end = Math.Min((block + 1) * Queries, length);
        for (int query = block * Queries; query < end;)
        {
            float* q = forward.Buffer(_q) + (nint)(first + query) * _q.Width + head * _size;
            int rows = Math.Min(GemmKernels.MostRows, end - query);
            for (int panel = 0; panel < padded / GemmKernels.Columns; panel++)
                for (int done = 0; done < rows;)
                {
                    int count = GemmKernels.Multiply(q + (nint)done * _q.Width, _q.Width, rows - done, keys + (nint)panel * _size * GemmKernels.Columns, _size, tile);
                    for (int r = 0; r < count; r++)
                        new ReadOnlySpan<float>(tile + r * GemmKernels.Columns, GemmKernels.Columns)
                            .CopyTo(new Span<float>(scores + (nint)(done + r) * padded + panel * GemmKernels.Columns, GemmKernels.Columns));
                    done += count;
                }
            for (int r = 0; r < rows; r++)
                inverse[r] = Softmax(scores + (nint)r * padded, length, padded);
            float* to = forward.Buffer(_out) + (nint)(first + query) * _out.Width + head * _size;
            for (int panel = 0; panel * GemmKernels.Columns < _size; panel++)
                for (int done = 0; done < rows;)
                {
                    int count = GemmKernels.Multiply(scores + (nint)done * padded, padded, rows - done, values + (nint)panel * length * GemmKernels.Columns, length, tile);
                    for (int r = 0; r < count; r++)
                        Store(tile + r * GemmKernels.Columns, inverse[done + r], to + (nint)(done + r) * _out.Width + panel * GemmKernels.Columns, _size - panel * GemmKernels.Columns);
                    done += count;
                }
            query += rows;
        }
    }

    private static void Store(float* tile, float scale, float* to, int columns)
    {
        if (columns >= GemmKernels.Columns)
        {
            (Vector512.Load(tile) * scale).Store(to);
            (Vector512.Load(tile + 16) * scale).Store(to + 16);
            return;
        }
        for (int c = 0; c < columns; c++)
            to[c] = tile[c] * scale;
    }

    // exp(scale * (score - highest)) in place, padding zero; returns one over their sum.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private float Softmax(float* scores, int length, int padded)
    {
        for (int i = length; i < padded; i++)
            scores[i] = float.NegativeInfinity;
        Vector512<float> highest = Vector512.Create(float.NegativeInfinity);
        for (int i = 0; i < padded; i += 16)
            highest = Vector512.Max(highest, Vector512.Load(scores + i));
        float top = highest[0];
        for (int lane = 1; lane < 16; lane++)
            top = MathF.Max(top, highest[lane]);
        Vector512<float> sums = Vector512<float>.Zero, center = Vector512.Create(top), scale = Vector512.Create(_scale);
        for (int i = 0; i < padded; i += 16)
        {
            Vector512<float> e = Elementwise.Exp((Vector512.Load(scores + i) - center) * scale);
            e.Store(scores + i);
            sums += e;
        }
        return 1 / Vector512.Sum(sums);
    }
}
