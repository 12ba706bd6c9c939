using System.Runtime.InteropServices;

namespace Acm.Runtime.Backends.Cpu;

/// <summary>Memory outside the managed heap, 64-byte aligned, in large pages where it is large, that grows to the largest size asked for and keeps it.</summary>
internal sealed unsafe class NativeBuffer<T> : IDisposable
    where T : unmanaged
{
    private T* _data;
    private long _count;

    /// <summary>At least <paramref name="count"/> elements; what they hold is undefined after growing.</summary>
    public T* Need(long count)
    {
        if (count > _count)
        {
            // Empty before the attempt: where memory runs out, what was freed must not be used or freed again.
            NativeMemory.AlignedFree(_data);
            _data = null;
            _count = 0;
            _data = (T*)LargePages.Allocate(checked((nuint)count * (nuint)sizeof(T)));
            _count = count;
        }
        return _data;
    }

    /// <summary>The elements as last needed.</summary>
    public T* Data => _data;

    public void Dispose()
    {
        NativeMemory.AlignedFree(_data);
        _data = null;
        _count = 0;
        GC.SuppressFinalize(this);
    }

    ~NativeBuffer() => NativeMemory.AlignedFree(_data);
}
