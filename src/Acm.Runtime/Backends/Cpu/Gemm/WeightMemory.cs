using System.Runtime.InteropServices;

namespace Acm.Runtime.Backends.Cpu;

/// <summary>Memory that weights lie in: of a whole model in one piece, so that small ones too lie in large pages.</summary>
internal sealed unsafe class WeightMemory(nint bytes) : IDisposable
{
    /// <summary>Where it begins: at a cache line. Null once disposed.</summary>
    public byte* Data { get; private set; } = (byte*)LargePages.Allocate((nuint)bytes);

    public void Dispose()
    {
        Free();
        GC.SuppressFinalize(this);
    }

    ~WeightMemory() => Free();

    private void Free()
    {
        NativeMemory.AlignedFree(Data);
        Data = null;
    }
}
