using System.Runtime.InteropServices;

namespace Acm.Runtime.Backends.Cpu;

/// <summary>Memory for weights and a run's buffers: in pages of 2 MB where Linux has them to give, so that filling it takes one fault instead of 512.</summary>
internal static unsafe partial class LargePages
{
    private const nuint Page = 2 << 20;
    private const int HugePageAdvice = 14;

    /// <summary>Memory for <see cref="NativeMemory.AlignedFree"/>, at least at a cache line, its contents undefined.</summary>
    public static void* Allocate(nuint bytes)
    {
        if (bytes < Page)
            return NativeMemory.AlignedAlloc(Math.Max(bytes, 64), 64);
        void* memory = NativeMemory.AlignedAlloc(bytes, Page);
        if (OperatingSystem.IsLinux())
            // A wish: where it is not granted, small pages do. Whole pages only, so that the end takes no more than it needs.
            _ = Advise(memory, bytes & ~(Page - 1), HugePageAdvice);
        return memory;
    }

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int Advise(void* address, nuint length, int advice);
}
