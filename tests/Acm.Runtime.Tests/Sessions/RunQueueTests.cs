using Acm.Runtime.Backends;
using Acm.Testing;
using NUnit.Framework;

namespace Acm.Runtime.Tests.Sessions;

[TestFixture]
public sealed class RunQueueTests
{
    private static readonly TimeSpan s_soon = TimeSpan.FromSeconds(30);

    /// <summary>Computes nothing; its runs begin while it is open.</summary>
    private sealed class Backend : IBackend, IForward
    {
        public ManualResetEventSlim Open { get; } = new(true);

        public string Name => "fake";

        public string Description => "fake";

        public IForward CreateForward(int maxSequences, int maxLength) => this;

        /// <summary>What the last run gave to be cancelled by while it waits for its turn.</summary>
        public CancellationToken Asked { get; private set; }

        public void Enter(CancellationToken cancellation)
        {
            Asked = cancellation;
            Open.Wait(s_soon, cancellation);
        }

        public void Run(in ForwardRun run)
        {
        }

        public bool IsDisposed { get; private set; }

        public void Dispose() => IsDisposed = true;
    }

    private static (AcmModel Model, Backend Backend, InferenceSession Session, float[] Image) Make()
    {
        AcmModel model = AcmModel.Load(SharedFolder.Data("vit-tiny"));
        Backend backend = new();
        return (model, backend, new InferenceSession(model.Config, model.Plan, new SessionOptions(), backend, ""), new float[model.Plan.InputWidth]);
    }

    [Test]
    [CancelAfter(120_000)]
    public async Task ARunAwaitedTwiceHarmsNoOther()
    {
        var (model, _, session, image) = Make();
        using AcmModel loaded = model;
        using InferenceSession running = session;
        InferenceResult[] results = [.. Enumerable.Range(0, 3).Select(_ => session.CreateResult())];
        ValueTask first = session.RunAsync(ModelInputMemory.Pixels(image), results[0]);
        await first.ConfigureAwait(false);
        for (int i = 0; i < 2; i++)
            Assert.Throws<InvalidOperationException>(() => first.GetAwaiter().GetResult());
        foreach (InferenceResult result in results)
            result.Clear();
        ValueTask[] runs = [.. results.Select(result => session.RunAsync(ModelInputMemory.Pixels(image), result))];
        foreach (ValueTask run in runs)
            await run.ConfigureAwait(false);
        Assert.That(results.Select(static result => result.Batch), Has.All.EqualTo(1));
    }

    [Test]
    [CancelAfter(120_000)]
    public async Task ARunAskedForItsResultTooEarlyGoesOn()
    {
        var (model, backend, session, image) = Make();
        using AcmModel loaded = model;
        using InferenceSession running = session;
        InferenceResult first = session.CreateResult(), second = session.CreateResult();
        backend.Open.Reset();
        ValueTask one = session.RunAsync(ModelInputMemory.Pixels(image), first);
        Assert.Throws<InvalidOperationException>(() => one.GetAwaiter().GetResult());
        ValueTask other = session.RunAsync(ModelInputMemory.Pixels(image), second);
        backend.Open.Set();
        await one.ConfigureAwait(false);
        await other.ConfigureAwait(false);
        Assert.That((first.Batch, second.Batch), Is.EqualTo((1, 1)));
    }

    [Test]
    public async Task ADisposedSessionAnswersWithATaskThatFails()
    {
        var (model, _, session, image) = Make();
        using AcmModel loaded = model;
        InferenceResult result = session.CreateResult();
        session.Dispose();
        ValueTask run = session.RunAsync(ModelInputMemory.Pixels(image), result);
        Assert.That(run.IsFaulted, Is.True);
        ObjectDisposedException? error = await Assert.ThrowsAsync<ObjectDisposedException>(async () => await run.ConfigureAwait(false)).ConfigureAwait(false);
        Assert.That(error!.ObjectName, Is.EqualTo(Assert.Throws<ObjectDisposedException>(() => session.Run(ModelInput.Pixels(image), result))!.ObjectName));
    }

    [Test]
    public async Task ARunWithoutAResultFailsWhereItIsAwaited()
    {
        var (model, _, session, image) = Make();
        using AcmModel loaded = model;
        using InferenceSession running = session;
        ValueTask run = session.RunAsync(ModelInputMemory.Pixels(image), null!);
        await Assert.ThrowsAsync<ArgumentNullException>(async () => await run.ConfigureAwait(false)).ConfigureAwait(false);
    }

    /// <summary>Its thread has ended by then: a run that were queued all the same would never end.</summary>
    [Test]
    public async Task SoDoesOneThatHasRunBefore()
    {
        var (model, _, session, image) = Make();
        using AcmModel loaded = model;
        InferenceResult result = session.CreateResult();
        await session.RunAsync(ModelInputMemory.Pixels(image), result).ConfigureAwait(false);
        session.Dispose();
        Assert.That(session.RunAsync(ModelInputMemory.Pixels(image), result).IsFaulted, Is.True);
    }

