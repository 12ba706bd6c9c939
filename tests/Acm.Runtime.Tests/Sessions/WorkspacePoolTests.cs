using Acm.Native;
using Acm.Runtime.Backends;
using Acm.Runtime.Backends.Cpu;
using Acm.Runtime.Plan;
using Acm.Testing;
using NUnit.Framework;
using Buffer = Acm.Runtime.Plan.Buffer;

namespace Acm.Runtime.Tests.Sessions;

[TestFixture]
public sealed class WorkspacePoolTests
{
    private static readonly TimeSpan s_soon = TimeSpan.FromSeconds(30);
    private static readonly ForwardPlan s_plan =
        new(InputKind.Samples, 1, [], new Buffer("none", RowSpace.Sequence, 1), "none", [], RowSpace.Sequence, 0, false);

    /// <summary>Lets so many runs go on at once, and counts the workspaces it made.</summary>
    private sealed class Backend(int runs) : IBackend
    {
        private readonly CoreSlots _slots = new(runs);
        private int _made, _taken, _alive;

        public int Made => _made;

        /// <summary>Workspaces that are not freed.</summary>
        public int Alive => _alive;

        public bool IsDisposed { get; private set; }

        public bool Fails { get; set; }

        /// <summary>Sequences of all its workspaces together.</summary>
        public int Room { get; init; } = int.MaxValue;

        public bool IsUsable { get; set; } = true;

        public bool FailsToLeave { get; set; }

        public bool FailsToFree { get; set; }

        public string Name => "fake";

        public string Description => "fake";

        public IForward CreateForward(int maxSequences, int maxLength)
        {
            if (Fails)
                throw new OutOfMemoryException();
            if (_taken + maxSequences > Room)
                throw new CudaOutOfMemoryException("fake", "full", maxSequences, Room - _taken);
            _taken += maxSequences;
            Interlocked.Increment(ref _made);
            Interlocked.Increment(ref _alive);
            return new Forward(this, maxSequences, maxLength);
        }

        public void Enter(CancellationToken cancellation) => _slots.Enter(cancellation);

        public void Leave()
        {
            _slots.Leave();
            if (FailsToLeave)
                throw new ThreadInterruptedException();
        }

        public bool TryEnter() => _slots.TryEnter();

        public int Waiting => _slots.Waiting;

        public void Dispose() => IsDisposed = true;

        public sealed class Forward(Backend backend, int sequences, int length) : IForward
        {
            public (int Sequences, int Length) Room => (sequences, length);

            public bool IsUsable => backend.IsUsable;

            public void Run(in ForwardRun run)
            {
            }

            public void Dispose()
            {
                backend._taken -= sequences;
                Interlocked.Decrement(ref backend._alive);
                if (backend.FailsToFree)
                    throw new CudaOutOfMemoryException("fake", "lost", 1, 0);
            }
        }
    }

    [Test]
    public void CallersThatWaitForTheirTurnHaveNoWorkspace()
    {
        Backend backend = new(runs: 2);
        WorkspacePool pool = new(backend, s_plan, 1, 1);
        Workspace[] running = [pool.Rent(1, 1), pool.Rent(1, 1)];
        Thread[] callers = [.. Enumerable.Range(0, 20).Select(_ => new Thread(() => pool.Return(pool.Rent(1, 1))))];
        foreach (Thread caller in callers)
            caller.Start();
        Assert.That(SpinWait.SpinUntil(() => backend.Waiting == callers.Length, s_soon), Is.True);
        foreach (Workspace workspace in running)
            pool.Return(workspace);
        foreach (Thread caller in callers)
            caller.Join();
        Assert.That(backend.Made, Is.EqualTo(2));
    }

    [Test]
    public void ARunThatGetsNoWorkspaceLeavesItsPlaceToTheNext()
    {
        Backend backend = new(runs: 1) { Fails = true };
        WorkspacePool pool = new(backend, s_plan, 1, 1);
        Assert.Throws<OutOfMemoryException>(() => pool.Rent(1, 1));
        backend.Fails = false;
        pool.Return(pool.Rent(1, 1));
        backend.IsUsable = false;
        pool.Return(pool.Rent(1, 1));
        pool.Dispose();
        Assert.Throws<ObjectDisposedException>(() => pool.Rent(1, 1));
        Assert.That(backend.TryEnter(), Is.True);
    }

    /// <summary>Large enough for its run, never larger than the session's runs may be, and one for all runs that are not at once.</summary>
    [FsCheck.NUnit.Property]
    public void AWorkspaceFitsItsRun(byte[] sizes)
    {
        const int mostSequences = 48, mostLength = 200;
        Backend backend = new(runs: 2);
        WorkspacePool pool = new(backend, s_plan, mostSequences, mostLength);
        foreach (byte size in sizes)
        {
            int sequences = 1 + size % mostSequences, length = 1 + size * 7 % mostLength;
            Workspace workspace = pool.Rent(sequences, length);
            var room = ((Backend.Forward)workspace.Forward).Room;
            Assert.That(room.Sequences, Is.InRange(sequences, mostSequences));
            Assert.That(room.Length, Is.InRange(length, mostLength));
            pool.Return(workspace);
            Assert.That(backend.Alive, Is.EqualTo(1), "one that is too small makes room for its successor");
        }
        pool.Dispose();
        Assert.That((backend.Alive, backend.IsDisposed), Is.EqualTo((0, true)));
    }

    [Test]
    public void SlowlyGrowingBatchesDoNotMakeAWorkspaceEach()
    {
        Backend backend = new(runs: 1);
        WorkspacePool pool = new(backend, s_plan, 64, 64);
        for (int size = 1; size <= 64; size++)
            pool.Return(pool.Rent(size, size));
        Assert.That(backend.Made, Is.EqualTo(7));
    }

