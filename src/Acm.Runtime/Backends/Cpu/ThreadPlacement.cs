using System.Diagnostics;
using Acm.Native.Threading;

namespace Acm.Runtime.Backends.Cpu;

/// <summary>
/// Keeps a pool's threads off the core of the thread they help. Linux likes to wake a thread where its waker runs, for the sake of the cache,
/// and may leave it waiting there for milliseconds while another core idles: two threads then take as long as one.
/// </summary>
internal sealed class ThreadPlacement
{
    private readonly ulong[] _allowed = new ulong[ThreadAffinity.MaskWords];
    private readonly int[] _threads;
    private int _avoided = -1;
    private long _changed;

    /// <param name="threads">Threads that will <see cref="Join"/>.</param>
    public ThreadPlacement(int threads)
    {
        _threads = new int[threads];
        if (ThreadAffinity.CanPlace)
            ThreadAffinity.Allowed(_allowed);
    }

    /// <summary>The calling thread is number <paramref name="index"/> of the pool.</summary>
    public void Join(int index)
    {
        if (!ThreadAffinity.CanPlace)
            return;
        Volatile.Write(ref _threads[index], ThreadAffinity.CurrentThread());
        // A caller that has made room already did so without this thread.
        Volatile.Write(ref _avoided, -1);
    }

    /// <summary>Sends the pool's threads to the cores the caller does not run on. Free of charge while the caller stays where it is.</summary>
    public void MakeRoom()
    {
        if (!ThreadAffinity.CanPlace)
            return;
        int core = ThreadAffinity.CurrentCore();
        if (core < 0 || core >= ThreadAffinity.MaskWords * 64 || core == _avoided || Stopwatch.GetElapsedTime(_changed) < TimeSpan.FromMilliseconds(1))
            return;
        (_avoided, _changed) = (core, Stopwatch.GetTimestamp());
        Span<ulong> mask = stackalloc ulong[ThreadAffinity.MaskWords];
        _allowed.CopyTo(mask);
        mask[core / 64] &= ~(1UL << (core % 64));
        if (mask.ContainsAnyExcept(0UL))
            for (int i = 0; i < _threads.Length; i++)
                if (Volatile.Read(ref _threads[i]) is > 0 and var thread)
                    ThreadAffinity.Place(thread, mask);
    }
}
