using System.Text.Json;

namespace Acm.Simulator.Counters;

/// <summary>Exact counts of one launch (or of several, added up). Counts, never times.</summary>
internal sealed class LaunchCounters
{
    private readonly long[] _classes = new long[(int)InstructionClass.Count];

    /// <summary>Warp instructions by class; slot 0 is not used.</summary>
    public Span<long> Classes => _classes;

    /// <summary>Kernel launches.</summary>
    public long Launches;

    /// <summary>Blocks run.</summary>
    public long Blocks;

    /// <summary>Threads that had their turn at a warp instruction, summed (predicated-off ones included).</summary>
    public long ActiveLanes;

    /// <summary>Floating-point and integer operations of <c>mma</c>: 2 m n k each.</summary>
    public long MatrixFlops;

    /// <summary>Warp-level global loads, stores, atomics and asynchronous copies that accessed at least one byte.</summary>
    public long GlobalLoadRequests, GlobalStoreRequests;

    /// <summary>Different 32-byte sectors of each request, summed. Atomics count once per different sector, as stores.</summary>
    public long GlobalLoadSectors, GlobalStoreSectors;

    /// <summary>Bytes asked for by the lanes, summed.</summary>
    public long GlobalLoadBytes, GlobalStoreBytes;

    /// <summary>Different bytes of global memory that the launch has read, and written (atomics: both).</summary>
    public long UniqueBytesRead, UniqueBytesWritten;

    /// <summary>Warp-level accesses to shared memory.</summary>
    public long SharedRequests;

    /// <summary>
    /// Passes over the 32 banks of four bytes: an access of 8 bytes per lane takes one for each half of the warp, of 16 bytes one for each
    /// quarter (eight lanes), more where lanes of one pass want different words of one bank.
    /// </summary>
    public long SharedWavefronts;

    /// <summary>Wavefronts beyond one for each pass: bank conflicts.</summary>
    public long SharedExcessWavefronts;

    /// <summary>Barriers executed by warps (<c>bar</c>, <c>barrier</c>).</summary>
    public long Barriers;

    /// <summary>Atomic operations of threads (<c>atom</c>, <c>red</c>; not of warps).</summary>
    public long Atomics;

    /// <summary>Times that lanes of a warp went different ways.</summary>
    public long DivergentBranches;

    /// <summary>Host synchronisations and the most device memory in use: filled in by the driver.</summary>
    public long HostSynchronisations, PeakMemoryBytes;

    /// <summary>Shared bytes of a block (static and dynamic).</summary>
    public long SharedBytesPerBlock;

    /// <summary>Warp instructions of all classes.</summary>
    public long WarpInstructions
    {
        get
        {
            long sum = 0;
            for (int i = 1; i < _classes.Length; i++)
                sum += _classes[i];
            return sum;
        }
    }

    public long this[InstructionClass kind] => _classes[(int)kind];

    public void Add(LaunchCounters other)
    {
        for (int i = 0; i < _classes.Length; i++)
            _classes[i] += other._classes[i];
        Launches += other.Launches;
        Blocks += other.Blocks;
        ActiveLanes += other.ActiveLanes;
        MatrixFlops += other.MatrixFlops;
        GlobalLoadRequests += other.GlobalLoadRequests;
        GlobalStoreRequests += other.GlobalStoreRequests;
        GlobalLoadSectors += other.GlobalLoadSectors;
        GlobalStoreSectors += other.GlobalStoreSectors;
        GlobalLoadBytes += other.GlobalLoadBytes;
        GlobalStoreBytes += other.GlobalStoreBytes;
        UniqueBytesRead += other.UniqueBytesRead;
        UniqueBytesWritten += other.UniqueBytesWritten;
        SharedRequests += other.SharedRequests;
        SharedWavefronts += other.SharedWavefronts;
        SharedExcessWavefronts += other.SharedExcessWavefronts;
        Barriers += other.Barriers;
        Atomics += other.Atomics;
        DivergentBranches += other.DivergentBranches;
        HostSynchronisations += other.HostSynchronisations;
        PeakMemoryBytes = Math.Max(PeakMemoryBytes, other.PeakMemoryBytes);
        SharedBytesPerBlock = Math.Max(SharedBytesPerBlock, other.SharedBytesPerBlock);
    }

    /// <summary>Name and value of every count, in a fixed order.</summary>
    public IEnumerable<(string Name, long Value)> All()
    {
        yield return ("launches", Launches);
        yield return ("blocks", Blocks);
        yield return ("warp_instructions", WarpInstructions);
        for (int i = 1; i < _classes.Length; i++)
        {
            if (_classes[i] != 0)
                yield return ("warp_instructions." + JsonNamingPolicy.SnakeCaseLower.ConvertName(((InstructionClass)i).ToString()), _classes[i]);
        }

        yield return ("active_lanes", ActiveLanes);
        yield return ("matrix_flops", MatrixFlops);
        yield return ("global_load_requests", GlobalLoadRequests);
        yield return ("global_load_sectors", GlobalLoadSectors);
        yield return ("global_load_bytes", GlobalLoadBytes);
        yield return ("global_store_requests", GlobalStoreRequests);
        yield return ("global_store_sectors", GlobalStoreSectors);
        yield return ("global_store_bytes", GlobalStoreBytes);
        yield return ("unique_bytes_read", UniqueBytesRead);
        yield return ("unique_bytes_written", UniqueBytesWritten);
        yield return ("shared_requests", SharedRequests);
        yield return ("shared_wavefronts", SharedWavefronts);
        yield return ("shared_excess_wavefronts", SharedExcessWavefronts);
        yield return ("barriers", Barriers);
        yield return ("atomics", Atomics);
        yield return ("divergent_branches", DivergentBranches);
        yield return ("shared_bytes_per_block", SharedBytesPerBlock);
        yield return ("host_synchronisations", HostSynchronisations);
        yield return ("peak_memory_bytes", PeakMemoryBytes);
    }
}
