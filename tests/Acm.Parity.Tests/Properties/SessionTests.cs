using Acm.Runtime;
using Acm.Testing;
using NUnit.Framework;

namespace Acm.Parity.Tests.Properties;

/// <summary>What a service relies on: bad calls refused with both numbers, the session usable after anything, no allocation, many callers.</summary>
public class SessionTests
{
    private static readonly Architecture[] Kinds = Enum.GetValues<Architecture>();

    [Test]
    public void Bad_calls_are_refused_and_the_session_goes_on([ValueSource(nameof(Kinds))] Architecture architecture, [Values(BackendKind.Reference, BackendKind.Cpu)] BackendKind backend)
    {
        using var random = new RandomModel(5, architecture, sequences: 2);
        using var session = random.Model.CreateSession(new SessionOptions { Backend = backend, MaxBatch = 2, MaxLength = 1000 });
        InferenceResult before = session.CreateResult(), result = session.CreateResult();
        session.Run(random.Batch.Input().Input, before);
        foreach (var (input, message) in BadInputs(random))
        {
            var error = Assert.Throws<ArgumentException>(() => session.Run(input.Input, result))!;
            Assert.That(error.Message, Does.Match(message));
            Assert.That(result.Batch, Is.Zero);
        }
        string path = random.Model.Sites[0].Path;
        int learners = random.Model.Sites[0].Learners, tokens = before.Tokens;
        (RunOptions Options, string Message)[] bad =
        [
            (new RunOptions { Budget = 0.5, Lambda = 1 }, "At most 1.*2"),
            (new RunOptions { Budget = 1.5 }, "1.5|1,5"),
            (new RunOptions { Budget = double.NaN }, "NaN"),
            (new RunOptions { Lambda = double.PositiveInfinity }, "finite"),
            (new RunOptions { Lambda = -1e308 }, "1e37"),
            (new RunOptions { FixedLearners = -1 }, "-1"),
            (new RunOptions { FixedLearners = 17 }, "17"),
            (new RunOptions { ForcedK = Forced("nowhere", new int[tokens]) }, "nowhere"),
            (new RunOptions { ForcedK = Forced(path, new int[tokens + 1]) }, $"{tokens + 1}.*{tokens}"),
            (new RunOptions { ForcedK = Forced(path, [.. new int[tokens - 1], learners + 1]) }, $"{learners + 1}.*{learners}"),
            (new RunOptions { ForcedK = Forced(path, [.. new int[tokens - 1], -1]) }, "-1"),
        ];
        foreach (var (options, message) in bad)
        {
            Assert.That(() => session.Run(random.Batch.Input().Input, result, options), Throws.InstanceOf<ArgumentException>().With.Message.Matches(message));
        }
        Assert.Throws<OperationCanceledException>(() => session.Run(random.Batch.Input().Input, result, new RunOptions { Cancellation = new CancellationToken(true) }));
        using var other = random.Model.CreateSession(new SessionOptions { Backend = backend });
        using var another = new RandomModel(6, architecture);
        Assert.Throws<ArgumentException>(() => session.Run(random.Batch.Input().Input, another.Session(backend).CreateResult()));
        session.Run(random.Batch.Input().Input, result);
        Assert.That(Bits.Same(before, result));
        session.Dispose();
        Assert.Throws<ObjectDisposedException>(() => session.Run(random.Batch.Input().Input, result));
    }

    [Test]
    public void A_run_can_be_cancelled_between_two_steps([Values(BackendKind.Reference, BackendKind.Cpu)] BackendKind backend)
    {
        using var random = new RandomModel(5, Architecture.Wav2Vec2);
        using var session = random.Session(backend);
        var result = session.CreateResult();
        int cancelled = 0;
        for (int attempt = 0; attempt < 200; attempt++)
        {
            using var source = new CancellationTokenSource();
            int spins = attempt * 1000;
            var timer = new Thread(() =>
            {
                Thread.SpinWait(spins);
                source.Cancel();
            });
            timer.Start();
            try
            {
                session.Run(random.Batch.Input().Input, result, new RunOptions { Cancellation = source.Token });
                Assert.That(result.Batch, Is.EqualTo(3));
            }
            catch (OperationCanceledException)
            {
                cancelled++;
                Assert.That(result.Batch, Is.Zero);
            }
            timer.Join();
        }
        TestContext.Out.WriteLine($"{cancelled} of 200 runs cancelled under way or before");
    }

