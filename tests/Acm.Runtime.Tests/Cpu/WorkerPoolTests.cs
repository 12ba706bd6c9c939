using Acm.Native.Threading;
using Acm.Runtime.Backends.Cpu;
using Acm.Testing;
using NUnit.Framework;

namespace Acm.Runtime.Tests.Cpu;

[TestFixture]
[NonParallelizable]
public sealed class WorkerPoolTests
{
    /// <summary>Counts who does its tasks, and how many do so at once.</summary>
    private sealed class Counted(int threads, Action? each = null) : ParallelWork(threads)
    {
        private int _now;

        public int[] Times { get; private set; } = [];

        public int MostAtOnce { get; private set; }

        public HashSet<int> Workers { get; } = [];

        public bool Overlapped { get; private set; }

        public List<int> Order { get; } = [];

        private readonly int[] _busy = new int[MostThreads];

        public void Begin(int tasks) => Times = new int[tasks];

        protected override void Execute(int task, int worker)
        {
            int now = Interlocked.Increment(ref _now);
            if (Interlocked.Exchange(ref _busy[worker], 1) != 0)
                Overlapped = true;
            lock (Workers)
            {
                MostAtOnce = Math.Max(MostAtOnce, now);
                Workers.Add(worker);
                Order.Add(task);
            }
            each?.Invoke();
            Interlocked.Increment(ref Times[task]);
            Volatile.Write(ref _busy[worker], 0);
            Interlocked.Decrement(ref _now);
        }
    }

    private static void Run(WorkerPool pool, Counted work, int tasks)
    {
        work.Begin(tasks);
        pool.Slots.Enter();
        try
        {
            pool.Run(work, tasks);
        }
        finally
        {
            pool.Slots.Leave();
        }
    }

    [Test]
    public void EveryTaskRunsOnceUnderItsOwnNumber([Values(1, 2, 3, 8)] int threads)
    {
        WorkerPool pool = WorkerPool.Open(threads);
        var work = new Counted(threads, () => Thread.SpinWait(20));
        pool.Add(work);
        for (int round = 0; round < 200; round++)
        {
            Run(pool, work, 1 + round % 37);
            Assert.That(work.Times, Has.All.EqualTo(1));
        }
        pool.Remove(work);
        pool.Close();
        Assert.That(work.Overlapped, Is.False);
        Assert.That(work.Workers, Has.All.LessThan(threads));
    }

    [Test]
    public void EachThreadBeginsWithItsOwnShareAndThenTakesWhatIsLeft()
    {
        var work = new Counted(3);
        work.Begin(10);
        work.Arm([10]);
        while (work.TryRunOne(1))
        {
        }
        Assert.That(work.Order, Is.EqualTo(new[] { 3, 4, 5, 6, 7, 8, 9, 0, 1, 2 }));
        Assert.That(work.HasTasks, Is.False);
    }

    [Test]
    public void AsManyThreadsBeginInEachLane()
    {
        var work = new Counted(4);
        work.Begin(10);
        work.Arm([4, 10]);
        // Each share from its own beginning: its last task is not its own any more.
        foreach (int worker in (int[])[0, 1, 2, 3, 1, 2, 3, 0])
            work.TryRunOne(worker);
        Assert.That(work.Order, Is.EqualTo(new[] { 0, 2, 4, 7, 3, 5, 8, 1 }));
        while (work.TryRunOne(1))
        {
        }
        Assert.That(work.Times, Has.All.EqualTo(1));
    }

    [Test]
    public void AHelperGetsTheSeatItWantsWhereThatIsFree()
    {
        var work = new Counted(4);
        Assert.That(work.TakeSeat(2), Is.EqualTo(2));
        Assert.That(work.TakeSeat(2), Is.EqualTo(1));
        Assert.That(work.TakeSeat(70), Is.EqualTo(3), "more helpers than seats");
        Assert.That(work.TakeSeat(3), Is.Zero, "none is left");
        work.LeaveSeat(2);
        Assert.That(work.TakeSeat(2), Is.EqualTo(2));
    }

    [Test]
    public void ARunGetsNoMoreHelpersThanItAskedFor()
    {
        WorkerPool pool = WorkerPool.Open(8);
        var work = new Counted(2, () => Thread.Sleep(1));
        pool.Add(work);
        Run(pool, work, 40);
        pool.Remove(work);
        pool.Close();
        Assert.That(work.MostAtOnce, Is.LessThanOrEqualTo(2));
    }

