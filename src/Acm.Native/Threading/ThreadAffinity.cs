using System.Runtime.InteropServices;

namespace Acm.Native.Threading;

/// <summary>Binds threads to cores, where the system lets one.</summary>
internal static unsafe partial class ThreadAffinity
{
    // As glibc's cpu_set_t: 1024 cores.
    private const int MostCores = MaskWords * 64;

    /// <summary>Words of a mask of cores, one bit each.</summary>
    public const int MaskWords = 16;

    /// <summary>Whether threads can be told where to run by their numbers: on Linux with a C library that has what that takes.</summary>
    public static bool CanPlace { get; } = OperatingSystem.IsLinux() && Probe();

    /// <summary>Whether threads can be bound here: on Linux and Windows.</summary>
    public static bool IsSupported => OperatingSystem.IsLinux() || OperatingSystem.IsWindows();

    /// <summary>Binds the calling thread to one core.</summary>
    /// <param name="core">Its number, from 0.</param>
    /// <returns>False where the system refuses, or knows no such core.</returns>
    public static bool BindCurrentThread(int core)
    {
        if (core is < 0 or >= MostCores)
            return false;
        if (OperatingSystem.IsWindows())
            return core < 64 && SetThreadAffinityMask(GetCurrentThread(), (nuint)1 << core) != 0;
        if (!OperatingSystem.IsLinux())
            return false;
        ulong* mask = stackalloc ulong[MaskWords];
        new Span<ulong>(mask, MaskWords).Clear();
        mask[core / 64] = 1ul << (core % 64);
        return sched_setaffinity(0, MaskWords * sizeof(ulong), mask) == 0;
    }

    /// <summary>Whether a thread of this process can be bound to a core: tried out on one that ends then.</summary>
    /// <param name="core">Its number, from 0.</param>
    public static bool CanBind(int core)
    {
        bool bound = false;
        Thread thread = new(() => bound = BindCurrentThread(core));
        thread.Start();
        thread.Join();
        return bound;
    }

    /// <summary>The only core the calling thread may run on; -1 where there are several, or one cannot tell.</summary>
    public static int BoundCore()
    {
        if (!OperatingSystem.IsLinux())
            return -1;
        ulong* mask = stackalloc ulong[MaskWords];
        new Span<ulong>(mask, MaskWords).Clear();
        if (sched_getaffinity(0, MaskWords * sizeof(ulong), mask) != 0)
            return -1;
        int found = -1;
        for (int core = 0; core < MostCores; core++)
            if ((mask[core / 64] >> (core % 64) & 1) != 0)
            {
                if (found >= 0)
                    return -1;
                found = core;
            }
        return found;
    }

    /// <summary>The core the calling thread runs on. Cheap: no system call, no transition.</summary>
    public static int CurrentCore() => sched_getcpu();

    /// <summary>The system's number of the calling thread.</summary>
    public static int CurrentThread() => gettid();

    /// <summary>The cores the calling thread may run on; all zero where one cannot tell.</summary>
    public static void Allowed(Span<ulong> mask)
    {
        fixed (ulong* words = mask)
            if (sched_getaffinity(0, (nuint)(sizeof(ulong) * mask.Length), words) < 0)
                mask.Clear();
    }

    /// <summary>Confines a thread to the cores of a mask.</summary>
    public static bool Place(int thread, ReadOnlySpan<ulong> mask)
    {
        fixed (ulong* words = mask)
            return sched_setaffinity(thread, (nuint)(sizeof(ulong) * mask.Length), words) == 0;
    }

    private static bool Probe()
    {
        try
        {
            return sched_getcpu() >= 0 && gettid() > 0;
        }
        catch (Exception e) when (e is DllNotFoundException or EntryPointNotFoundException)
        {
            return false;
        }
    }

    [LibraryImport("libc"), SuppressGCTransition]
    private static partial int sched_getcpu();

    [LibraryImport("libc")]
    private static partial int gettid();

    [LibraryImport("libc")]
    private static partial int sched_setaffinity(int thread, nuint size, ulong* mask);

    [LibraryImport("libc")]
    private static partial int sched_getaffinity(int thread, nuint size, ulong* mask);

    [LibraryImport("kernel32")]
    private static partial nint GetCurrentThread();

    [LibraryImport("kernel32")]
    private static partial nuint SetThreadAffinityMask(nint thread, nuint mask);
}
