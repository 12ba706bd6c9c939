using Acm.Runtime.Plan;
using Buffer = Acm.Runtime.Plan.Buffer;

namespace Acm.Bench.Onnx;

/// <summary>
/// A model's plan as the ONNX graph that ONNX Runtime's own transformer optimiser would end at: one packed q/k/v product inside <c>Attention</c>
/// (<c>MultiHeadAttention</c> where queries are of other rows than keys), <c>SkipLayerNormalization</c>, <c>BiasGelu</c>, <c>EmbedLayerNormalization</c>. An ACM becomes its dense equal, all learners for every token:
/// the same weights, and where its learners are linear, their product folded into one matrix.
/// </summary>
internal sealed class PlanGraph
{
    private const string Fused = "com.microsoft";
    private readonly OnnxGraph _graph = new();
    private readonly Dictionary<Buffer, Value> _values = [];
    private readonly int _length;

    private PlanGraph(int length) => _length = length;

    /// <param name="plan">The model.</param>
    /// <param name="length">Input length of every sequence: 1 for images, word pieces, samples.</param>
    public static byte[] Build(ForwardPlan plan, int length)
    {
        var graph = new PlanGraph(length);
        foreach (Op op in plan.Ops)
            graph.Add(op);
        long[] shape = plan.Output.Rows == RowSpace.Sequence ? [-1, plan.Output.Width] : [-1, plan.Output.Rows.RowsOf(length), plan.Output.Width];
        graph._graph.Output(graph.Name(plan.Output), shape);
        return graph._graph.ToModel();
    }

    // What a buffer holds: [batch, rows, width], or something to be fused with what reads it.
    private abstract record Value;
    private sealed record Ready(string Name) : Value;
    private sealed record ChannelsFirst(string Name) : Value;
    private sealed record Product(string In, DenseEqual Map) : Value;
    private sealed record Sum(string Added, float[]? Bias, string Stream) : Value;
    private sealed record Embedding(TokenEmbed Op) : Value;

    private void Add(Op op)
    {
        switch (op)
        {
            case PatchEmbed o:
                _values[o.Out] = new Ready(Patches(o));
                break;
            case TokenEmbed o:
                _graph.InputOf(OnnxGraph.Int32Type, "ids", -1, _length);
                _values[o.Out] = new Embedding(o);
                break;
            case LoadSamples o:
                _graph.Input("samples", -1, 1, _length);
                _values[o.Out] = new ChannelsFirst("samples");
                break;
            case LayerNorm o:
                _values[o.Out] = new Ready(Activated(Norm(o), null, o.Activation));
                break;
            case ChannelNorm o:
                string normed = _graph.Node("InstanceNormalization", [Channels(o.In), Vector(o.Weight), Vector(o.Bias)], attributes: ("epsilon", (float)o.Epsilon));
                _values[o.Out] = new ChannelsFirst(Activated(normed, null, o.Activation));
                break;
            case Linear o:
                Write(o.Out, Name(o.In), DenseEqual.Of(o), o.Activation, o.Residual);
                break;
            case AcmLayer { Site.Activation: Activation.Identity } o:
                Write(o.Out, Name(o.In), DenseEqual.Folded(o.Site), Activation.Identity, o.Residual);
                break;
            case AcmLayer o:
                var (up, down) = DenseEqual.Of(o.Site);
                Write(o.Out, Activated(Multiply(Name(o.In), up), up.Bias, o.Site.Activation), down, Activation.Identity, o.Residual);
                break;
            case Attention o:
                _values[o.Out] = new Ready(Attend(o));
                break;
            case Conv1d o:
                Convolve(o);
                break;
            case SelectFirst o when o.In.Rows == RowSpace.Sequence:
                _values[o.Out] = _values[o.In];
                break;
            case SelectFirst o:
                string first = _graph.Node("Gather", [Name(o.In), _graph.Integers(0)], attributes: ("axis", 1L));
                _values[o.Out] = new Ready(_graph.Node("Reshape", [first, _graph.Integers(-1, o.Out.Width)]));
                break;
            case MeanPool o:
                _values[o.Out] = new Ready(_graph.Node("ReduceMean", [Name(o.In)], attributes: [("axes", (long[])[1]), ("keepdims", 0L)]));
                break;
            case UnitLength o:
                _values[o.Out] = new Ready(_graph.Node("LpNormalization", [Name(o.In)], attributes: [("axis", -1L), ("p", 2L)]));
                break;
            case Route or Tap:
                break;
            default:
                throw new NotSupportedException(op.GetType().Name);
        }
    }

