using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Acm.Runtime.Backends.Cpu;

/// <summary>
/// Keeps a pool's threads off the core of the thread they help. Linux likes to wake a thread where its waker runs, for the sake of the cache,
/// and may leave it waiting there for milliseconds while another core idles: two threads then take as long as one.
/// </summary>
internal sealed unsafe partial class ThreadPlacement
{
    private const int MaskWords = 128;
    private static readonly bool s_works = OperatingSystem.IsLinux() && Probe();
    private readonly ulong[] _allowed = new ulong[MaskWords];
    private readonly int[] _threads;
    private int _avoided = -1;
    private long _changed;

    /// <param name="threads">Threads that will <see cref="Join"/>.</param>
    public ThreadPlacement(int threads)
    {
        _threads = new int[threads];
        fixed (ulong* mask = _allowed)
            if (s_works && GetAffinity(0, sizeof(ulong) * MaskWords, mask) < 0)
                _allowed.AsSpan().Clear();
    }

    /// <summary>The calling thread is number <paramref name="index"/> of the pool.</summary>
    public void Join(int index)
    {
        if (!s_works)
            return;
        Volatile.Write(ref _threads[index], GetThread());
        // A caller that has made room already did so without this thread.
        Volatile.Write(ref _avoided, -1);
    }

    /// <summary>Sends the pool's threads to the cores the caller does not run on. Free of charge while the caller stays where it is.</summary>
    public void MakeRoom()
    {
        if (!s_works)
            return;
        int core = GetCpu();
        if (core < 0 || core == _avoided || Stopwatch.GetElapsedTime(_changed) < TimeSpan.FromMilliseconds(1))
            return;
        (_avoided, _changed) = (core, Stopwatch.GetTimestamp());
        ulong* mask = stackalloc ulong[MaskWords];
        new ReadOnlySpan<ulong>(_allowed).CopyTo(new Span<ulong>(mask, MaskWords));
        mask[core / 64] &= ~(1UL << (core % 64));
        if (new ReadOnlySpan<ulong>(mask, MaskWords).ContainsAnyExcept(0UL))
            for (int i = 0; i < _threads.Length; i++)
                if (Volatile.Read(ref _threads[i]) is > 0 and var thread)
                    _ = SetAffinity(thread, sizeof(ulong) * MaskWords, mask);
    }

    private static bool Probe()
    {
        try
        {
            return GetCpu() >= 0 && GetThread() > 0;
        }
        catch (Exception e) when (e is DllNotFoundException or EntryPointNotFoundException)
        {
            return false;
        }
    }

    [LibraryImport("libc", EntryPoint = "sched_getcpu"), SuppressGCTransition]
    private static partial int GetCpu();

    [LibraryImport("libc", EntryPoint = "gettid")]
    private static partial int GetThread();

    [LibraryImport("libc", EntryPoint = "sched_getaffinity")]
    private static partial int GetAffinity(int thread, nuint bytes, ulong* mask);

    [LibraryImport("libc", EntryPoint = "sched_setaffinity")]
    private static partial int SetAffinity(int thread, nuint bytes, ulong* mask);
}
