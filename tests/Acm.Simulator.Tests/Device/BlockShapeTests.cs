using NUnit.Framework;

namespace Acm.Simulator.Tests.Device;

/// <summary>What a kernel says of the blocks that it may be launched with.</summary>
public sealed class BlockShapeTests
{
    [TestCase(".reqntid 64", 64, 1, true), TestCase(".reqntid 64", 32, 2, false), TestCase(".reqntid 64", 32, 1, false)]
    [TestCase(".reqntid 32, 2", 32, 2, true), TestCase(".reqntid 32, 2", 64, 1, false)]
    [TestCase(".maxntid 64", 32, 2, true), TestCase(".maxntid 64", 16, 1, true), TestCase(".maxntid 64", 65, 1, false)]
    public void A_block_is_as_its_kernel_says(string directive, int x, int y, bool runs)
    {
        using SimulatedDevice device = new(new SimulatorOptions());
        using SimulatedModule module = device.Load($".version 8.0\n.target sm_80\n.address_size 64\n.visible .entry k() {directive} {{ ret; }}");
        void Launch() => device.Launch(module.GetKernel("k"), new Dim3(1), new Dim3(x, y), 0, []);
        Assert.That(Launch, runs ? Throws.Nothing : Throws.ArgumentException.With.Message.Contains("'k'"));
    }
}
