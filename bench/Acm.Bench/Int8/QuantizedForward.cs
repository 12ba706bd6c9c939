using System.Numerics;
using Acm.Runtime.Backends.Reference;
using Acm.Runtime.Plan;
using Buffer = Acm.Runtime.Plan.Buffer;

namespace Acm.Bench.Int8;

/// <summary>
/// What a model would answer if its dense layers and learners multiplied in integers: double precision but for the operands of those products,
/// which are rounded to so many steps, weights by output channel, activations by token. Gates, norms, softmax and embeddings stay as they are.
/// </summary>
/// <param name="plan">A vision or text model.</param>
/// <param name="weightBits">0: not rounded.</param>
/// <param name="activationBits">0: not rounded.</param>
internal sealed class QuantizedForward(ForwardPlan plan, int weightBits, int activationBits)
{
    // Rounded, and by output: [columns, depth], however the package has them.
    private readonly Dictionary<Weight, double[]> _rounded = [];
    private readonly Dictionary<Weight, double[]> _exact = [];

    /// <summary>One sequence's output, and every k.</summary>
    public (double[] Output, List<int> K) Run(float[] values, int[] ids, int length, double lambda)
    {
        Dictionary<Buffer, Matrix> buffers = [];
        Dictionary<ChoiceBuffer, int[]> choices = [];
        List<int> all = [];
        foreach (Op op in plan.Ops)
            switch (op)
            {
                case PatchEmbed o: buffers[o.Out] = Embeddings.Patches(o, values, 1, Exact); break;
                case TokenEmbed o: buffers[o.Out] = Embeddings.WordPieces(o, ids, [], Starts(o.Out), Exact); break;
                case LayerNorm o: Finish(o.Out, Norms.Layer(buffers[o.In], Exact(o.Weight), Exact(o.Bias), o.Epsilon), o.Activation, null); break;
                case Linear o:
                    Finish(o.Out, Multiply(buffers[o.In], Rounded(o.Weight, o.In.Width, byRow: true), o.In.Width, o.Bias, o.Out.Width), o.Activation, o.Residual);
                    break;
                case Route o:
                    foreach (var (site, k) in o.Gates)
                    {
                        choices[k] = [.. Enumerable.Range(0, buffers[o.In].Rows).Select(row =>
                            AdaptiveComputation.Choose(AdaptiveComputation.Logits(buffers[o.In][row], site.Gate, Exact), lambda, site.MinK))];
                        all.AddRange(choices[k]);
                    }
                    break;
                case AcmLayer o: Finish(o.Out, Adapt(buffers[o.In], choices[o.K], o.Site), Activation.Identity, o.Residual); break;
                case Attention o: buffers[o.Out] = SelfAttention.Run(buffers[o.Q], buffers[o.K], buffers[o.V], Starts(o.Q), Starts(o.K), o.Heads); break;
                case SelectFirst o: buffers[o.Out] = Embeddings.First(buffers[o.In], Starts(o.In)); break;
                case MeanPool o: buffers[o.Out] = Embeddings.Mean(buffers[o.In], Starts(o.In)); break;
                case UnitLength o: buffers[o.Out] = Embeddings.UnitLength(buffers[o.In]); break;
                case Tap: break;
                default: throw new NotSupportedException(op.GetType().Name);
            }
        return (buffers[plan.Output].Values, all);

        int[] Starts(Buffer buffer) => [0, buffer.Rows.RowsOf(length)];

        void Finish(Buffer target, Matrix result, Activation activation, Buffer? residual)
        {
            Functions.Apply(activation, result.Values);
            if (residual is not null)
                Embeddings.Add(buffers[residual].Values, result.Values);
            buffers[target] = result;
        }
    }

    private Matrix Multiply(Matrix input, double[] weight, int depth, Weight? bias, int outputs)
    {
        Matrix result = new(input.Rows, outputs);
        for (int row = 0; row < input.Rows; row++)
        {
            double[] x = Steps(input[row]);
            for (int o = 0; o < outputs; o++)
                result[row][o] = Dot(x, weight.AsSpan(o * depth, depth)) + (bias is null ? 0 : Exact(bias)[o]);
        }
        return result;
    }

    private Matrix Adapt(Matrix input, int[] k, AcmSite site)
    {
        int units = site.Learners * site.LearnerSize;
        double[] up = Rounded(site.W1, units, byRow: false), down = Rounded(site.W2, site.OutputWidth, byRow: false);
        double[]? upBias = site.B1 is null ? null : Exact(site.B1), downBias = site.B2 is null ? null : Exact(site.B2);
        Matrix result = new(input.Rows, site.OutputWidth);
        for (int row = 0; row < input.Rows; row++)
        {
            double[] x = Steps(input[row]), hidden = new double[k[row] * site.LearnerSize];
            for (int u = 0; u < hidden.Length; u++)
                hidden[u] = Functions.Apply(site.Activation, Dot(x, up.AsSpan(u * x.Length, x.Length)) + (upBias?[u] ?? 0));
            hidden = Steps(hidden);
            for (int o = 0; o < site.OutputWidth; o++)
            {
                result[row][o] = Dot(hidden, down.AsSpan(o * units, hidden.Length));
                for (int n = 0; downBias is not null && n <= k[row]; n++)
                    result[row][o] += downBias[n * site.OutputWidth + o];
            }
        }
        return result;
    }

    private double[] Exact(Weight weight)
    {
        lock (_exact)
        {
            if (!_exact.TryGetValue(weight, out double[]? values))
                weight.CopyTo(_exact[weight] = values = new double[weight.Count]);
            return values;
        }
    }

    private double[] Rounded(Weight weight, int width, bool byRow)
    {
        lock (_rounded)
        {
            if (_rounded.TryGetValue(weight, out double[]? rounded))
                return rounded;
            double[] values = Exact(weight);
            int outputs = byRow ? values.Length / width : width, depth = values.Length / outputs;
            rounded = new double[values.Length];
            for (int o = 0; o < outputs; o++)
                for (int i = 0; i < depth; i++)
                    rounded[o * depth + i] = values[byRow ? o * depth + i : i * width + o];
            for (int o = 0; o < outputs; o++)
                Round(rounded.AsSpan(o * depth, depth), weightBits);
            return _rounded[weight] = rounded;
        }
    }

    private double[] Steps(ReadOnlySpan<double> row)
    {
        double[] steps = row.ToArray();
        Round(steps, activationBits);
        return steps;
    }

    // To multiples of the largest magnitude over the largest integer.
    private static void Round(Span<double> values, int bits)
    {
        double most = 0;
        foreach (double value in values)
            most = Math.Max(most, Math.Abs(value));
        if (bits == 0 || most == 0)
            return;
        double step = most / ((1 << (bits - 1)) - 1);
        foreach (ref double value in values)
            value = Math.Round(value / step) * step;
    }

    private static double Dot(ReadOnlySpan<double> a, ReadOnlySpan<double> b)
    {
        Vector<double> sums = default;
        int i = 0;
        for (; i <= a.Length - Vector<double>.Count; i += Vector<double>.Count)
            sums += new Vector<double>(a[i..]) * new Vector<double>(b[i..]);
        double sum = Vector.Sum(sums);
        for (; i < a.Length; i++)
            sum += a[i] * b[i];
        return sum;
    }
}