    [Test]
    [CancelAfter(120_000)]
    public async Task DisposingWaitsForTheRunsThatAreQueued()
    {
        var (model, backend, session, image) = Make();
        using AcmModel loaded = model;
        InferenceResult[] results = [.. Enumerable.Range(0, 20).Select(_ => session.CreateResult())];
        backend.Open.Reset();
        Task[] runs = [.. results.Select(result => session.RunAsync(ModelInputMemory.Pixels(image), result).AsTask())];
        Thread disposing = new(session.Dispose);
        disposing.Start();
        // From when on it takes no further calls.
        Assert.That(SpinWait.SpinUntil(() => session.RunAsync(ModelInputMemory.Pixels(image), session.CreateResult()).IsFaulted, s_soon), Is.True);
        Assert.That((disposing.IsAlive, runs.Any(static run => run.IsCompleted)), Is.EqualTo((true, false)));
        backend.Open.Set();
        await Task.WhenAll(runs).WaitAsync(s_soon).ConfigureAwait(false);
        Assert.That(disposing.Join(s_soon), Is.True);
        Assert.That(results.Select(static result => result.Batch), Has.All.EqualTo(1));
    }

    /// <summary>No more than a call that failed: those that come later are carried out, and nobody waits for a thread that never ran.</summary>
    [Test]
    public async Task AThreadThatTheSystemDoesNotGiveIsAskedForAgain()
    {
        var (model, _, session, image) = Make();
        using AcmModel loaded = model;
        using InferenceSession running = session;
        InferenceResult first = session.CreateResult(), second = session.CreateResult();
        bool full = true;
        RunQueue queue = new(session, thread =>
        {
            if (full)
                throw new OutOfMemoryException();
            thread.Start();
        });
        Assert.Throws<OutOfMemoryException>(() => queue.Enqueue(ModelInputMemory.Pixels(image), first, null));
        full = false;
        await queue.Enqueue(ModelInputMemory.Pixels(image), second, null).AsTask().WaitAsync(s_soon).ConfigureAwait(false);
        queue.Dispose();
        Assert.That((first.Batch, second.Batch), Is.EqualTo((0, 1)));
    }

    [Test]
    public void AThreadThatTheSystemDoesNotGiveIsNotWaitedFor()
    {
        var (model, _, session, image) = Make();
        using AcmModel loaded = model;
        using InferenceSession running = session;
        RunQueue queue = new(session, static _ => throw new OutOfMemoryException());
        Assert.Throws<OutOfMemoryException>(() => queue.Enqueue(ModelInputMemory.Pixels(image), session.CreateResult(), null));
        Assert.That(queue.Dispose, Throws.Nothing);
    }

    [Test]
    public void AnInterruptedThreadWaitsForTheRunsThatAreQueued()
    {
        var (model, backend, session, image) = Make();
        using AcmModel loaded = model;
        backend.Open.Reset();
        Task run = session.RunAsync(ModelInputMemory.Pixels(image), session.CreateResult()).AsTask();
        Interrupted disposing = new(session.Dispose);
        disposing.InterruptOften();
        Assert.That((run.IsCompleted, backend.IsDisposed), Is.EqualTo((false, false)));
        backend.Open.Set();
        disposing.WasDoneFirst();
        Assert.That((run.Wait(s_soon), backend.IsDisposed), Is.EqualTo((true, true)));
    }

    [Test]
    public void ARunThatHasEndedKeepsNothingOfItsCallersAlive()
    {
        var (model, _, session, image) = Make();
        using AcmModel loaded = model;
        using InferenceSession running = session;
        WeakReference input = Run(session, image.Length);
        GC.Collect();
        Assert.That(input.IsAlive, Is.False);

        [System.Runtime.CompilerServices.MethodImpl(System.Runtime.CompilerServices.MethodImplOptions.NoInlining)]
        static WeakReference Run(InferenceSession session, int length)
        {
            float[] pixels = new float[length];
            session.RunAsync(ModelInputMemory.Pixels(pixels), session.CreateResult()).AsTask().Wait();
            return new WeakReference(pixels);
        }
    }

    [Test]
    public void ARunCanBeCancelledWhileItWaitsForItsTurn()
    {
        var (model, backend, session, image) = Make();
        using AcmModel loaded = model;
        using InferenceSession running = session;
        using CancellationTokenSource source = new();
        session.Run(ModelInput.Pixels(image), session.CreateResult(), new RunOptions { Cancellation = source.Token });
        Assert.That(backend.Asked, Is.EqualTo(source.Token));
    }

    /// <summary>It may wait for another run there, which the session's own thread then has to carry out.</summary>
    [Test]
    public async Task WhoAwaitsARunDoesNotGoOnOnTheSessionsThread()
    {
        var (model, backend, session, image) = Make();
        using AcmModel loaded = model;
        using InferenceSession running = session;
        backend.Open.Reset();
        Task<string?> awaited = Await();
        backend.Open.Set();
        Assert.That(await awaited.WaitAsync(s_soon).ConfigureAwait(false), Is.Not.EqualTo("acm runs"));

        async Task<string?> Await()
        {
            await session.RunAsync(ModelInputMemory.Pixels(image), session.CreateResult()).ConfigureAwait(false);
            return Thread.CurrentThread.Name;
        }
    }
}