    [Test]
    public void CallersAndHelpersTogetherAreNeverMoreThanTheCores()
    {
        WorkerPool pool = WorkerPool.Open(4);
        int now = 0, most = 0;
        void Each()
        {
            int here = Interlocked.Increment(ref now), seen = Volatile.Read(ref most);
            while (here > seen && Interlocked.CompareExchange(ref most, here, seen) != seen)
                seen = Volatile.Read(ref most);
            Thread.SpinWait(2000);
            Interlocked.Decrement(ref now);
        }
        Counted[] works = [.. Enumerable.Range(0, 8).Select(_ => new Counted(4, Each))];
        foreach (Counted work in works)
            pool.Add(work);
        Thread[] callers = [.. works.Select(work => new Thread(() =>
        {
            for (int i = 0; i < 20; i++)
                Run(pool, work, 16);
        }))];
        foreach (Thread caller in callers)
            caller.Start();
        foreach (Thread caller in callers)
            caller.Join();
        foreach (Counted work in works)
        {
            pool.Remove(work);
            Assert.That(work.Times, Has.All.EqualTo(1));
        }
        pool.Close();
        Assert.That(most, Is.LessThanOrEqualTo(Environment.ProcessorCount));
    }

    [Test]
    public void SessionsShareOnePool()
    {
        WorkerPool one = WorkerPool.Open(2), other = WorkerPool.Open(3);
        Assert.That(other, Is.SameAs(one));
        one.Close();
        var work = new Counted(3);
        other.Add(work);
        Run(other, work, 5);
        other.Remove(work);
        other.Close();
        Assert.That(work.Times, Has.All.EqualTo(1));
    }

    [Test]
    public void HelpersAreBoundToTheirCores()
    {
        if (!OperatingSystem.IsLinux() || Environment.ProcessorCount < 2)
            Assert.Ignore("Only Linux tells what a thread is bound to, and one core leaves nothing to choose.");
        int[] cores = [.. Enumerable.Range(0, 1024).Where(ThreadAffinity.CanBind).Take(2)];
        var bound = new HashSet<int>();
        Thread caller = Thread.CurrentThread;
        WorkerPool pool = WorkerPool.Open(2, cores);
        var work = new Counted(2, () =>
        {
            if (Thread.CurrentThread != caller)
                lock (cores)
                    bound.Add(ThreadAffinity.BoundCore());
            Thread.Sleep(1);
        });
        pool.Add(work);
        for (int i = 0; i < 20 && bound.Count == 0; i++)
            Run(pool, work, 10);
        pool.Remove(work);
        pool.Close();
        Assert.That(bound, Is.EqualTo(new[] { cores[1] }));
    }

    [Test]
    public void CoresThereAreNoneOfAreRefused()
    {
        if (!ThreadAffinity.IsSupported)
            Assert.Throws<PlatformNotSupportedException>(() => new SessionOptions { Cores = [0] }.Check());
        else
        {
            Assert.Throws<ArgumentException>(() => new SessionOptions { Cores = [1023] }.Check());
            Assert.Throws<ArgumentException>(() => new SessionOptions { Cores = [] }.Check());
            Assert.Throws<ArgumentException>(() => new SessionOptions { Cores = [0, 0] }.Check());
        }
    }

    [Test]
    public void AnInterruptedCallerWaitsForItsHelpersAllTheSame()
    {
        using ManualResetEventSlim begun = new(), go = new();
        Thread? helper = null;
        var work = new Counted(2, () =>
        {
            if (Thread.CurrentThread != helper)
                return;
            begun.Set();
            go.Wait(TimeSpan.FromSeconds(30));
        });
        work.Begin(2);
        work.Arm([2]);
        helper = new Thread(() => work.TryRunOne(1));
        helper.Start();
        Assert.That(begun.Wait(TimeSpan.FromSeconds(30)), Is.True);
        Interrupted caller = new(() =>
        {
            work.TryRunOne(0);
            work.WaitForOthers();
            Assert.That(work.Times[1], Is.EqualTo(1));
        });
        caller.InterruptOften();
        go.Set();
        caller.WasDoneFirst();
        Assert.That(helper.Join(TimeSpan.FromSeconds(30)), Is.True);
    }

    [Test]
    public void AnInterruptedThreadEndsTheHelpersAllTheSame()
    {
        // Cores of its own, so that nobody else has the pool open.
        WorkerPool pool = WorkerPool.Open(4, [0]);
        new Interrupted(pool.Close).WasDoneFirst();
    }

    [Test]
    public void AnExceptionReachesTheCaller()
    {
        WorkerPool pool = WorkerPool.Open(2);
        bool fail = true;
        var work = new Counted(2, () =>
        {
            if (fail)
                throw new InvalidOperationException("task");
        });
        pool.Add(work);
        Assert.Throws<InvalidOperationException>(() => Run(pool, work, 1));
        fail = false;
        pool.Remove(work);
        pool.Close();
    }
}