    [Test]
    public async Task Many_callers_get_the_bits_of_one([ValueSource(nameof(Kinds))] Architecture architecture, [Values] bool asynchronous)
    {
        using var random = new RandomModel(7, architecture, sequences: 4);
        using var session = random.Session(BackendKind.Cpu, threads: 2);
        var alone = Enumerable.Range(0, 4).Select(s => random.Run(BackendKind.Cpu, random.Batch.Input(s))).ToArray();
        await Parallel.ForAsync(0, 200, new ParallelOptions { MaxDegreeOfParallelism = 8 }, async (i, _) =>
        {
            var result = session.CreateResult(hidden: true);
            var input = random.Batch.Input(i % 4);
            if (asynchronous)
            {
                await session.RunAsync(input, result);
            }
            else
            {
                session.Run(input.Input, result);
            }
            Assert.That(Bits.Same(result, alone[i % 4]), $"run {i}");
        });
    }

    [Test]
    public async Task An_awaited_run_fails_as_the_run_would()
    {
        using var random = new RandomModel(7, Architecture.Vit);
        using var session = random.Session(BackendKind.Cpu);
        var result = session.CreateResult();
        await Assert.ThrowsAsync<ArgumentException>(async () => await session.RunAsync(ModelInputMemory.Pixels(new float[1]), result, new RunOptions { Lambda = double.NaN }));
        await Assert.ThrowsAsync<OperationCanceledException>(async () => await session.RunAsync(random.Batch.Input(), result, new RunOptions { Cancellation = new CancellationToken(true) }));
        await session.RunAsync(random.Batch.Input(), result);
        Assert.That(result.Batch, Is.EqualTo(3));
    }

    [Test]
    public async Task After_warm_up_no_run_allocates([ValueSource(nameof(Kinds))] Architecture architecture, [Values] bool outputOnly)
    {
        using var random = new RandomModel(9, architecture, sequences: 2);
        using var session = random.Session(BackendKind.Cpu);
        var result = session.CreateResult(hidden: !outputOnly, routing: !outputOnly);
        var input = random.Batch.Input();
        RunOptions[] options =
        [
            new(), new() { Budget = 0.4 }, new() { Lambda = 1.5 }, new() { FixedLearners = 1 },
            new() { ForcedK = random.ChoicesOf(random.Run(BackendKind.Cpu, input)) },
        ];
        for (int round = 0; round < 3; round++)
        {
            foreach (var option in options)
            {
                session.Run(input.Input, result, option);
            }
        }
        for (int i = 0; i < options.Length; i++)
        {
            Assert.That(Allocation.OfThisThread(() => session.Run(input.Input, result, options[i])), Is.Zero, $"bytes on the calling thread, options {i}");
        }
        Assert.That(await Allocation.OfAllThreads(() => session.RunAsync(input, result), runs: 3), Is.Zero, "bytes of three awaited runs, on all threads");
    }

    [Test]
    public void Disposing_waits_for_the_runs_under_way()
    {
        using var random = new RandomModel(9, Architecture.Bert);
        for (int attempt = 0; attempt < 50; attempt++)
        {
            var session = random.Session(BackendKind.Cpu);
            var runs = Enumerable.Range(0, 4).Select(_ => Task.Run(() =>
            {
                var result = session.CreateResult();
                try
                {
                    while (true)
                    {
                        session.Run(random.Batch.Input().Input, result);
                    }
                }
                catch (ObjectDisposedException)
                {
                    return result.Batch;
                }
            })).ToArray();
            Thread.Yield();
            session.Dispose();
            Assert.That(Task.WaitAll(runs, TimeSpan.FromSeconds(20)), "runs end");
        }
    }

