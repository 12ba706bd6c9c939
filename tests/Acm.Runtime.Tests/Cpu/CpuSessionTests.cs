using System.Runtime;
using Acm.Runtime.Backends.Cpu;
using Acm.Testing;
using NUnit.Framework;

namespace Acm.Runtime.Tests.Cpu;

[TestFixture]
public sealed class CpuSessionTests
{
    private static string Package() => SharedFolder.Data("vit-tiny");

    private static InferenceSession Session(AcmModel model, int threads) =>
        model.CreateSession(new SessionOptions { Backend = BackendKind.Cpu, Threads = threads, MaxBatch = 64 });

    private static float[] Pixels(AcmModel model, int batch)
    {
        var random = new Random(9);
        float[] pixels = new float[batch * PixelsPerImage(model)];
        for (int i = 0; i < pixels.Length; i++)
            pixels[i] = 2 * random.NextSingle() - 1;
        return pixels;
    }

    private static int PixelsPerImage(AcmModel model) => model.Plan.InputWidth;

    [Test]
    public void RowsHaveTheirBitsInAnyBatchOnAnyThreads([Values(1, 2, 3, 4)] int threads)
    {
        using var model = AcmModel.Load(Package());
        using var single = Session(model, 1);
        using var session = Session(model, threads);
        const int most = 64;
        float[] pixels = Pixels(model, most);
        int size = PixelsPerImage(model);
        float[][] alone = new float[most][];
        var result = single.CreateResult();
        for (int i = 0; i < most; i++)
        {
            single.Run(ModelInput.Pixels(pixels.AsSpan(i * size, size)), result);
            alone[i] = result.Output.ToArray();
        }
        result = session.CreateResult();
        foreach (int batch in (int[])[1, 2, 7, 33, 64])
        {
            session.Run(ModelInput.Pixels(pixels.AsSpan(0, batch * size)), result);
            for (int i = 0; i < batch; i++)
                Assert.That(result.Output.Slice(i * result.OutputWidth, result.OutputWidth).ToArray(), Is.EqualTo(alone[i]), $"image {i} of {batch}");
        }
    }

    [Test]
    public void AnyMostBatchMayBeNamedAndCostsNothingBeforeItRuns()
    {
        using var model = AcmModel.Load(Package());
        long before = GC.GetTotalAllocatedBytes(precise: true);
        using var session = model.CreateSession(new SessionOptions { Backend = BackendKind.Cpu, MaxBatch = int.MaxValue });
        Assert.That(GC.GetTotalAllocatedBytes(precise: true) - before, Is.LessThan(64 << 20));
        var result = session.CreateResult();
        foreach (int batch in (int[])[1, 3, 2])
        {
            session.Run(ModelInput.Pixels(Pixels(model, batch)), result);
            Assert.That(result.Batch, Is.EqualTo(batch));
        }
    }

    [Test]
    public void NaNInAnImageSpoilsThatImageOnly()
    {
        using var model = AcmModel.Load(Package());
        using var session = Session(model, 2);
        float[] pixels = Pixels(model, 4);
        var clean = session.CreateResult();
        var spoiled = session.CreateResult();
        session.Run(ModelInput.Pixels(pixels), clean);
        pixels[2 * PixelsPerImage(model) + 5] = float.NaN;
        session.Run(ModelInput.Pixels(pixels), spoiled);
        for (int i = 0; i < spoiled.Output.Length; i++)
            Assert.That(spoiled.Output[i], i / spoiled.OutputWidth == 2 ? Is.NaN : Is.EqualTo(clean.Output[i]));
    }

    // By itself: who waits for a core for the first time, because other tests compute, allocates what he waits on.
    [Test]
    [NonParallelizable]
    public void NothingIsAllocatedAfterWarmUp([Values(1, 2)] int threads)
    {
        using var model = AcmModel.Load(Package());
        using var session = Session(model, threads);
        float[] pixels = Pixels(model, 4);
        var result = session.CreateResult();
        for (int i = 0; i < 50; i++)
            session.Run(ModelInput.Pixels(pixels), result);
        long allocated = Allocation.OfThisThread(() =>
        {
            for (int i = 0; i < 100; i++)
                session.Run(ModelInput.Pixels(pixels), result);
        });
        Assert.That(allocated, Is.Zero);
    }

