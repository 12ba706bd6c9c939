using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using Acm.Native.Compile;
using Acm.Simulator.Arithmetic;
using Acm.Simulator.Tests.Arithmetic;
using Acm.Testing;
using NUnit.Framework;

namespace Acm.Simulator.Tests.Device;

/// <summary>One tensor-core kernel through every compiler at hand: the same bits, and those of the hardware's arithmetic done by hand.</summary>
public sealed class GemmTests
{
    private const int M = 64, N = 96, K = 80;

    [Test]
    public void Every_compiler_gives_the_bits_of_the_hardware_arithmetic([Values(false, true)] bool isChecked, [Values(0, 5)] int seed)
    {
        List<IKernelCompiler> compilers = [.. Compilers()];
        if (compilers.Count == 0)
            Assert.Ignore("no compiler for CUDA C++ here: neither NVRTC (shared/cuda) nor clang with the NVPTX target");
        string text = File.ReadAllText(SharedFolder.Data("kernels", "gemm.cu"));
        var request = new CompileRequest(KernelSource.Collect("gemm.cu", _ => text), "80", KernelImageKind.Ptx);
        var random = new Random(12);
        ushort[] a = Draw(M * K), b = Draw(K * N);
        uint[] want = ByHand(a, b);
        foreach (IKernelCompiler compiler in compilers)
        {
            string ptx = Encoding.UTF8.GetString(compiler.Compile(request).Image);
            var options = new SimulatorOptions { Mode = isChecked ? ExecutionMode.Checked : ExecutionMode.Fast, Seed = seed };
            (uint[] got, LaunchReport report) = Run(ptx, options, a, b);
            for (int i = 0; i < got.Length; i++)
                Assert.That(got[i], Is.EqualTo(want[i]), $"{compiler.Name}: c[{i / N},{i % N}] = {BitConverter.UInt32BitsToSingle(got[i]):r}, by hand {BitConverter.UInt32BitsToSingle(want[i]):r}");
            Assert.That(report.Counters.MatrixFlops, Is.EqualTo(2L * M * N * K), $"{compiler.Name}: no product is computed twice or left out");
        }

        TestContext.Out.WriteLine(string.Join(", ", compilers.Select(c => c.Name)));

        // Values over 16 binades: sums that round and cancel.
        ushort[] Draw(int count) =>
            [.. Enumerable.Range(0, count).Select(_ => (ushort)FloatFormat.Bf16.Round((random.NextDouble() - 0.5) * Math.Pow(2, random.Next(-8, 8)), Rounding.NearestEven))];
    }

    private static IEnumerable<IKernelCompiler> Compilers()
    {
        foreach (string path in SourceTreeCompilers.Nvrtc())
            if (NvrtcCompiler.TryOpen(path, out _) is { } nvrtc)
                yield return nvrtc;
        foreach (string name in new[] { "clang", "clang-14" })
            if (ClangCompiler.TryOpen(name, out _) is { } clang)
                yield return clang;
    }

    /// <summary>Ampere: steps of eight products and the sum so far, each cut to 24 fraction bits below the largest.</summary>
    private static uint[] ByHand(ushort[] a, ushort[] b)
    {
        var shape = new MmaShape(16, 8, K, MmaType.Bf16, MmaType.Bf16, MmaType.F32, MmaType.F32);
        var c = new uint[M * N];
        for (int i = 0; i < c.Length; i++)
        {
            ulong[] row = [.. Enumerable.Range(0, K).Select(s => (ulong)a[(i / N * K) + s])], column = [.. Enumerable.Range(0, K).Select(s => (ulong)b[(s * N) + (i % N)])];
            c[i] = (uint)MmaPropertyTests.Plain(shape, new MmaHardware.Plan(8, 24, uint.MaxValue), row, column, 0);
        }

        return c;
    }

    private static (uint[] Result, LaunchReport Report) Run(string ptx, SimulatorOptions options, ushort[] a, ushort[] b)
    {
        using SimulatedDevice device = new(options);
        ulong pa = device.Allocate((ulong)a.Length * 2, "a"), pb = device.Allocate((ulong)b.Length * 2, "b"), pc = device.Allocate(M * N * 4, "c");
        device.Write(pa, MemoryMarshal.AsBytes<ushort>(a));
        device.Write(pb, MemoryMarshal.AsBytes<ushort>(b));
        byte[] parameters = new byte[32];
        BinaryPrimitives.WriteUInt64LittleEndian(parameters, pa);
        BinaryPrimitives.WriteUInt64LittleEndian(parameters.AsSpan(8), pb);
        BinaryPrimitives.WriteUInt64LittleEndian(parameters.AsSpan(16), pc);
        BinaryPrimitives.WriteInt32LittleEndian(parameters.AsSpan(24), N);
        BinaryPrimitives.WriteInt32LittleEndian(parameters.AsSpan(28), K);
        using SimulatedModule module = device.Load(ptx);
        LaunchReport report = device.Launch(module.GetKernel("gemm"), new Dim3(N / 32, M / 32, 1), new Dim3(128, 1, 1), 0, parameters);
        var result = new uint[M * N];
        device.Read(pc, MemoryMarshal.AsBytes(result.AsSpan()));
        return (result, report);
    }
}
