using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;

namespace Acm.Runtime.Backends.Cpu;

/// <summary>
/// Work cut into numbered tasks that any thread may take, in any order, each exactly once. Every thread begins with a share of neighbouring tasks,
/// the same one from step to step, so that it often finds in its own cache what it reads; then it takes what others have left.
/// Where tasks come in <see cref="Lanes"/>, as many threads begin in each.
/// </summary>
internal abstract class ParallelWork
{
    /// <summary>Most threads of one work: as many seats as a word has bits.</summary>
    public const int MostThreads = 64;

    // Each seat's share of the tasks, a cache line pair apart. High half: where it ends; low half: the next to take. One word, so that a claim
    // always belongs to the work it was read from.
    private const int Apart = 16;
    private readonly long[] _shares;
    private ulong _freeSeats;
    private int _pending;
    private Exception? _error;

    /// <param name="threads">Threads that may work on it at once, the caller's among them.</param>
    protected ParallelWork(int threads)
    {
        Threads = Math.Clamp(threads, 1, MostThreads);
        _shares = new long[(Threads + 1) * Apart];
        _freeSeats = (Threads == MostThreads ? ulong.MaxValue : (1ul << Threads) - 1) & ~1ul;
    }

    /// <summary>Threads that may work on it at once, the caller's among them.</summary>
    public int Threads { get; }

    /// <summary>Carries out one task.</summary>
    /// <param name="task">0 to the number of tasks - 1.</param>
    /// <param name="worker">0 for the caller, else the helper's seat, below <see cref="Threads"/>: no two tasks of one work run at once under one number.</param>
    protected abstract void Execute(int task, int worker);

    internal bool HasTasks
    {
        get
        {
            for (int seat = 0; seat < Threads; seat++)
                if (IsLeft(Volatile.Read(ref Share(seat))))
                    return true;
            return false;
        }
    }

    private static bool IsLeft(long share) => (int)share < (int)(share >> 32);

    private ref long Share(int seat) => ref _shares[(seat + 1) * Apart];

    /// <summary>Makes tasks known, each lane's shared out among as many threads.</summary>
    /// <param name="ends">One past the last task of each lane; lanes divide <see cref="Threads"/>.</param>
    internal void Arm(ReadOnlySpan<int> ends)
    {
        _pending = ends[^1];
        int each = Threads / ends.Length, begin = 0, seat = 0;
        foreach (int laneEnd in ends)
        {
            long tasks = laneEnd - begin;
            for (int i = 0; i < each; i++, seat++)
            {
                long first = begin + tasks * i / each, end = begin + tasks * (i + 1) / each;
                Volatile.Write(ref Share(seat), end << 32 | first);
            }
            begin = laneEnd;
        }
    }

    /// <summary>A number for a helper to work under; 0 where all are taken.</summary>
    /// <param name="wanted">The one it gets where that is free: its own from step to step.</param>
    internal int TakeSeat(int wanted)
    {
        ulong free = Volatile.Read(ref _freeSeats);
        while (free != 0)
        {
            int seat = wanted < Threads && (free >> wanted & 1) != 0 ? wanted : BitOperations.TrailingZeroCount(free);
            ulong seen = Interlocked.CompareExchange(ref _freeSeats, free & ~(1ul << seat), free);
            if (seen == free)
                return seat;
            free = seen;
        }
        return 0;
    }

    internal void LeaveSeat(int seat) => Interlocked.Or(ref _freeSeats, 1ul << seat);

    /// <summary>Takes and carries out one task.</summary>
    /// <returns>False where none was left.</returns>
    internal bool TryRunOne(int worker)
    {
        for (int i = 0; i < Threads; i++)
        {
            ref long share = ref Share((worker + i) % Threads);
            if (!IsLeft(Volatile.Read(ref share)))
                continue;
            long claimed = Interlocked.Increment(ref share) - 1;
            if (!IsLeft(claimed))
                continue;
            Carry((int)claimed, worker);
            return true;
        }
        return false;
    }

    private void Carry(int task, int worker)
    {
        try
        {
            Execute(task, worker);
        }
        catch (Exception e)
        {
            _error = e;
        }
        finally
        {
            Interlocked.Decrement(ref _pending);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal void WaitForOthers()
    {
        SpinWait spin = default;
        bool interrupted = false;
        while (Volatile.Read(ref _pending) > 0)
        {
            try
            {
                spin.SpinOnce(sleep1Threshold: -1);
            }
            catch (ThreadInterruptedException)
            {
                // Not before the others are done: they write to what the caller would use for its next run.
                interrupted = true;
            }
        }
        if (interrupted)
            Thread.CurrentThread.Interrupt();
        if (_error is { } error)
        {
            _error = null;
            ExceptionDispatchInfo.Throw(error);
        }
    }
}