    /// <summary>The buffer's value as a tensor, made now if it was not yet.</summary>
    private string Name(Buffer buffer)
    {
        string name = _values[buffer] switch
        {
            Ready o => o.Name,
            ChannelsFirst o => Transposed(o.Name),
            Product o => Biased(Multiply(o.In, o.Map), o.Map.Bias),
            Sum o => _graph.Node("Add", [Biased(o.Added, o.Bias), o.Stream]),
            _ => throw new NotSupportedException("An embedding goes through a norm."),
        };
        _values[buffer] = new Ready(name);
        return name;
    }

    private void Write(Buffer to, string input, DenseEqual map, Activation activation, Buffer? residual) => _values[to] =
        (activation, residual) switch
        {
            (Activation.Identity, null) => new Product(input, map),
            (Activation.Identity, _) => new Sum(Multiply(input, map), map.Bias, Name(residual)),
            (_, null) => new Ready(Activated(Multiply(input, map), map.Bias, activation)),
            _ => new Sum(Activated(Multiply(input, map), map.Bias, activation), null, Name(residual)),
        };

    private string Norm(LayerNorm o)
    {
        string weight = Vector(o.Weight), bias = Vector(o.Bias);
        float epsilon = (float)o.Epsilon;
        if (_values[o.In] is Embedding { Op: var embed })
        {
            // All of type 0: its row goes into the positions.
            float[] positions = DenseEqual.Read(embed.Positions), types = DenseEqual.Read(embed.Types);
            for (int i = 0; i < positions.Length; i++)
                positions[i] += types[i % o.In.Width];
            string words = _graph.Weight(DenseEqual.Read(embed.Words), embed.Words.Shape[0], o.In.Width), places = _graph.Weight(positions, embed.Positions.Shape[0], o.In.Width);
            return _graph.Nodes("EmbedLayerNormalization", ["ids", "", words, places, "", weight, bias], 2, Fused, ("epsilon", epsilon))[0];
        }
        if (_values[o.In] is not Sum sum)
            return _graph.Node("LayerNormalization", [Name(o.In), weight, bias], attributes: [("axis", -1L), ("epsilon", epsilon)]);
        string[] inputs = [sum.Added, sum.Stream, weight, bias, .. sum.Bias is null ? (string[])[] : [_graph.Weight(sum.Bias, sum.Bias.Length)]];
        string[] outputs = _graph.Nodes("SkipLayerNormalization", inputs, 4, Fused, ("epsilon", epsilon));
        _values[o.In] = new Ready(outputs[3]);
        return outputs[0];
    }

    private string Attend(Attention o)
    {
        if (_values[o.Q] is Product q && _values[o.K] is Product k && _values[o.V] is Product v && q.In == k.In && k.In == v.In)
        {
            DenseEqual packed = DenseEqual.Beside(q.Map, k.Map, v.Map);
            return _graph.Node("Attention", [q.In, Matrix(packed), _graph.Weight(packed.Bias!, packed.Outputs)], 1, Fused, ("num_heads", (long)o.Heads));
        }
        string[] inputs = _values[o.Q] is Product a && _values[o.K] is Product b && _values[o.V] is Product c
            ? [Multiply(a.In, a.Map), Multiply(b.In, b.Map), Multiply(c.In, c.Map), Side(a.Map.Bias, b.Map.Bias, c.Map.Bias)]
            : [Name(o.Q), Name(o.K), Name(o.V)];
        // One query a sequence: a row by itself everywhere else, a sequence of one here.
        bool single = o.Q.Rows == RowSpace.Sequence;
        if (single)
            inputs[0] = _graph.Node("Reshape", [inputs[0], _graph.Integers(-1, 1, o.Q.Width)]);
        string attended = _graph.Node("MultiHeadAttention", inputs, 1, Fused, ("num_heads", (long)o.Heads));
        return single ? _graph.Node("Reshape", [attended, _graph.Integers(-1, o.Q.Width)]) : attended;

        string Side(params float[]?[] biases) => _graph.Weight([.. biases.SelectMany(bias => bias ?? new float[o.Q.Width])], biases.Length * o.Q.Width);
    }

