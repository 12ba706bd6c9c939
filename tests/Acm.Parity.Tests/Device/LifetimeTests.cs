using Acm.Native.Compile;
using Acm.Parity.Tests.Properties;
using Acm.Runtime;
using Acm.Runtime.Backends;
using Acm.Simulator;
using Acm.Simulator.Driver;
using NUnit.Framework;

namespace Acm.Parity.Tests.Device;

/// <summary>
/// Sessions on a device that end, or whose runs are cancelled, while others are under way: what was promised comes whole or as the documented exception,
/// a session beside it keeps its bits, and nothing is left on the device.
/// </summary>
[NonParallelizable]
public class LifetimeTests
{
    private static readonly Architecture[] Kinds = Enum.GetValues<Architecture>();

    [Test]
    public void A_session_disposed_of_under_its_runs_ends_them_whole_or_typed_and_disturbs_no_other([ValueSource(nameof(Kinds))] Architecture architecture)
    {
        using RandomModel random = new(5, architecture, sequences: 2);
        using SimulatedDriver driver = new(new SimulatorOptions());
        using (InferenceSession beside = Session(random.Model, driver))
        {
            InferenceResult sound = Run(beside, random);
            IReadOnlyDictionary<string, ReadOnlyMemory<int>> forced = random.ChoicesOf(sound);
            int completed = 0;
            for (int round = 0; round < 5; round++)
            {
                InferenceSession session = Session(random.Model, driver);
                using CountdownEvent begun = new(3);
                Task[] callers = [.. Enumerable.Range(0, 3).Select(caller => Task.Factory.StartNew(() =>
                {
                    InferenceResult result = session.CreateResult(hidden: caller == 1);
                    begun.Signal();
                    try
                    {
                        while (true)
                        {
                            session.Run(random.Batch.Input().Input, result, caller == 2 ? new RunOptions { ForcedK = forced } : null);
                            Assert.That(SameOutput(result, sound), "a run beside the end of its session");
                            Interlocked.Increment(ref completed);
                        }
                    }
                    catch (ObjectDisposedException)
                    {
                        Assert.That(result.Batch, Is.Zero.Or.EqualTo(2), "empty, or the run before");
                    }
                }, TaskCreationOptions.LongRunning))];
                begun.Wait();
                for (int wait = 0; wait < round; wait++)
                    Assert.That(SameOutput(Run(beside, random), sound), "a session beside it");
                session.Dispose();
                session.Dispose();
                Assert.That(Task.WaitAll(callers, TimeSpan.FromSeconds(60)), "its callers return");
                Assert.That(SameOutput(Run(beside, random), sound), "a session beside it, afterwards");
            }
            TestContext.Out.WriteLine($"{completed} runs completed before their session ended");
        }
        Assert.That(driver.LiveObjects, Is.Empty);
    }

    [Test]
    public void A_run_may_be_cancelled_at_any_time([ValueSource(nameof(Kinds))] Architecture architecture)
    {
        using RandomModel random = new(7, architecture, sequences: 2);
        using SimulatedDriver driver = new(new SimulatorOptions());
        using (InferenceSession session = Session(random.Model, driver))
        {
            InferenceResult sound = Run(session, random, hidden: true);
            TimeSpan each = TimeSpan.FromTicks(Enumerable.Range(0, 3).Min(_ => Timed(() => Run(session, random, hidden: true)).Ticks));
            int cancelled = 0;
            for (int attempt = 0; attempt < 30; attempt++)
            {
                // By a captured graph, and step by step.
                InferenceResult result = session.CreateResult(hidden: attempt % 2 == 0);
                using CancellationTokenSource source = new(each * attempt / 20);
                try
                {
                    session.Run(random.Batch.Input().Input, result, new RunOptions { Cancellation = source.Token });
                    Assert.That(SameOutput(result, sound), "it came through whole");
                }
                catch (OperationCanceledException)
                {
                    cancelled++;
                    Assert.That(result.Batch, Is.Zero);
                }
            }
            Assert.That(Bits.Same(Run(session, random, hidden: true), sound), "the run after all of them");
            TestContext.Out.WriteLine($"{cancelled} of 30 runs cancelled");
            Assert.That(cancelled, Is.Positive);
        }
        Assert.That(driver.LiveObjects, Is.Empty);
    }

    [Test]
    public void A_session_outlives_its_model_with_workspaces_it_had_not_made_then([ValueSource(nameof(Kinds))] Architecture architecture)
    {
        using RandomModel random = new(9, architecture, sequences: 5);
        using SimulatedDriver driver = new(new SimulatorOptions());
        using (InferenceSession session = Session(random.Model, driver))
        {
            InferenceResult alone = session.CreateResult(hidden: true);
            session.Run(random.Batch.Input(4).Input, alone);
            random.Model.Dispose();
            Assert.Throws<ObjectDisposedException>(() => random.Model.CreateSession(new SessionOptions { Backend = BackendKind.Cpu }));
            InferenceResult together = Run(session, random, hidden: true);
            Assert.That(Bits.Same(together, 4, alone, 0));
        }
        Assert.That(driver.LiveObjects, Is.Empty);
    }

    [Test]
    public async Task Runs_that_wait_their_turn_are_carried_out_before_their_session_ends()
    {
        using RandomModel random = new(5, Architecture.Bert, sequences: 2);
        using SimulatedDriver driver = new(new SimulatorOptions());
        InferenceSession session = Session(random.Model, driver);
        InferenceResult sound = Run(session, random);
        using CancellationTokenSource source = new();
        InferenceResult[] results = [.. Enumerable.Range(0, 6).Select(_ => session.CreateResult())];
        Task[] runs = [.. results.Select((result, i) => session.RunAsync(random.Batch.Input(), result, i % 3 == 2 ? new RunOptions { Cancellation = source.Token } : null).AsTask())];
        source.Cancel();
        session.Dispose();
        for (int i = 0; i < runs.Length; i++)
            try
            {
                await runs[i];
                Assert.That(SameOutput(results[i], sound), $"awaited run {i}");
            }
            catch (OperationCanceledException)
            {
                Assert.That(i % 3, Is.EqualTo(2), "only what was cancelled");
            }
        Assert.That(() => session.RunAsync(random.Batch.Input(), results[0]), Throws.InstanceOf<ObjectDisposedException>());
        Assert.That(driver.LiveObjects, Is.Empty);
    }

    private static InferenceSession Session(AcmModel model, SimulatedDriver driver)
    {
        SessionOptions options = new() { Backend = BackendKind.Simulator, Precision = Precision.Float16, MaxBatch = 8 };
        IBackend backend = BackendFactory.Cuda(model.Plan, options, driver.Start(), BackendKind.Simulator, KernelCache.Default, CompilerSearch.Result.Compiler);
        return new InferenceSession(model.Config, model.Plan, options, backend, "a test");
    }

    private static InferenceResult Run(InferenceSession session, RandomModel random, bool hidden = false)
    {
        InferenceResult result = session.CreateResult(hidden);
        session.Run(random.Batch.Input().Input, result);
        return result;
    }

    private static TimeSpan Timed(Action action)
    {
        var watch = System.Diagnostics.Stopwatch.StartNew();
        action();
        return watch.Elapsed;
    }

    private static bool SameOutput(InferenceResult result, InferenceResult sound) => result.Output.SequenceEqual(sound.Output);
}
