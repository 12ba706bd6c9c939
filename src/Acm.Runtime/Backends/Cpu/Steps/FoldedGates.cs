using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Acm.Runtime.Plan;

namespace Acm.Runtime.Backends.Cpu.Steps;

/// <summary>
/// Purely linear gates of ACMs that read the same rows, each folded in double into one affine map, side by side: a product too slim for the
/// GEMM's panels. Logits of a row are summed over its values in order, whatever rows stand beside it.
/// </summary>
internal sealed unsafe class FoldedGates
{
    /// <summary>Rows computed at once.</summary>
    public const int Rows = 8;

    private const int Lanes = 16;
    private readonly float* _weight, _bias;
    private readonly int _depth;

    /// <param name="gates">At least one, all of the same input width.</param>
    /// <param name="backend">Owns the folded weights.</param>
    public FoldedGates(IEnumerable<Gate> gates, CpuBackend backend)
    {
        (double[] Weight, double[] Bias)[] folded = [.. gates.Select(GateFolding.Fold)];
        double[] weight = [.. folded.SelectMany(static gate => gate.Weight)], bias = [.. folded.SelectMany(static gate => gate.Bias)];
        _depth = weight.Length / bias.Length;
        Width = (bias.Length + Lanes - 1) / Lanes * Lanes;
        float[] packed = new float[Width * _depth], padded = new float[Width];
        for (int output = 0; output < bias.Length; output++)
        {
            padded[output] = (float)bias[output];
            for (int i = 0; i < _depth; i++)
                packed[output / Lanes * Lanes * _depth + i * Lanes + output % Lanes] = (float)weight[output * _depth + i];
        }
        _weight = backend.Keep(packed);
        _bias = backend.Keep(padded);
    }

    /// <summary>Logits of a row: all gates' one after the other, filled up to whole vectors.</summary>
    public int Width { get; }

    /// <summary>Computes the logits of up to <see cref="Rows"/> rows.</summary>
    /// <param name="x">First row.</param>
    /// <param name="stride">From one row to the next.</param>
    /// <param name="rows">1 to <see cref="Rows"/>.</param>
    /// <param name="logits">[<see cref="Rows"/>, <see cref="Width"/>]; rows past <paramref name="rows"/> repeat the last.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Logits(float* x, nint stride, int rows, float* logits)
    {
        float* x0 = x, x1 = x + Math.Min(1, rows - 1) * stride, x2 = x + Math.Min(2, rows - 1) * stride, x3 = x + Math.Min(3, rows - 1) * stride;
        float* x4 = x + Math.Min(4, rows - 1) * stride, x5 = x + Math.Min(5, rows - 1) * stride, x6 = x + Math.Min(6, rows - 1) * stride;
        float* x7 = x + Math.Min(7, rows - 1) * stride, w = _weight;
        for (int column = 0; column < Width; column += Lanes)
        {
            Vector512<float> y0 = Vector512<float>.Zero, y1 = y0, y2 = y0, y3 = y0, y4 = y0, y5 = y0, y6 = y0, y7 = y0;
            for (int i = 0; i < _depth; i++, w += Lanes)
            {
                Vector512<float> weight = Vector512.Load(w);
                y0 = Vector512.FusedMultiplyAdd(Vector512.Create(x0[i]), weight, y0);
                y1 = Vector512.FusedMultiplyAdd(Vector512.Create(x1[i]), weight, y1);
                y2 = Vector512.FusedMultiplyAdd(Vector512.Create(x2[i]), weight, y2);
                y3 = Vector512.FusedMultiplyAdd(Vector512.Create(x3[i]), weight, y3);
                y4 = Vector512.FusedMultiplyAdd(Vector512.Create(x4[i]), weight, y4);
                y5 = Vector512.FusedMultiplyAdd(Vector512.Create(x5[i]), weight, y5);
                y6 = Vector512.FusedMultiplyAdd(Vector512.Create(x6[i]), weight, y6);
                y7 = Vector512.FusedMultiplyAdd(Vector512.Create(x7[i]), weight, y7);
            }
            Vector512<float> bias = Vector512.Load(_bias + column);
            float* to = logits + column;
            (y0 + bias).Store(to);
            (y1 + bias).Store(to + Width);
            (y2 + bias).Store(to + 2 * Width);
            (y3 + bias).Store(to + 3 * Width);
            (y4 + bias).Store(to + 4 * Width);
            (y5 + bias).Store(to + 5 * Width);
            (y6 + bias).Store(to + 6 * Width);
            (y7 + bias).Store(to + 7 * Width);
        }
    }
}