    private void Convolve(Conv1d o)
    {
        IReadOnlyList<int> shape = o.Weight.Shape;
        string[] bias = o.Bias is null ? [] : [Vector(o.Bias)];
        string y = _graph.Node("Conv", [Channels(o.In), _graph.Weight(DenseEqual.Read(o.Weight), shape[0], shape[1], shape[2]), .. bias],
            attributes: [("strides", (long[])[o.Stride]), ("pads", (long[])[o.Padding, o.Padding]), ("group", (long)o.Groups)]);
        // An even kernel in the middle gives a frame too many.
        if (o.Padding > 0 && shape[2] % 2 == 0)
            y = _graph.Node("Slice", [y, _graph.Integers(0), _graph.Integers(-1), _graph.Integers(2)]);
        y = Activated(y, null, o.Activation);
        _values[o.Out] = o.Residual is null ? new ChannelsFirst(y) : new Sum(Transposed(y), null, Name(o.Residual));
    }

    private string Patches(PatchEmbed o)
    {
        int width = o.Out.Width, rows = o.Out.Rows.RowsOf(1);
        _graph.Input("pixels", -1, o.Channels, o.ImageSize, o.ImageSize);
        string[] bias = o.Bias is null ? [] : [Vector(o.Bias)];
        string x = _graph.Node("Conv", ["pixels", _graph.Weight(DenseEqual.Read(o.Weight), width, o.Channels, o.PatchSize, o.PatchSize), .. bias],
            attributes: ("strides", (long[])[o.PatchSize, o.PatchSize]));
        x = Transposed(_graph.Node("Reshape", [x, _graph.Integers(0, width, -1)]));
        // The class token for every image: the first patch's row times zero plus the token.
        string row = _graph.Node("Slice", [x, _graph.Integers(0), _graph.Integers(1), _graph.Integers(1)]);
        row = _graph.Node("Mul", [row, _graph.Weight([0f], 1)]);
        row = _graph.Node("Add", [row, _graph.Weight(DenseEqual.Read(o.ClassToken), 1, 1, width)]);
        x = _graph.Node("Concat", [row, x], attributes: ("axis", 1L));
        return _graph.Node("Add", [x, _graph.Weight(DenseEqual.Read(o.Positions), 1, rows, width)]);
    }

    private string Activated(string x, float[]? bias, Activation activation) => activation switch
    {
        Activation.Gelu when bias is not null => _graph.Node("BiasGelu", [x, _graph.Weight(bias, bias.Length)], 1, Fused),
        Activation.Gelu => _graph.Node("Gelu", [x], 1, Fused),
        Activation.GeluTanh => _graph.Node("FastGelu", [Biased(x, bias)], 1, Fused),
        Activation.Relu => _graph.Node("Relu", [Biased(x, bias)]),
        _ => Biased(x, bias),
    };

    private string Channels(Buffer buffer) => _values[buffer] is ChannelsFirst first ? first.Name : Transposed(Name(buffer));

    private string Transposed(string x) => _graph.Node("Transpose", [x], attributes: ("perm", (long[])[0, 2, 1]));

    private string Multiply(string x, DenseEqual map) => _graph.Node("MatMul", [x, Matrix(map)]);

    private string Matrix(DenseEqual map) => _graph.Weight(map.Weight, map.Inputs, map.Outputs);

    private string Biased(string x, float[]? bias) => bias is null ? x : _graph.Node("Add", [x, _graph.Weight(bias, bias.Length)]);

    private string Vector(Weight weight) => _graph.Weight(DenseEqual.Read(weight), weight.Count);
}
