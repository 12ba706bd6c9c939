using System.Runtime.ExceptionServices;

namespace Acm.Runtime.Backends.Cpu;

/// <summary>Work cut into numbered tasks that any thread may take, in any order, each exactly once.</summary>
internal abstract class ParallelWork
{
    // High half: tasks there are; low half: tasks taken. One word, so that a claim always belongs to the work it was read from.
    private long _state;
    private int _pending;
    private Exception? _error;

    /// <summary>Carries out one task.</summary>
    /// <param name="task">0 to the number of tasks - 1.</param>
    /// <param name="worker">0 for the caller, else the pool thread's number: no two tasks of one work run at once under one number.</param>
    protected abstract void Execute(int task, int worker);

    internal void Arm(int tasks)
    {
        _pending = tasks;
        Volatile.Write(ref _state, (long)tasks << 32);
    }

    /// <summary>Takes and carries out one task.</summary>
    /// <returns>False where none was left.</returns>
    internal bool TryRunOne(int worker)
    {
        long seen = Volatile.Read(ref _state);
        if ((int)seen >= (int)(seen >> 32))
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

/// <summary>
/// A backend's own threads. They help whichever runs are under way, spin briefly for the next step of a forward, then park. The calling
/// thread always works too, so a run ends even if every pool thread is busy elsewhere.
/// </summary>
internal sealed class WorkerPool : IDisposable
{
    // Long enough to bridge the serial parts between two steps (some 20 microseconds), short enough to leave an idle process idle.
    private const int SpinsBeforePark = 4000;
    private readonly Thread[] _threads;
    private readonly ThreadPlacement _placement;
    private readonly SemaphoreSlim _wake = new(0);
    private readonly Lock _registering = new();
    private volatile ParallelWork[] _works = [];
    private int _parked;
    private volatile bool _disposed;

    /// <param name="threads">Threads of one run, the caller's among them.</param>
    public WorkerPool(int threads)
    {
        Threads = Math.Max(1, threads);
        _threads = new Thread[Threads - 1];
        _placement = new ThreadPlacement(_threads.Length);
        for (int i = 0; i < _threads.Length; i++)
        {
            int worker = i + 1;
            _threads[i] = new Thread(() => Work(worker)) { IsBackground = true, Name = $"acm worker {worker}" };
            _threads[i].Start();
        }
    }

    /// <summary>Threads of one run, the caller's among them.</summary>
    public int Threads { get; }

    /// <summary>Makes a work known to the threads.</summary>
    public void Add(ParallelWork work)
    {
        lock (_registering)
            _works = [.. _works, work];
    }

    /// <summary>Makes the threads forget a work, which must not be running.</summary>
    public void Remove(ParallelWork work)
    {
        lock (_registering)
            _works = [.. _works.Where(other => other != work)];
    }

    /// <summary>Carries out all tasks of a work and returns when they are done.</summary>
    public void Run(ParallelWork work, int tasks)
    {
        work.Arm(tasks);
        if (tasks > 1 && _threads.Length > 0)
        {
            _placement.MakeRoom();
            Interlocked.MemoryBarrier();
            int sleeping = Volatile.Read(ref _parked);
            if (sleeping > 0)
                _wake.Release(Math.Min(sleeping, tasks - 1));
        }
        while (work.TryRunOne(0))
        {
        }
        work.WaitForOthers();
    }

    public void Dispose()
    {
        _disposed = true;
        if (_threads.Length > 0)
            _wake.Release(_threads.Length);
        foreach (Thread thread in _threads)
            thread.Join();
        _wake.Dispose();
    }

    private void Work(int worker)
    {
        _placement.Join(worker - 1);
        int idle = 0;
        while (!_disposed)
        {
            if (TakeAny(worker))
                idle = 0;
            else if (++idle < SpinsBeforePark)
                Thread.SpinWait(8);
            else
            {
                Interlocked.Increment(ref _parked);
                // Work that was armed before this thread counted as parked would not wake it: look once more.
                if (!_disposed && !TakeAny(worker))
                    _wake.Wait();
                Interlocked.Decrement(ref _parked);
                idle = 0;
            }
        }
    }

    private bool TakeAny(int worker)
    {
        bool any = false;
        foreach (ParallelWork work in _works)
            while (work.TryRunOne(worker))
                any = true;
        return any;
    }
}
