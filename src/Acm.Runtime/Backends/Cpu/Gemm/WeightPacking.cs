using Acm.Runtime.Plan;

namespace Acm.Runtime.Backends.Cpu;

/// <summary>The packing of a model's weights, put off until all are known and then shared by all threads: read once, written once. What the package stores as bfloat16 is held so.</summary>
/// <param name="threads">Threads that may share it.</param>
internal sealed unsafe class WeightPacking(int threads) : ParallelWork(threads)
{
    // Values of a part: they stay in the second-level cache between reading and writing.
    private const int PartValues = 1 << 16;

    private readonly List<(Weight Weight, PackedMatrix Packed, bool OutputMajor, int First, int Count)> _parts = [];
    private readonly OrderedDictionary<(Weight, bool OutputMajor), PackedMatrix> _matrices = [];
    private NativeBuffer<float>[] _room = [];

    /// <summary>Takes [depth, columns], row-major.</summary>
    /// <returns>The matrix, whose values come with <see cref="Run"/>.</returns>
    public PackedMatrix InputMajor(Weight weight, int depth, int columns) => Add(weight, depth, columns, false, depth, columns, 1);

    /// <summary>Takes nn.Linear's [columns, depth], row-major.</summary>
    /// <returns>The matrix, whose values come with <see cref="Run"/>.</returns>
    public PackedMatrix OutputMajor(Weight weight, int columns, int depth) =>
        Add(weight, depth, columns, true, columns, depth, GemmKernels.Columns);

    /// <summary>Bytes of all that was taken.</summary>
    public long Bytes => _matrices.Values.Sum(static packed => (long)packed.Bytes);

    /// <summary>Packs all that was taken.</summary>
    /// <returns>The memory of all its matrices.</returns>
    public WeightMemory Run(WorkerPool pool)
    {
        WeightMemory memory = new((nint)Bytes);
        bool entered = false;
        try
        {
            nint offset = 0;
            foreach (PackedMatrix packed in _matrices.Values)
            {
                packed.Place(memory, offset);
                offset += packed.Bytes;
            }
            _room = [.. Enumerable.Range(0, Threads).Select(static _ => new NativeBuffer<float>())];
            pool.Add(this);
            pool.Slots.Enter();
            entered = true;
            pool.Run(this, _parts.Count);
            return memory;
        }
        catch
        {
            memory.Dispose();
            throw;
        }
        finally
        {
            if (entered)
                pool.Slots.Leave();
            pool.Remove(this);
            foreach (NativeBuffer<float> room in _room)
                room.Dispose();
            _parts.Clear();
            _matrices.Clear();
        }
    }

    protected override void Execute(int task, int worker)
    {
        var (weight, packed, outputMajor, first, count) = _parts[task];
        int width = outputMajor ? packed.Depth : packed.Columns, values = checked(count * width);
        int turning = outputMajor && packed.IsBFloat16 ? checked(packed.Depth * GemmKernels.Columns) : 0;
        float* room = _room[worker].Need(values + turning);
        weight.CopyTo(new Span<float>(room, values), checked(first * width));
        if (outputMajor)
            packed.PutColumns(room, first, count, room + values);
        else
            packed.PutRows(room, first, count);
    }

    // Once, whoever asks. Parts of whole rows as they are stored; a multiple of unit each, so that no two write to one line.
    private PackedMatrix Add(Weight weight, int depth, int columns, bool outputMajor, int rows, int width, int unit)
    {
        if (_matrices.TryGetValue((weight, outputMajor), out PackedMatrix? packed))
            return packed;
        packed = new PackedMatrix(depth, columns, weight.HeldBy == WeightPrecision.BFloat16);
        _matrices.Add((weight, outputMajor), packed);
        int step = Math.Max(PartValues / Math.Max(width, 1) / unit, 1) * unit;
        for (int first = 0; first < rows; first += step)
            _parts.Add((weight, packed, outputMajor, first, Math.Min(step, rows - first)));
        return packed;
    }
}
