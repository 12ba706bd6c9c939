using Acm.Runtime.Plan;

namespace Acm.Runtime.Backends.Reference;

/// <summary>One run: carries out the ops in order; every op makes a new matrix and puts it in the place of its buffer.</summary>
internal sealed class ReferenceForward(ForwardPlan plan, Func<Weight, double[]> values) : IForward
{
    private readonly Dictionary<Plan.Buffer, Matrix> _buffers = [];
    private readonly Dictionary<ChoiceBuffer, int[]> _choices = [];
    private readonly Dictionary<RowSpace, int[]> _starts = [];

    public void Run(in ForwardRun run)
    {
        _buffers.Clear();
        _choices.Clear();
        _starts.Clear();
        foreach (var op in plan.Ops)
        {
            run.Cancellation.ThrowIfCancellationRequested();
            CarryOut(op, run);
        }
        Store(_buffers[plan.Output].Values, run.Output, run.ExactOutput, 0);
    }

    public void Dispose()
    {
    }

    private void CarryOut(Op op, in ForwardRun run)
    {
        switch (op)
        {
            case PatchEmbed o:
                _buffers[o.Out] = Embeddings.Patches(o, run.Values, run.Lengths.Length, values);
                break;
            case TokenEmbed o:
                _buffers[o.Out] = Embeddings.WordPieces(o, run.Ids, run.TypeIds, Starts(o.Out.Rows, run), values);
                break;
            case LoadSamples o:
                _buffers[o.Out] = Embeddings.Samples(run.Values);
                break;
            case LayerNorm o:
                Finish(o.Out, Norms.Layer(_buffers[o.In], values(o.Weight), values(o.Bias), o.Epsilon), o.Activation);
                break;
            case ChannelNorm o:
                Finish(o.Out, Norms.Channel(_buffers[o.In], Starts(o.In.Rows, run), values(o.Weight), values(o.Bias), o.Epsilon), o.Activation);
                break;
            case Linear o:
                Finish(o.Out, Products.Linear(_buffers[o.In], values(o.Weight), OrNull(o.Bias), o.Out.Width), o.Activation, o.Residual);
                break;
            case Conv1d o:
                var convolved = Products.Convolution(
                    _buffers[o.In], Starts(o.In.Rows, run), Starts(o.Out.Rows, run), values(o.Weight), OrNull(o.Bias),
                    o.Out.Width, o.Weight.Shape[2], o.Stride, o.Padding, o.Groups);
                Finish(o.Out, convolved, o.Activation, o.Residual);
                break;
            case Route o:
                foreach (var (site, k) in o.Gates)
                {
                    _choices[k] = Choose(_buffers[o.In], site, run);
                }
                break;
            case AcmLayer o:
                Finish(o.Out, Adapt(_buffers[o.In], _choices[o.K], o.Site, run.Routing), Activation.Identity, o.Residual);
                break;
            case Attention o:
                _buffers[o.Out] = SelfAttention.Run(_buffers[o.Q], _buffers[o.K], _buffers[o.V], Starts(o.Q.Rows, run), Starts(o.K.Rows, run), o.Heads);
                break;
            case SelectFirst o:
                _buffers[o.Out] = Embeddings.First(_buffers[o.In], Starts(o.In.Rows, run));
                break;
            case MeanPool o:
                _buffers[o.Out] = Embeddings.Mean(_buffers[o.In], Starts(o.In.Rows, run));
                break;
            case UnitLength o:
                _buffers[o.Out] = Embeddings.UnitLength(_buffers[o.In]);
                break;
            case Tap o:
                Store(_buffers[o.In].Values, run.Hidden, run.ExactHidden, o.Index * _buffers[o.In].Values.Length);
                break;
            default:
                throw new NotSupportedException($"Reference does not know the op {op.GetType().Name}.");
        }
    }

    private int[] Choose(Matrix input, AcmSite site, in ForwardRun run)
    {
        int index = SiteIndex(site);
        int[] k = new int[input.Rows];
        if (run.Routing.FixedLearners is { } width)
        {
            Array.Fill(k, Math.Min(width, site.Learners));
        }
        else if (run.Routing.Forced?[index] is { } forced)
        {
            forced.CopyTo(k);
        }
        else
        {
            for (int row = 0; row < k.Length; row++)
            {
                k[row] = AdaptiveComputation.Choose(AdaptiveComputation.Logits(input[row], site.Gate, values), run.Routing.Lambda, site.MinK);
            }
        }
        if (!run.Choices.IsEmpty)
        {
            k.CopyTo(run.Choices[(index * k.Length)..]);
        }
        return k;
    }

    private Matrix Adapt(Matrix input, int[] k, AcmSite site, RoutingRule routing)
    {
        double[] w1 = values(site.W1), w2 = values(site.W2);
        double[]? b1 = OrNull(site.B1), b2 = OrNull(site.B2);
        bool offByOne = plan.PublishedCode && routing.FixedLearners is null;
        int highest = k.Max();
        var output = new Matrix(input.Rows, site.OutputWidth);
        for (int row = 0; row < input.Rows; row++)
        {
            int learners = offByOne ? AdaptiveComputation.PublishedLearners(k[row], highest) : k[row];
            AdaptiveComputation.Layer(input[row], learners, site, w1, b1, w2, b2, output[row]);
        }
        return output;
    }

    private void Finish(Plan.Buffer target, Matrix result, Activation activation, Plan.Buffer? residual = null)
    {
        Functions.Apply(activation, result.Values);
        if (residual is not null)
        {
            Embeddings.Add(_buffers[residual].Values, result.Values);
        }
        _buffers[target] = result;
    }

    private int[] Starts(RowSpace space, in ForwardRun run)
    {
        if (!_starts.TryGetValue(space, out int[]? starts))
        {
            starts = new int[run.Lengths.Length + 1];
            for (int sequence = 0; sequence < run.Lengths.Length; sequence++)
            {
                starts[sequence + 1] = starts[sequence] + space.RowsOf(run.Lengths[sequence]);
            }
            _starts[space] = starts;
        }
        return starts;
    }

    private int SiteIndex(AcmSite site)
    {
        for (int i = 0; i < plan.Sites.Count; i++)
        {
            if (ReferenceEquals(plan.Sites[i], site))
            {
                return i;
            }
        }
        throw new InvalidOperationException($"The ACM {site.Path} is not among the plan's sites.");
    }

    private double[]? OrNull(Weight? weight) => weight is null ? null : values(weight);

    private static void Store(double[] source, Span<float> single, Span<double> exact, int offset)
    {
        for (int i = 0; i < source.Length && !single.IsEmpty; i++)
        {
            single[offset + i] = (float)source[i];
        }
        if (!exact.IsEmpty)
        {
            source.CopyTo(exact[offset..]);
        }
    }
}