    [Test]
    [NonParallelizable]
    public async Task NothingIsAllocatedByAsynchronousRunsEither()
    {
        using var model = AcmModel.Load(Package());
        using var session = Session(model, 2);
        float[] pixels = Pixels(model, 4);
        var result = session.CreateResult();
        long allocated = await Allocation.OfAllThreads(() => session.RunAsync(ModelInputMemory.Pixels(pixels), result), runs: 3).ConfigureAwait(false);
        Assert.That(allocated, Is.Zero);
    }

    /// <summary>Register tiles are methods of their own, of which a routing takes these or those.</summary>
    [Test]
    [NonParallelizable]
    public void AWarmSessionCompilesNothingForAnotherRouting()
    {
        using var model = AcmModel.Load(SharedFolder.Need("models", "vit-chars"));
        using var session = Session(model, 1);
        session.WarmUp(1);
        float[] pixels = Pixels(model, 1);
        var result = session.CreateResult();
        session.Run(ModelInput.Pixels(pixels), result, Forced(0));
        int least = Math.Min(GemmKernels.MostRows, result.Tokens);
        for (int rows = 1; rows <= least; rows++)
        {
            RunOptions options = Forced(rows);
            long before = JitInfo.GetCompiledMethodCount(currentThread: true);
            session.Run(ModelInput.Pixels(pixels), result, options);
            Assert.That(JitInfo.GetCompiledMethodCount(currentThread: true) - before, Is.Zero, $"all learners for {rows} rows");
        }

        RunOptions Forced(int rows) => new()
        {
            ForcedK = model.Sites.ToDictionary(
                static site => site.Path,
                site => (ReadOnlyMemory<int>)Enumerable.Range(0, model.Plan.Tokens.RowsOf(1)).Select(token => token < rows ? site.Learners : site.MinK).ToArray()),
        };
    }

    [Test]
    [NonParallelizable]
    public void AWarmSessionAllocatesNothingAtItsFirstRun([Values(1, 4)] int batch, [Values] bool routing)
    {
        using var model = AcmModel.Load(SharedFolder.Need("models", "vit-chars"));
        using var session = Session(model, 2);
        session.WarmUp(batch);
        float[] pixels = Pixels(model, batch);
        var result = session.CreateResult(routing: routing);
        // The result is the caller's, and grows at its own first run: at the least width, so that little else does.
        session.Run(ModelInput.Pixels(pixels), result, new RunOptions { FixedLearners = 1 });
        Assert.That(Allocation.OfThisThread(() => session.Run(ModelInput.Pixels(pixels), result)), Is.Zero);
    }

    [Test]
    public void ManyCallersOfOneSessionGetTheirOwnResults()
    {
        using var model = AcmModel.Load(Package());
        using var session = Session(model, 2);
        int size = PixelsPerImage(model);
        float[] pixels = Pixels(model, 8);
        float[][] alone = new float[8][];
        var result = session.CreateResult();
        for (int i = 0; i < 8; i++)
        {
            session.Run(ModelInput.Pixels(pixels.AsSpan(i * size, size)), result);
            alone[i] = result.Output.ToArray();
        }
        int wrong = 0;
        Thread[] callers = [.. Enumerable.Range(0, 8).Select(i => new Thread(() =>
        {
            var mine = session.CreateResult();
            for (int call = 0; call < 50; call++)
            {
                session.Run(ModelInput.Pixels(pixels.AsSpan(i * size, size)), mine);
                if (!mine.Output.SequenceEqual(alone[i]))
                    Interlocked.Increment(ref wrong);
            }
        }))];
        foreach (Thread caller in callers)
            caller.Start();
        foreach (Thread caller in callers)
            caller.Join();
        Assert.That(wrong, Is.Zero);
    }
}
