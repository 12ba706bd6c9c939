using System.Runtime.InteropServices;

namespace Acm.Simulator.Memory;

/// <summary>A run of pages with its host memory: one large buffer, or many small ones.</summary>
internal sealed unsafe class Chunk : IDisposable
{
    /// <summary>Bytes of memory per entry of the race stamps.</summary>
    public const int StampShift = 2;

    private readonly Lock _lock = new();
    private readonly byte* _block;

    public Chunk(ulong address, ulong size, bool zeroed)
    {
        Address = address;
        Size = size;
        nuint n = (nuint)size;
        // Lazily backed by the system: only what is used costs memory.
        _block = (byte*)NativeMemory.AlignedAlloc(n + 64, 64);
        Data = _block;
        Shadow = (byte*)NativeMemory.AllocZeroed(n);
        Reads = (byte*)NativeMemory.AllocZeroed(n);
        Writes = (byte*)NativeMemory.AllocZeroed(n);
        Dirty = (byte*)NativeMemory.AllocZeroed(n >> 12);
        if (zeroed)
            NativeMemory.Clear(_block, n);
    }

    public ulong Address { get; }

    public ulong Size { get; }

    public byte* Data { get; }

    public byte* Shadow { get; }

    public byte* Reads { get; }

    public byte* Writes { get; }

    public byte* Dirty { get; }

    /// <summary>Last writer and readers of every fourth byte (checked execution only): see <c>Checks/GlobalRaces.cs</c>.</summary>
    public ulong* Stamps { get; private set; }

    /// <summary>Buffers that still live here.</summary>
    public int Live { get; set; }

    public ulong* EnsureStamps(int perGranule)
    {
        if (Stamps is not null)
            return Stamps;
        lock (_lock)
        {
            if (Stamps is null)
                Stamps = (ulong*)NativeMemory.AllocZeroed((nuint)(Size >> StampShift), (nuint)(8 * perGranule));
            return Stamps;
        }
    }

    public void ClearStamps(int perGranule)
    {
        if (Stamps is not null)
            NativeMemory.Clear(Stamps, (nuint)(Size >> StampShift) * (nuint)(8 * perGranule));
    }

    public void Dispose()
    {
        NativeMemory.AlignedFree(_block);
        NativeMemory.Free(Shadow);
        NativeMemory.Free(Reads);
        NativeMemory.Free(Writes);
        NativeMemory.Free(Dirty);
        NativeMemory.Free(Stamps);
    }
}
