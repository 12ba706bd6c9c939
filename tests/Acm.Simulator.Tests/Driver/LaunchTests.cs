using System.Text;
using Acm.Native;
using Acm.Native.Driver;
using Acm.Simulator.Driver;
using NUnit.Framework;
using Extents = Acm.Native.Dim3;

namespace Acm.Simulator.Tests.Driver;

/// <summary>What a launch hands over: arguments, extents, attributes.</summary>
[TestFixture]
internal sealed class LaunchTests : DriverFixture
{
    [Test]
    public void Arguments_are_the_bits_of_their_values()
    {
        KernelArgument integer = -1, whole = -1L, single = 1.5f, real = 1.5;
        Assert.That((integer.Bits, whole.Bits), Is.EqualTo((0xffff_fffful, ulong.MaxValue)));
        Assert.That((single.Bits, real.Bits), Is.EqualTo((0x3fc0_0000ul, 0x3ff8_0000_0000_0000ul)));
        Assert.That((KernelArgument.From((short)-1).Bits, KernelArgument.From(1.5).Bits), Is.EqualTo((0xfffful, real.Bits)), "up to 8 bytes");
        Assert.Throws<ArgumentException>(() => KernelArgument.From(1m));
    }

    [Test]
    public void More_arguments_than_are_served_are_refused_with_both_numbers() =>
        Assert.That(() => _module.Kernel("add").Launch(_stream, new(1, 1), new KernelArgument[129]), Throws.TypeOf<ArgumentException>().With.Message.Contains("129").And.Message.Contains("128"));

    // A sum in which every argument has a weight of its own.
    [Test]
    public void As_many_arguments_as_are_served_arrive_in_their_order()
    {
        string[] numbers = [.. Enumerable.Range(1, 127).Select(static i => $"p{i}")];
        string ptx = $$"""
            .version 7.0
            .target sm_75
            .address_size 64
            .visible .entry many(.param .u64 to, {{string.Join(", ", numbers.Select(static name => $".param .u32 {name}"))}})
            {
                .reg .b32 %r<3>;
                .reg .b64 %rd<3>;
                mov.u32 %r1, 0;
                {{string.Join('\n', numbers.Select(static (name, i) => $"ld.param.u32 %r2, [{name}]; mad.lo.u32 %r1, %r2, {i + 1}, %r1;"))}}
                ld.param.u64 %rd1, [to];
                cvta.to.global.u64 %rd2, %rd1;
                st.global.u32 [%rd2], %r1;
                ret;
            }
            """;
        using CudaModule module = new(_context, Encoding.ASCII.GetBytes(ptx), "many.ptx");
        using DeviceMemory to = new(_stream, 4);
        module.Kernel("many").Launch(_stream, new(1, 1), [to, .. Enumerable.Range(1, 127).Select(static i => (KernelArgument)(3 * i))]);
        int[] sum = new int[1];
        _stream.Download(to.All, sum.AsSpan());
        _stream.Synchronize();
        Assert.That(sum[0], Is.EqualTo(Enumerable.Range(1, 127).Sum(static i => 3 * i * i)));
    }

    [Test]
    public void The_extents_of_a_block_keep_their_order()
    {
        CudaKernel add = _module.Kernel("add");
        using DeviceMemory x = new(_stream, 4);
        _stream.Fill(x.All, 0u);
        add.Launch(_stream, new(1, new Extents(1, 128)), x, 0, 1f);
        Assert.Throws<CudaLaunchException>(() => add.Launch(_stream, new(1, new Extents(1, 1, 128)), x, 0, 1f), "at most 64 in z");
    }

    [Test]
    public void The_extents_of_grids_and_clusters_keep_their_order()
    {
        using SimulatedDriver hopper = new(new SimulatorOptions { Profile = DeviceProfile.H100 });
        using CudaContext context = CudaContext.Primary(hopper.Start().Devices[0]);
        using CudaStream stream = new(context);
        CudaKernel add = Kernels.Load(context).Kernel("add");
        foreach (Extents extents in new Extents[] { new(2), new(1, 2), new(1, 1, 2) })
            Assert.DoesNotThrow(() => add.Launch(stream, new LaunchShape(extents, 32) { Cluster = extents }, 0L, 0, 0f), $"{extents}");
        Assert.Throws<CudaLaunchException>(() => add.Launch(stream, new LaunchShape(new(1, 2), 32) { Cluster = new(1, 1, 2) }, 0L, 0, 0f));
    }

    [Test]
    public void An_attribute_alone_reaches_the_driver()
    {
        CudaKernel add = _module.Kernel("add");
        LaunchShape dependent = new(1, 32) { Programmatic = true }, together = new(1_000_000, 32) { Cooperative = true };
        Assert.That(Assert.Throws<CudaLaunchException>(() => add.Launch(_stream, dependent, 0L, 0, 0f))!.Name, Is.EqualTo("CUDA_ERROR_NOT_SUPPORTED"), "an A100");
        Assert.That(Assert.Throws<CudaLaunchException>(() => add.Launch(_stream, together, 0L, 0, 0f))!.Name, Is.EqualTo("CUDA_ERROR_COOPERATIVE_LAUNCH_TOO_LARGE"));
    }
}
