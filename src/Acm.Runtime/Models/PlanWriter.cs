using Acm.Runtime.Configuration;
using Acm.Runtime.Plan;
using Buffer = Acm.Runtime.Plan.Buffer;

namespace Acm.Runtime.Models;

/// <summary>
/// Paths of one transformer layer's tensors: the four projections (dense or ACM), the MLP as an ACM and as two dense layers, the
/// norm at the attention and the one at the MLP, and the prefix of one tensor that packs the dense q, k and v (null where they are apart).
/// </summary>
internal sealed record LayerNames(
    string Query, string Key, string Value, string Output, string Mlp, string MlpUp, string MlpDown,
    string FirstNorm, string SecondNorm, string? PackedQkv = null);

/// <summary>Writes the ops that all transformers share; every site of every layer is an ACM or dense, as the configuration says.</summary>
internal sealed class PlanWriter(ModelConfig config, PackageWeights weights, RowSpace tokens)
{
    private readonly Buffer _normed = new("normed", tokens, config.HiddenSize);
    private readonly Buffer _sum = new("sum", tokens, config.HiddenSize);
    private readonly Buffer _attended = new("attended", tokens, config.HiddenSize);
    private readonly Buffer _units = new("units", tokens, config.IntermediateSize);
    private readonly Buffer[] _qkv = [.. new[] { "q", "k", "v" }.Select(name => new Buffer(name, tokens, config.HiddenSize))];

    public List<Op> Ops { get; } = [];

    public List<AcmSite> Sites { get; } = [];

    /// <summary>The residual stream.</summary>
    public Buffer Stream { get; } = new("stream", tokens, config.HiddenSize);

    /// <summary>A buffer of the stream's size, for what has to be normalised into it.</summary>
    public Buffer Sum => _sum;

    public Weight Get(string name, params ReadOnlySpan<long> shape) => weights.Get(name, shape);

    /// <summary>x + attention(norm(x)), then x + mlp(norm(x)).</summary>
    public void PreNormLayer(int layer, LayerNames names)
    {
        Norm(names.FirstNorm, Stream, _normed);
        Attend(layer, names, _normed, Stream);
        Norm(names.SecondNorm, Stream, _normed);
        Mlp(layer, names, _normed, Stream);
        Ops.Add(new Tap(Stream, layer + 1));
    }

    /// <summary>norm(x + attention(x)), then norm(x + mlp(x)).</summary>
    public void PostNormLayer(int layer, LayerNames names)
    {
        Attend(layer, names, Stream, _sum);
        Norm(names.FirstNorm, _sum, Stream);
        Mlp(layer, names, Stream, _sum);
        Norm(names.SecondNorm, _sum, Stream);
        Ops.Add(new Tap(Stream, layer + 1));
    }

    public void Norm(string path, Buffer input, Buffer output) =>
        Ops.Add(new LayerNorm(input, output, Get($"{path}.weight", input.Width), Get($"{path}.bias", input.Width), config.LayerNormEpsilon));

    public void Linear(string path, Buffer input, Buffer output, Activation activation = Activation.Identity, Buffer? residual = null) =>
        Ops.Add(new Linear(
            input, output, Get($"{path}.weight", output.Width, input.Width), Get($"{path}.bias", output.Width), activation, residual));

    private void Attend(int layer, LayerNames names, Buffer input, Buffer output)
    {
        (AcmSiteKind Kind, string Path)[] projections =
            [(AcmSiteKind.QProj, names.Query), (AcmSiteKind.KProj, names.Key), (AcmSiteKind.VProj, names.Value)];
        var sites = Array.ConvertAll(projections, projection => Site(projection.Kind, layer, projection.Path));
        var choices = Route(input, sites);
        for (int i = 0; i < projections.Length; i++)
        {
            if (sites[i] is { } site)
            {
                Ops.Add(new AcmLayer(input, choices[i]!, _qkv[i], site));
            }
            else if (names.PackedQkv is { } packed)
            {
                Ops.Add(new Linear(
                    input, _qkv[i],
                    weights.Part($"{packed}weight", i, 3, config.HiddenSize, config.HiddenSize),
                    weights.Part($"{packed}bias", i, 3, config.HiddenSize)));
            }
            else
            {
                Linear(projections[i].Path, input, _qkv[i]);
            }
        }
        Ops.Add(new Attention(_qkv[0], _qkv[1], _qkv[2], _attended, config.Heads));
        if (!Adapt(AcmSiteKind.OProj, layer, names.Output, _attended, output))
        {
            Linear(names.Output, _attended, output, residual: Stream);
        }
    }

    private void Mlp(int layer, LayerNames names, Buffer input, Buffer output)
    {
        if (!Adapt(AcmSiteKind.Mlp, layer, names.Mlp, input, output))
        {
            Linear(names.MlpUp, input, _units, config.HiddenActivation);
            Linear(names.MlpDown, _units, output, residual: Stream);
        }
    }

    private bool Adapt(AcmSiteKind kind, int layer, string path, Buffer input, Buffer output)
    {
        var site = Site(kind, layer, path);
        if (site is null)
        {
            return false;
        }
        Ops.Add(new AcmLayer(input, Route(input, site)[0]!, output, site, Stream));
        return true;
    }

    private ChoiceBuffer?[] Route(Buffer input, params AcmSite?[] sites)
    {
        var choices = Array.ConvertAll(sites, site => site is null ? null : new ChoiceBuffer($"k.{site.Kind}", tokens));
        var gates = sites.Zip(choices).Where(pair => pair.First is not null).Select(pair => (pair.First!, pair.Second!)).ToArray();
        if (gates.Length > 0)
        {
            Ops.Add(new Route(input, gates));
        }
        return choices;
    }

    private AcmSite? Site(AcmSiteKind kind, int layer, string path)
    {
        if (config.SiteAt(kind, layer) is not { } acm)
        {
            return null;
        }
        int width = config.HiddenSize, units = acm.Learners * acm.LearnerSize;
        var site = new AcmSite(
            path, acm.Name, layer, acm.Learners, acm.LearnerSize, acm.MinK, width, width, acm.Activation,
            Get($"{path}.w1", width, units), weights.GetOrNull($"{path}.b1", units),
            Get($"{path}.w2", units, width), weights.GetOrNull($"{path}.b2", (acm.Learners + 1L) * width),
            Gate(acm, $"{path}.gating_network.net", width));
        Sites.Add(site);
        return site;
    }

    private Gate Gate(AcmSiteConfig acm, string path, int inputs)
    {
        var layers = new GateLayer[acm.Gate.Layers];
        for (int j = 0; j < layers.Length; j++)
        {
            int outputs = j + 1 < layers.Length ? acm.Gate.HiddenSize : acm.GateOutputs;
            layers[j] = new GateLayer(Get($"{path}.{j}.weight", outputs, inputs), Get($"{path}.{j}.bias", outputs));
            inputs = outputs;
        }
        return new Gate(layers, acm.Gate.Activation);
    }
}