    [Test]
    public void WhatIsTooSmallForOneRunWaitsForAnother()
    {
        Backend backend = new(runs: 3);
        WorkspacePool pool = new(backend, s_plan, 8, 8);
        Workspace[] atOnce = [pool.Rent(1, 1), pool.Rent(8, 8)];
        foreach (Workspace workspace in atOnce)
            pool.Return(workspace);
        atOnce = [pool.Rent(8, 8), pool.Rent(1, 1)];
        Assert.That((backend.Made, backend.Alive), Is.EqualTo((2, 2)));
    }

    [Test]
    public void AWorkspaceThatIsOfNoMoreUseIsFreedAndNotLentAgain()
    {
        Backend backend = new(runs: 1) { IsUsable = false };
        WorkspacePool pool = new(backend, s_plan, 1, 1);
        pool.Return(pool.Rent(1, 1));
        Assert.That(backend.Alive, Is.Zero);
        backend.IsUsable = true;
        pool.Return(pool.Rent(1, 1));
        Assert.That(backend.Made, Is.EqualTo(2));
    }

    [Test]
    public void MoreWorkspacesThanItHasPlacesForAreFreedWhenTheyComeBack()
    {
        int runs = 17 + 2 * Environment.ProcessorCount;
        Backend backend = new(runs);
        WorkspacePool pool = new(backend, s_plan, 1, 1);
        Workspace[] atOnce = [.. Enumerable.Range(0, runs).Select(_ => pool.Rent(1, 1))];
        // A run that has ended well does not fail for it.
        backend.FailsToFree = true;
        foreach (Workspace workspace in atOnce)
            pool.Return(workspace);
        backend.FailsToFree = false;
        Assert.That(backend.Alive, Is.LessThan(runs));
        pool.Dispose();
        pool.Dispose();
        Assert.That(backend.Alive, Is.Zero);
    }

    [Test]
    public void ARunThatNeedsMoreMemoryThanIsFreeGetsWhatNobodyUses()
    {
        Backend backend = new(runs: 2) { Room = 4 };
        WorkspacePool pool = new(backend, s_plan, 8, 8);
        Workspace[] atOnce = [pool.Rent(2, 2), pool.Rent(2, 2)];
        foreach (Workspace workspace in atOnce)
            pool.Return(workspace);
        Workspace large = pool.Rent(4, 4);
        Assert.Throws<CudaOutOfMemoryException>(() => pool.Rent(1, 1), "what is in use stays");
        pool.Return(large);
        Assert.Throws<CudaOutOfMemoryException>(() => pool.Rent(8, 8));
        pool.Return(pool.Rent(4, 4));
    }

    [Test]
    public void DisposingWaitsForThoseThatWaitForTheirTurn()
    {
        Backend backend = new(runs: 1);
        WorkspacePool pool = new(backend, s_plan, 1, 1);
        Workspace first = pool.Rent(1, 1);
        Exception? refused = null;
        Thread waiting = new(() => refused = Refusal(() => pool.Return(pool.Rent(1, 1))));
        waiting.Start();
        Assert.That(SpinWait.SpinUntil(() => backend.Waiting == 1, s_soon), Is.True);
        Thread disposing = new(pool.Dispose);
        disposing.Start();
        // From when on it takes no further calls; before, such a one would have to wait.
        Assert.That(SpinWait.SpinUntil(() => Refusal(() => pool.Rent(1, 1, new CancellationToken(true))) is ObjectDisposedException, s_soon), Is.True);
        Assert.That(disposing.IsAlive, Is.True);
        pool.Return(first);
        Assert.That(disposing.Join(s_soon) && waiting.Join(s_soon), Is.True);
        Assert.That(refused, Is.Null);

        static Exception? Refusal(Action call)
        {
            try
            {
                call();
                return null;
            }
            catch (Exception e)
            {
                return e;
            }
        }
    }

    [Test]
    public void AnInterruptedThreadWaitsForTheRunsUnderWayAndFreesEverythingAllTheSame()
    {
        Backend backend = new(runs: 1);
        WorkspacePool pool = new(backend, s_plan, 1, 1);
        Workspace running = pool.Rent(1, 1);
        Interrupted disposing = new(pool.Dispose);
        disposing.InterruptOften();
        Assert.That(backend.IsDisposed, Is.False);
        pool.Return(running);
        disposing.WasDoneFirst();
        Assert.That((backend.Alive, backend.IsDisposed), Is.EqualTo((0, true)));
    }

    [Test]
    public void ARunThatFailsToLeaveIsCountedOffAllTheSame([Values] bool withoutWorkspace)
    {
        Backend backend = new(runs: 1) { FailsToLeave = true, Fails = withoutWorkspace };
        WorkspacePool pool = new(backend, s_plan, 1, 1);
        Assert.Throws<ThreadInterruptedException>(() => pool.Return(pool.Rent(1, 1)));
        Thread disposing = new(pool.Dispose) { IsBackground = true };
        disposing.Start();
        Assert.That(disposing.Join(s_soon), Is.True);
    }

    [Test]
    public void ACancelledCallDoesNotWaitForItsTurn()
    {
        Backend backend = new(runs: 1);
        WorkspacePool pool = new(backend, s_plan, 1, 1);
        Workspace first = pool.Rent(1, 1);
        using CancellationTokenSource cancelled = new(TimeSpan.FromMilliseconds(20));
        Assert.Throws<OperationCanceledException>(() => pool.Rent(1, 1, cancelled.Token));
        Assert.That(backend.Waiting, Is.Zero);
        pool.Return(first);
        Assert.That(backend.TryEnter(), Is.True);
        Assert.That(backend.TryEnter(), Is.False, "it gives back no place that it never had");
        backend.Leave();
    }
}