    [Test]
    public void Warm_up_and_budgets([ValueSource(nameof(Kinds))] Architecture architecture)
    {
        using var random = new RandomModel(9, architecture);
        using var session = random.Session(BackendKind.Cpu);
        session.WarmUp(2);
        var result = session.CreateResult();
        session.Run(random.Batch.Input().Input, result, new RunOptions { Budget = 0.7 });
        Assert.That(result.Budget, Is.EqualTo(new AppliedBudget(0.7, result.Budget.Lambda, 0.7, false, null)));
        Assert.That(result.Budget.Lambda, Is.EqualTo(0.5).Within(1e-12));
        session.Run(random.Batch.Input().Input, result, new RunOptions { Budget = 0.1 });
        Assert.That(result.Budget, Is.EqualTo(new AppliedBudget(0.1, 2, 0.2, true, null)), "outside the calibration: its end, and said so");
        session.Run(random.Batch.Input().Input, result);
        Assert.That(result.Budget, Is.EqualTo(new AppliedBudget(null, 0, 0.9, false, null)));
        foreach (var (lambda, fraction) in ((double, double?)[])[(2, 0.2), (2.01, null), (-0.01, null), (0.5, 0.7)])
        {
            session.Run(random.Batch.Input().Input, result, new RunOptions { Lambda = lambda });
            Assert.That((result.Budget.Lambda, result.Budget.OutsideCalibration, result.Budget.Clamped), Is.EqualTo((lambda, fraction is null, false)));
            Assert.That(result.Budget.Fraction, fraction is null ? Is.Null : Is.EqualTo(fraction).Within(1e-12), "what was not measured is not told");
        }
        Assert.Throws<ArgumentOutOfRangeException>(() => session.WarmUp(0));
        Assert.Throws<ArgumentOutOfRangeException>(() => session.WarmUp(65));
        Assert.Throws<BackendUnavailableException>(() => random.Model.CreateSession(new SessionOptions { Backend = BackendKind.Cpu, Precision = Precision.BFloat16 }));
    }

    private static Dictionary<string, ReadOnlyMemory<int>> Forced(string path, int[] k) => new() { [path] = k };

    private static IEnumerable<(ModelInputMemory Input, string Message)> BadInputs(RandomModel random)
    {
        int width = random.Model.Plan.InputWidth;
        switch (random.Model.Architecture)
        {
            case Architecture.Vit:
                yield return (ModelInputMemory.Pixels(new float[width + 1]), $"{width}.*{width + 1}");
                yield return (ModelInputMemory.Pixels(Array.Empty<float>()), $"{width}.*0");
                yield return (ModelInputMemory.Pixels(new float[3 * width]), "3.*2");
                yield return (ModelInputMemory.Samples(new float[width], new[] { width }), "pixels.*samples");
                break;
            case Architecture.Bert:
                int most = random.Model.Config.Bert!.MaxPositions;
                yield return (ModelInputMemory.Text(new int[3], new[] { 2 }), "2.*3");
                yield return (ModelInputMemory.Text(Array.Empty<int>(), Array.Empty<int>()), "0.*1");
                yield return (ModelInputMemory.Text(new int[3], new[] { 3, 0 }), "0.*1");
                yield return (ModelInputMemory.Text(new int[most + 1], new[] { most + 1 }), $"{most + 1}.*{most}");
                yield return (ModelInputMemory.Text(new[] { 0, 30 }, new[] { 2 }), "30.*29");
                yield return (ModelInputMemory.Text(new[] { 0, -1 }, new[] { 2 }), "-1.*29");
                yield return (ModelInputMemory.Text(new int[2], new[] { 2 }, new[] { 0, 2 }), "2.*1");
                yield return (ModelInputMemory.Text(new int[2], new[] { 2 }, new[] { 0 }), "2.*1");
                yield return (ModelInputMemory.Text(new int[3], new[] { 1, 1, 1 }), "3.*2");
                yield return (ModelInputMemory.Pixels(new float[2]), "word pieces.*pixels");
                break;
            default:
                yield return (ModelInputMemory.Samples(new float[900], new[] { 899 }), "899.*900");
                yield return (ModelInputMemory.Samples(new float[1200], new[] { 600, 600 }), "1200.*1000");
                yield return (ModelInputMemory.Samples(new float[300], new[] { 300, 0 }), "0");
                yield return (ModelInputMemory.Samples(new float[300], new[] { int.MaxValue, int.MaxValue }), "4294967294.*1000");
                yield return (ModelInputMemory.Text(new int[2], new[] { 2 }), "samples.*word pieces");
                break;
        }
    }
}
