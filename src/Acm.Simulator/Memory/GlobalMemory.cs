using System.Runtime.InteropServices;

namespace Acm.Simulator.Memory;

/// <summary>
/// Global memory: addresses, buffers with redzones, and the page table that the execution translates through. Addresses of freed
/// buffers are never given out again, so that a use after free is always seen.
/// </summary>
internal sealed unsafe class GlobalMemory : IDisposable
{
    private const ulong PageSize = 1UL << AddressMap.PageShift;
    private const ulong LargeSize = PageSize / 4;
    private readonly Lock _lock = new();
    private readonly List<Allocation> _allocations = []; // by ascending address
    private readonly List<Chunk?> _chunks = [];
    private ulong _next = AddressMap.Global + PageSize;
    private Chunk? _small;
    private int _smallIndex;
    private ulong _smallNext;
    private ulong _used;

    public GlobalMemory(ulong total)
    {
        Total = total;
        Pages = (Page*)NativeMemory.AllocZeroed(AddressMap.PageCount, (nuint)sizeof(Page));
    }

    /// <summary>The page table, indexed by (address - <see cref="AddressMap.Global"/>) >> <see cref="AddressMap.PageShift"/>.</summary>
    public Page* Pages { get; private set; }

    public ulong Total { get; }

    public ulong Used => _used;

    /// <summary>Most bytes that were in use at one time.</summary>
    public ulong Peak { get; private set; }

    /// <summary>Buffers that are alive, without the variables of modules.</summary>
    public IReadOnlyList<Allocation> Live()
    {
        lock (_lock)
            return _allocations.Where(a => !a.IsFreed && !a.IsModuleVariable).ToList();
    }

    /// <summary>A new buffer that nobody has written.</summary>
    /// <exception cref="SimulatedOutOfMemoryException">No room.</exception>
    public ulong Allocate(ulong size, string? name = null, bool isModuleVariable = false)
    {
        lock (_lock)
        {
            ulong room = RoundUp(size, AddressMap.Granule) + AddressMap.Granule;
            if (size > Total || _used + size > Total)
                throw new SimulatedOutOfMemoryException(size, Total - _used, Total);
            ulong address;
            int index;
            if (room >= LargeSize)
            {
                Chunk chunk = AddChunk(room + AddressMap.Granule, out index);
                address = chunk.Address + AddressMap.Granule;
                chunk.Live++;
            }
            else
            {
                if (_small is null || _smallNext + room > _small.Address + _small.Size)
                    OpenSmallChunk();
                address = _smallNext;
                index = _smallIndex;
                _smallNext += room;
                _small!.Live++;
            }

            Chunk owner = _chunks[index]!;
            NativeMemory.Fill(owner.Data + (address - owner.Address), (nuint)size, AddressMap.Poison);
            NativeMemory.Fill(owner.Shadow + (address - owner.Address), (nuint)size, AddressMap.Owned);
            _allocations.Insert(After(address), new Allocation(address, size, name ?? $"buffer {_allocations.Count}", index) { IsModuleVariable = isModuleVariable });
            _used += size;
            Peak = Math.Max(Peak, _used);
            return address;
        }
    }

    private void OpenSmallChunk()
    {
        Chunk? old = _small;
        int oldIndex = _smallIndex;
        _small = AddChunk(PageSize, out _smallIndex);
        _smallNext = _small.Address + AddressMap.Granule;
        if (old is { Live: 0 })
            Drop(oldIndex);
    }

    private Chunk AddChunk(ulong size, out int index)
    {
        size = RoundUp(size, PageSize);
        index = _chunks.FindIndex(c => c is null);
        if (_next + size > AddressMap.Global + ((ulong)AddressMap.PageCount << AddressMap.PageShift))
            throw new SimulatedOutOfMemoryException(size, 0, Total);
        Chunk chunk = new(_next, size, false);
        if (index < 0)
        {
            index = _chunks.Count;
            _chunks.Add(chunk);
        }
        else
        {
            _chunks[index] = chunk;
        }

        _next += size;
        for (ulong at = chunk.Address; at < chunk.Address + size; at += PageSize)
        {
            Pages[PageOf(at)] = new Page
            {
                Data = (long)chunk.Data - (long)chunk.Address,
                Shadow = (long)chunk.Shadow - (long)chunk.Address,
                Reads = (long)chunk.Reads - (long)chunk.Address,
                Writes = (long)chunk.Writes - (long)chunk.Address,
                Dirty = (long)chunk.Dirty - (long)(chunk.Address >> 12),
                Chunk = index,
            };
        }

        return chunk;
    }

