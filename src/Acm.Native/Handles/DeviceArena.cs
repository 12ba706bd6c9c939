namespace Acm.Native;

/// <summary>
/// Hands out device memory by moving a mark, and takes all of it back at once. After a <see cref="Reset"/> the same requests get the same
/// addresses, from one block, so that captured graphs stay valid. Not thread-safe: one per workspace.
/// </summary>
public sealed class DeviceArena : IDisposable
{
    /// <summary>Every slice starts at a multiple of this many bytes: the widest vector access and a whole cache line.</summary>
    public const int Alignment = 256;

    private readonly CudaStream _stream;
    private readonly List<DeviceMemory> _blocks = [];
    private long _used;
    private bool _disposed;

    /// <summary>Makes an arena on a stream.</summary>
    /// <param name="stream">The stream whose order allocations and frees follow.</param>
    /// <param name="bytes">What to allocate at once, or 0 to start with nothing.</param>
    public DeviceArena(CudaStream stream, long bytes = 0)
    {
        _stream = stream;
        if (bytes > 0)
            _blocks.Add(new(stream, RoundUp(bytes)));
    }

    /// <summary>Bytes allocated from the device.</summary>
    public long Bytes => _blocks.Sum(b => b.Bytes);

    /// <summary>Memory for <paramref name="bytes"/> bytes, until the next <see cref="Reset"/>. The contents are undefined.</summary>
    /// <exception cref="CudaOutOfMemoryException">The device has not that much left; what was handed out stays valid.</exception>
    public DeviceSlice Allocate(long bytes)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        long rounded = RoundUp(Math.Max(bytes, 1));
        if (_blocks.Count == 0 || _used + rounded > _blocks[^1].Bytes)
        {
            _blocks.Add(new(_stream, rounded));
            _used = 0;
        }
        DeviceSlice slice = _blocks[^1].Slice(_used, bytes);
        _used += rounded;
        return slice;
    }

    /// <summary>Takes everything back. Where it took several blocks, they become one that holds it all.</summary>
    public void Reset()
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        _used = 0;
        if (_blocks.Count < 2)
            return;
        long all = Bytes;
        FreeBlocks();
        _blocks.Add(new(_stream, all));
    }

    /// <summary>Frees the memory, in the stream's order.</summary>
    public void Dispose()
    {
        _disposed = true;
        FreeBlocks();
    }

    private void FreeBlocks()
    {
        while (_blocks.Count > 0)
        {
            DeviceMemory block = _blocks[^1];
            _blocks.RemoveAt(_blocks.Count - 1);
            block.Dispose();
        }
    }

    private static long RoundUp(long bytes) => (bytes + Alignment - 1) / Alignment * Alignment;
}
