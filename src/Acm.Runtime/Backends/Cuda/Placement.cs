namespace Acm.Runtime.Backends.Cuda;

/// <summary>Where storages lie in one block of memory: two share bytes only if no step needs both, nor any step between their uses.</summary>
internal sealed class Placement
{
    private readonly List<(CudaStorage Storage, int First, int Last)> _lives = [];

    /// <summary>From the steps, in order; <paramref name="output"/> outlives them.</summary>
    public Placement(IReadOnlyList<CudaStep> steps, CudaStorage output)
    {
        Dictionary<CudaStorage, int> at = [];
        for (int step = 0; step < steps.Count; step++)
            foreach (CudaStorage storage in steps[step].Uses)
            {
                if (at.TryAdd(storage, _lives.Count))
                    _lives.Add((storage, step, step));
                _lives[at[storage]] = _lives[at[storage]] with { Last = ReferenceEquals(storage, output) ? steps.Count : step };
            }
    }

    /// <summary>First byte of each storage, a multiple of 256, and the size of it all.</summary>
    public Dictionary<CudaStorage, long> Place(RunShape shape, out long bytes)
    {
        Dictionary<CudaStorage, long> places = [];
        List<(long Start, long End, int First, int Last)> placed = [];
        bytes = 0;
        foreach (var (storage, first, last) in _lives)
        {
            long size = storage.Bytes(shape) + 255 & ~255L, start = 0;
            foreach (var other in placed.Where(other => other.First <= last && first <= other.Last).OrderBy(static other => other.Start))
                if (other.Start < start + size && start < other.End)
                    start = other.End;
            places[storage] = start;
            placed.Add((start, start + size, first, last));
            bytes = Math.Max(bytes, start + size);
        }
        return places;
    }
}
