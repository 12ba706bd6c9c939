using System.Numerics;
using System.Runtime.ExceptionServices;

namespace Acm.Runtime.Backends.Cpu;

/// <summary>Work cut into numbered tasks that any thread may take, in any order, each exactly once.</summary>
internal abstract class ParallelWork
{
    /// <summary>Most threads of one work: as many seats as a word has bits.</summary>
    public const int MostThreads = 64;

    // High half: tasks there are; low half: tasks taken. One word, so that a claim always belongs to the work it was read from.
    private long _state;
    private ulong _freeSeats;
    private int _pending;
    private Exception? _error;

    /// <param name="threads">Threads that may work on it at once, the caller's among them.</param>
    protected ParallelWork(int threads)
    {
        Threads = Math.Clamp(threads, 1, MostThreads);
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
            long seen = Volatile.Read(ref _state);
            return (int)seen < (int)(seen >> 32);
        }
    }

    internal void Arm(int tasks)
    {
        _pending = tasks;
        Volatile.Write(ref _state, (long)tasks << 32);
    }

    /// <summary>A number for a helper to work under; 0 where all are taken.</summary>
    internal int TakeSeat()
    {
        ulong free = Volatile.Read(ref _freeSeats);
        while (free != 0)
        {
            ulong seen = Interlocked.CompareExchange(ref _freeSeats, free & (free - 1), free);
            if (seen == free)
                return BitOperations.TrailingZeroCount(free);
            free = seen;
        }
        return 0;
    }

    internal void LeaveSeat(int seat) => Interlocked.Or(ref _freeSeats, 1ul << seat);

    /// <summary>Takes and carries out one task.</summary>
    /// <returns>False where none was left.</returns>
    internal bool TryRunOne(int worker)
    {
        if (!HasTasks)
            return false;
        long claimed = Interlocked.Increment(ref _state) - 1;
        if ((int)claimed >= (int)(claimed >> 32))
            return false;
        try
        {
            Execute((int)claimed, worker);
        }
        catch (Exception e)
        {
            _error = e;
        }
        finally
        {
            Interlocked.Decrement(ref _pending);
        }
        return true;
    }

    internal void WaitForOthers()
    {
        SpinWait spin = default;
        while (Volatile.Read(ref _pending) > 0)
            spin.SpinOnce(sleep1Threshold: -1);
        if (_error is { } error)
        {
            _error = null;
            ExceptionDispatchInfo.Throw(error);
        }
    }
}