    private void Drop(int index)
    {
        Chunk chunk = _chunks[index]!;
        for (ulong at = chunk.Address; at < chunk.Address + chunk.Size; at += PageSize)
            Pages[PageOf(at)] = default;
        chunk.Dispose();
        _chunks[index] = null;
    }

    /// <exception cref="SimulatedAddressException">Not the start of a live buffer.</exception>
    public void Free(ulong address)
    {
        lock (_lock)
        {
            Allocation? found = Find(address);
            if (found is null || found.Address != address || found.IsFreed)
                throw new SimulatedAddressException($"free of 0x{address:x}: {Describe(address)}");
            found.IsFreed = true;
            _used -= found.Size;
            Chunk chunk = _chunks[found.Chunk]!;
            NativeMemory.Fill(chunk.Data + (address - chunk.Address), (nuint)found.Size, AddressMap.Poison);
            NativeMemory.Clear(chunk.Shadow + (address - chunk.Address), (nuint)found.Size);
            if (--chunk.Live == 0 && chunk != _small)
                Drop(found.Chunk);
        }
    }

    /// <summary>The buffer at or before an address, alive or freed.</summary>
    public Allocation? Find(ulong address)
    {
        lock (_lock)
        {
            int after = After(address);
            return after == 0 ? null : _allocations[after - 1];
        }
    }

    /// <summary>How many buffers start at or before an address.</summary>
    private int After(ulong address)
    {
        int low = 0, high = _allocations.Count;
        while (low < high)
        {
            int middle = (low + high) / 2;
            if (_allocations[middle].Address <= address)
                low = middle + 1;
            else
                high = middle;
        }

        return low;
    }

    /// <summary>What lies at an address, for messages: "12 bytes past the end of x (...)", or the nearest buffer within a megabyte.</summary>
    public string Describe(ulong address)
    {
        Allocation? before = Find(address), behind = Behind(address);
        if (before is not null && (address - before.Address < before.Size || address == before.Address))
            return $"byte {address - before.Address} of {before}";
        ulong pastEnd = before is null ? ulong.MaxValue : address - before.Address - before.Size;
        ulong ahead = behind is null ? ulong.MaxValue : behind.Address - address;
        if (Math.Min(pastEnd, ahead) > 1 << 20)
            return address < 4096 ? "null pointer" : "no buffer is near";
        return pastEnd <= ahead ? $"{pastEnd} bytes past the end of {before}" : $"{ahead} bytes before {behind}";
    }

    private Allocation? Behind(ulong address)
    {
        lock (_lock)
        {
            int after = After(address);
            return after < _allocations.Count ? _allocations[after] : null;
        }
    }

    /// <summary>Host memory of a live range.</summary>
    /// <exception cref="SimulatedAddressException">Some byte is in no live buffer, or the range leaves its buffer.</exception>
    public byte* Host(ulong address, ulong size, string what)
    {
        Allocation? found = Find(address);
        if (found is null || found.IsFreed || size > found.Size || address - found.Address > found.Size - size)
            throw new SimulatedAddressException($"{what} of {size} bytes at 0x{address:x}: {Describe(address)}");
        lock (_lock)
        {
            Chunk chunk = _chunks[found.Chunk]!;
            return chunk.Data + (address - chunk.Address);
        }
    }

    public byte* ShadowOf(ulong address) => (byte*)((long)address + Pages[PageOf(address)].Shadow);

    /// <summary>Says that the host (or a copy) has written a range.</summary>
    public void MarkWritten(ulong address, ulong size)
    {
        if (size > 0)
            NativeMemory.Fill(ShadowOf(address), (nuint)size, AddressMap.Owned | AddressMap.Written);
    }

    /// <summary>Fills a range with poison and says that nobody has written it.</summary>
    public void PoisonRange(ulong address, ulong size)
    {
        NativeMemory.Fill(Host(address, size, "poison"), (nuint)size, AddressMap.Poison);
        if (size > 0)
            NativeMemory.Fill(ShadowOf(address), (nuint)size, AddressMap.Owned);
    }

    /// <summary>The chunks that hold something.</summary>
    public IReadOnlyList<Chunk> Chunks()
    {
        lock (_lock)
            return _chunks.OfType<Chunk>().ToList();
    }

    public Chunk ChunkAt(int index)
    {
        lock (_lock)
            return _chunks[index]!;
    }

    private static int PageOf(ulong address) => (int)((address - AddressMap.Global) >> AddressMap.PageShift);

    private static ulong RoundUp(ulong size, ulong unit) => (size + unit - 1) / unit * unit;

    public void Dispose()
    {
        lock (_lock)
        {
            for (int i = 0; i < _chunks.Count; i++)
            {
                if (_chunks[i] is not null)
                    Drop(i);
            }

            NativeMemory.Free(Pages);
            Pages = null;
        }
    }
}
