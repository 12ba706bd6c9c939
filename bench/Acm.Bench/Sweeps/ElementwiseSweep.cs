using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Acm.Runtime.Backends.Cpu;
using Acm.Runtime.Plan;
using BenchmarkDotNet.Attributes;

namespace Acm.Bench.Sweeps;

/// <summary>Activations over an image's rows of a hidden layer's 3072 columns, in place of a product's epilogue.</summary>
public class ElementwiseSweep
{
    private readonly float[] _x = new float[197 * 3072], _y = new float[197 * 3072];

    [GlobalSetup]
    public void Fill()
    {
        var random = new Random(9);
        for (int i = 0; i < _x.Length; i++)
            _x[i] = 8 * random.NextSingle() - 4;
    }

    [Benchmark(Baseline = true)]
    public void Copy() => _x.CopyTo(_y, 0);

    [Benchmark]
    public void Exp()
    {
        Span<Vector512<float>> from = MemoryMarshal.Cast<float, Vector512<float>>(_x.AsSpan()), to = MemoryMarshal.Cast<float, Vector512<float>>(_y.AsSpan());
        for (int i = 0; i < from.Length; i++)
            to[i] = Elementwise.Exp(from[i]);
    }

    [Benchmark]
    public void Gelu() => Apply(Activation.Gelu);

    [Benchmark]
    public void GeluTanh() => Apply(Activation.GeluTanh);

    [Benchmark]
    public void Relu() => Apply(Activation.Relu);

    private void Apply(Activation activation)
    {
        Span<Vector512<float>> from = MemoryMarshal.Cast<float, Vector512<float>>(_x.AsSpan()), to = MemoryMarshal.Cast<float, Vector512<float>>(_y.AsSpan());
        for (int i = 0; i < from.Length; i++)
            to[i] = Elementwise.Apply(activation, from[i]);
    }
}
