using Acm.Runtime.Backends;
using Acm.Runtime.Backends.Cpu;
using Acm.Runtime.Plan;
using NUnit.Framework;
using Buffer = Acm.Runtime.Plan.Buffer;

namespace Acm.Runtime.Tests.Sessions;

[TestFixture]
public sealed class WorkspacePoolTests
{
    private static readonly ForwardPlan s_plan =
        new(InputKind.Samples, 1, [], new Buffer("none", RowSpace.Sequence, 1), "none", [], RowSpace.Sequence, 0, false);

    /// <summary>Lets so many runs go on at once, and counts the workspaces it made.</summary>
    private sealed class Backend(int runs) : IBackend
    {
        private readonly CoreSlots _slots = new(runs);
        private int _made;

        public int Made => _made;

        public bool Fails { get; set; }

        public bool IsUsable { get; set; } = true;

        public string Name => "fake";

        public string Description => "fake";

        public IForward CreateForward(int maxSequences, int maxLength)
        {
            if (Fails)
                throw new OutOfMemoryException();
            Interlocked.Increment(ref _made);
            return new Forward(this);
        }

        public void Enter(CancellationToken cancellation) => _slots.Enter(cancellation);

        public void Leave() => _slots.Leave();

        public bool TryEnter() => _slots.TryEnter();

        public int Waiting => _slots.Waiting;

        public void Dispose()
        {
        }

        private sealed class Forward(Backend backend) : IForward
        {
            public bool IsUsable => backend.IsUsable;

            public void Run(in ForwardRun run)
            {
            }

            public void Dispose()
            {
            }
        }
    }

    [Test]
    public void CallersThatWaitForTheirTurnHaveNoWorkspace()
    {
        Backend backend = new(runs: 2);
        using WorkspacePool pool = new(backend, s_plan, 1, 1);
        Thread[] callers = [.. Enumerable.Range(0, 20).Select(_ => new Thread(() =>
        {
            for (int i = 0; i < 5; i++)
            {
                Workspace workspace = pool.Rent(1, 1);
                Thread.Sleep(1);
                pool.Return(workspace);
            }
        }))];
        foreach (Thread caller in callers)
            caller.Start();
        foreach (Thread caller in callers)
            caller.Join();
        Assert.That(backend.Made, Is.InRange(1, 2));
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

    [Test]
    public void DisposingWaitsForThoseThatWaitForTheirTurn()
    {
        Backend backend = new(runs: 1);
        WorkspacePool pool = new(backend, s_plan, 1, 1);
        Workspace first = pool.Rent(1, 1);
        bool ran = false;
        Thread waiting = new(() =>
        {
            Workspace second = pool.Rent(1, 1);
            ran = true;
            pool.Return(second);
        });
        waiting.Start();
        Assert.That(SpinWait.SpinUntil(() => backend.Waiting == 1, TimeSpan.FromSeconds(30)), Is.True);
        Thread disposing = new(pool.Dispose);
        disposing.Start();
        Thread.Sleep(20);
        pool.Return(first);
        disposing.Join();
        waiting.Join();
        Assert.That(ran, Is.True);
    }

    [Test]
    public void ACancelledCallDoesNotWaitForItsTurn()
    {
        Backend backend = new(runs: 1);
        using WorkspacePool pool = new(backend, s_plan, 1, 1);
        Workspace first = pool.Rent(1, 1);
        using CancellationTokenSource cancelled = new(TimeSpan.FromMilliseconds(20));
        Assert.Throws<OperationCanceledException>(() => pool.Rent(1, 1, cancelled.Token));
        Assert.That(backend.Waiting, Is.Zero);
        pool.Return(first);
        Assert.That(backend.TryEnter(), Is.True);
        backend.Leave();
    }
}
