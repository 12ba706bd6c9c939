using System.Runtime.CompilerServices;
using Acm.Native.Threading;

namespace Acm.Runtime.Backends.Cpu;

/// <summary>
/// Helper threads shared by all sessions of a process (or by those that name the same cores). They help whichever runs are under way, spin
/// briefly for the next step of a forward, then park. The calling thread always works too, so a run ends even if every helper is busy elsewhere.
/// </summary>
internal sealed class WorkerPool
{
    // Long enough to bridge the serial parts between two steps (some 20 microseconds), short enough to leave an idle process idle.
    private const int SpinsBeforePark = 1000;
    private static readonly object s_opening = new();
    private static readonly Dictionary<string, WorkerPool> s_open = [];
    private readonly string _key;
    private readonly int[] _cores;
    private readonly List<Thread> _threads = [];
    private readonly ThreadPlacement _placement = new(ParallelWork.MostThreads - 1);
    private readonly SemaphoreSlim _wake = new(0);
    private readonly object _registering = new();
    private volatile ParallelWork[] _works = [];
    private int _users, _parked;
    private volatile bool _ended;

    private WorkerPool(string key, int[] cores)
    {
        (_key, _cores) = (key, cores);
        Slots = new CoreSlots(cores.Length > 0 ? cores.Length : Environment.ProcessorCount);
    }

    /// <summary>The pool of some cores, with helpers for runs of so many threads; <see cref="Close"/> it once.</summary>
    /// <param name="threads">Threads of one run, the caller's among them.</param>
    /// <param name="cores">Cores the helpers are bound to, one each in turn; empty: wherever the system puts them.</param>
    public static WorkerPool Open(int threads, IReadOnlyList<int>? cores = null)
    {
        string key = cores is null ? "" : string.Join(',', cores);
        lock (s_opening)
        {
            if (!s_open.TryGetValue(key, out WorkerPool? pool))
                s_open[key] = pool = new WorkerPool(key, [.. cores ?? []]);
            pool._users++;
            try
            {
                while (pool._threads.Count < Math.Min(threads, ParallelWork.MostThreads) - 1)
                    pool.AddThread();
            }
            catch
            {
                // The system has no more threads to give: nobody will close what nobody got.
                pool.Close();
                throw;
            }
            return pool;
        }
    }

    /// <summary>Who may compute.</summary>
    public CoreSlots Slots { get; }

    /// <summary>Ends the helpers with the last user.</summary>
    public void Close()
    {
        using (new UninterruptedLock(s_opening))
        {
            if (--_users > 0)
                return;
            s_open.Remove(_key);
            _ended = true;
        }
        if (_threads.Count > 0)
            Uninterrupted.Do(() => _wake.Release(_threads.Count));
        foreach (Thread thread in _threads)
            Uninterrupted.Do(thread.Join);
        _wake.Dispose();
    }

    /// <summary>Makes a work known to the helpers.</summary>
    public void Add(ParallelWork work)
    {
        lock (_registering)
            _works = [.. _works, work];
    }

    /// <summary>Makes the helpers forget a work, which must not be running.</summary>
    public void Remove(ParallelWork work)
    {
        using (new UninterruptedLock(_registering))
            _works = [.. _works.Where(other => other != work)];
    }

    /// <summary>Carries out all tasks of a work and returns when they are done. The caller holds a slot.</summary>
    public void Run(ParallelWork work, int tasks) => Run(work, [tasks]);

    /// <summary>The same of tasks in <see cref="Lanes"/>.</summary>
    /// <param name="work">The work.</param>
    /// <param name="ends">One past the last task of each lane.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run(ParallelWork work, ReadOnlySpan<int> ends)
    {
        work.Arm(ends);
        int helpers = Math.Min(ends[^1], work.Threads) - 1;
        if (helpers > 0)
        {
            if (_cores.Length == 0 && Slots.AnyFree)
                _placement.MakeRoom();
            Interlocked.MemoryBarrier();
            int sleeping = Volatile.Read(ref _parked);
            if (sleeping > 0 && Slots.AnyFree)
                Wake(Math.Min(sleeping, helpers));
        }
        while (work.TryRunOne(0))
        {
        }
        work.WaitForOthers();
    }

    private void Wake(int helpers)
    {
        try
        {
            _wake.Release(helpers);
        }
        catch (ThreadInterruptedException)
        {
            // While it waited to release: the work is armed, and goes on without them.
            Thread.CurrentThread.Interrupt();
        }
    }

    private void AddThread()
    {
        int index = _threads.Count;
        Thread thread = new(() =>
        {
            if (_cores.Length > 0)
                ThreadAffinity.BindCurrentThread(_cores[(index + 1) % _cores.Length]);
            else
                _placement.Join(index);
            Help(index);
        })
        { IsBackground = true, Name = $"acm worker {index + 1}" };
        thread.Start();
        _threads.Add(thread);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Help(int first)
    {
        int idle = 0;
        while (!_ended)
        {
            if (TakeAny(first))
                idle = 0;
            else if (++idle < SpinsBeforePark && Slots.AnyFree)
                Thread.SpinWait(8);
            else
            {
                Interlocked.Increment(ref _parked);
                // Work that was armed before this thread counted as parked would not wake it: look once more.
                if (!_ended && !TakeAny(first))
                    _wake.Wait();
                Interlocked.Decrement(ref _parked);
                idle = 0;
            }
        }
    }

    // Helpers begin their round at different works, so that several runs get one each.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private bool TakeAny(int first)
    {
        bool any = false;
        ParallelWork[] works = _works;
        for (int i = 0; i < works.Length; i++)
        {
            ParallelWork work = works[(first + i) % works.Length];
            if (!work.HasTasks || !Slots.TryEnter())
                continue;
            int seat = work.TakeSeat(first + 1);
            if (seat > 0)
            {
                // A caller that waits for a core gets this one after the task in hand.
                while (work.TryRunOne(seat))
                {
                    any = true;
                    if (Slots.AnyWaiting)
                        break;
                }
                work.LeaveSeat(seat);
            }
            Slots.Leave();
        }
        return any;
    }
}
