using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Acm.Runtime.Backends.Cpu;

namespace Acm.Bench;

/// <summary>The most that threads of this machine read right now: sums over a buffer far larger than any cache, or over a small one again and again.</summary>
internal static unsafe class MemoryBandwidth
{
    /// <summary>GB/s of memory, all threads together, the best of several passes.</summary>
    public static double Measure(int threads) => Measure(threads, 512 << 20, 1);

    /// <summary>GB/s of the third-level cache: of a buffer as large as a weight.</summary>
    public static double Cached(int threads) => Measure(threads, 9 << 20, 20);

    private static double Measure(int threads, int bytes, int passes)
    {
        byte* buffer = (byte*)LargePages.Allocate((nuint)bytes);
        new Span<byte>(buffer, bytes).Fill(1);
        double best = double.MaxValue;
        using var gate = new Barrier(threads);
        int share = bytes / threads / 256 * 256;
        Thread[] helpers = [.. Enumerable.Range(1, threads - 1).Select(i => new Thread(() => Passes(i)))];
        foreach (Thread helper in helpers)
            helper.Start();
        Passes(0);
        foreach (Thread helper in helpers)
            helper.Join();
        NativeMemory.AlignedFree(buffer);
        return (double)share * threads * passes / best / 1e9;

        void Passes(int index)
        {
            for (int attempt = 0; attempt < 12; attempt++)
            {
                gate.SignalAndWait();
                long start = Stopwatch.GetTimestamp();
                for (int pass = 0; pass < passes; pass++)
                    Read(buffer + (nint)index * share, share);
                gate.SignalAndWait();
                if (index == 0)
                    best = Math.Min(best, Stopwatch.GetElapsedTime(start).TotalSeconds);
            }
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private static int Read(byte* from, int bytes)
    {
        Vector512<int> a = default, b = a, c = a, d = a;
        for (byte* end = from + bytes; from < end; from += 256)
        {
            a += Vector512.Load((int*)from);
            b += Vector512.Load((int*)(from + 64));
            c += Vector512.Load((int*)(from + 128));
            d += Vector512.Load((int*)(from + 192));
        }
        return Vector512.Sum(a + b + c + d);
    }
}
