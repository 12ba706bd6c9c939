using Acm.Native;
using Acm.Native.Compile;
using Acm.Runtime;
using Acm.Runtime.Backends;
using Acm.Runtime.Plan;
using Acm.Simulator;
using Acm.Simulator.Driver;
using Acm.Testing;
using NUnit.Framework;
using Buffer = Acm.Runtime.Plan.Buffer;

namespace Acm.Parity.Tests.Device;

/// <summary>Rows are normalised in a block's shared memory: as wide as that takes them they are, and a wider model is refused before it runs.</summary>
[TestFixture]
internal sealed class WideRowsTests
{
    // Eight rows of floats at a time, whole groups of columns, and less than a kilobyte for what is made of them.
    private const int BytesOfColumn = 8 * sizeof(float), Group = 128, Rest = 1024;

    private static IEnumerable<TestCaseData> Profiles() => DeviceProfile.All.Select(static profile => new TestCaseData(profile).SetArgDisplayNames(profile.Name));

    [TestCaseSource(nameof(Profiles))]
    public void Are_normalised_up_to_what_a_block_takes_and_refused_beyond(DeviceProfile profile)
    {
        using SimulatedDriver driver = new(new SimulatorOptions { Profile = profile });
        CudaDriver started = driver.Start();
        int room = profile.SharedPerBlockOptIn, widest = (room - Rest) / BytesOfColumn / Group * Group;
        double[] want = Normalised(widest, OpBench.Backends[0].Make);
        Assert.That(Normalised(widest, Make), Is.EqualTo(want).Within(1e-6));
        BackendUnavailableException error = Assert.Throws<BackendUnavailableException>(() => Normalised(widest + 1, Make))!;
        Assert.That(error.Backend, Is.EqualTo(BackendKind.Simulator));
        Assert.That(error.Message, Does.Contain($" {widest + 1} ").And.Contain($" {room}."));
        Assert.That(driver.LiveObjects, Is.Empty);

        IBackend Make(ForwardPlan plan) => BackendFactory.Cuda(
            plan, new SessionOptions { Precision = Precision.Float32 }, started, BackendKind.Simulator, KernelCache.Default, CompilerSearch.Result.Compiler);
    }

    private static double[] Normalised(int width, Func<ForwardPlan, IBackend> make)
    {
        Random random = new(width);
        float[] Values(int count) => [.. Enumerable.Range(0, count).Select(_ => 2 * random.NextSingle() - 1)];
        OpBench bench = new(3);
        Buffer x = bench.Input("x", Values(3 * width), width), y = new("y", bench.Rows, width);
        bench.Add(new LayerNorm(x, y, new ArrayWeight("weight", Values(width), width), new ArrayWeight("bias", Values(width), width), 1e-5));
        return bench.Run(make, y).Output;
    }
}
