using Acm.Runtime.Configuration;
using Acm.Runtime.Plan;
using Buffer = Acm.Runtime.Plan.Buffer;

namespace Acm.Runtime.Models;

/// <summary>A speech recogniser in Hugging Face's <c>Wav2Vec2ForCTC</c> layout, every variant of its configuration.</summary>
internal static class Wav2Vec2Plan
{
    // What PyTorch's norms default to: the feature encoder's are not governed by layer_norm_eps.
    private const double FeatureNormEpsilon = 1e-5;

    public static ForwardPlan Build(ModelConfig config, PackageWeights weights)
    {
        var speech = config.Wav2Vec2!;
        var ops = new List<Op>();
        var features = FeatureEncoder(speech, weights, ops);
        var frames = features.Rows;
        var writer = new PlanWriter(config, weights, frames);
        writer.Ops.AddRange(ops);

        var normed = new Buffer("features, normed", frames, features.Width);
        var projected = new Buffer("projected", frames, config.HiddenSize);
        writer.Norm("wav2vec2.feature_projection.layer_norm", features, normed);
        writer.Linear("wav2vec2.feature_projection.projection", normed, projected);
        var positioned = speech.StableLayerNorm ? writer.Stream : writer.Sum;
        writer.Ops.Add(Positions(config, speech, weights, projected, positioned));
        if (!speech.StableLayerNorm)
        {
            writer.Norm("wav2vec2.encoder.layer_norm", positioned, writer.Stream);
        }
        writer.Ops.Add(new Tap(writer.Stream, 0));
        for (int layer = 0; layer < config.Layers; layer++)
        {
            var names = Names($"wav2vec2.encoder.layers.{layer}");
            if (speech.StableLayerNorm)
            {
                writer.PreNormLayer(layer, names);
            }
            else
            {
                writer.PostNormLayer(layer, names);
            }
        }
        var encoded = writer.Stream;
        if (speech.StableLayerNorm)
        {
            encoded = writer.Sum;
            writer.Norm("wav2vec2.encoder.layer_norm", writer.Stream, encoded);
        }
        var logits = new Buffer("logits", frames, speech.VocabSize);
        writer.Linear("lm_head", encoded, logits);
        weights.RefuseUnusedUnder("wav2vec2.encoder.layers.");
        weights.RefuseUnusedUnder("wav2vec2.feature_extractor.conv_layers.");
        return new ForwardPlan(
            InputKind.Samples, 1, writer.Ops, logits, "logits", writer.Sites, frames, config.Layers + 1,
            config.Semantics == AcmSemantics.PublishedCode);
    }

    private static Buffer FeatureEncoder(Wav2Vec2Config speech, PackageWeights weights, List<Op> ops)
    {
        var current = new Buffer("samples", new RowSpace("samples", static length => length), 1);
        ops.Add(new LoadSamples(current));
        for (int i = 0; i < speech.ConvDim.Length; i++)
        {
            string path = $"wav2vec2.feature_extractor.conv_layers.{i}";
            int width = speech.ConvDim[i], kernel = speech.ConvKernel[i], stride = speech.ConvStride[i];
            var weight = weights.Get($"{path}.conv.weight", width, current.Width, kernel);
            var bias = speech.ConvBias ? weights.Get($"{path}.conv.bias", width) : null;
            bool normed = speech.FeatureNorm == FeatureNorm.Layer || i == 0;
            var convolved = new Buffer($"conv {i}", After(current.Rows, $"frames {i}", kernel, stride), width);
            ops.Add(new Conv1d(
                current, convolved, weight, bias, stride, Padding: 0, Groups: 1, normed ? Activation.Identity : speech.FeatureActivation));
            current = convolved;
            if (normed)
            {
                current = convolved with { Name = $"conv {i}, normed" };
                Weight scale = weights.Get($"{path}.layer_norm.weight", width), shift = weights.Get($"{path}.layer_norm.bias", width);
                ops.Add(speech.FeatureNorm == FeatureNorm.Layer
                    ? new LayerNorm(convolved, current, scale, shift, FeatureNormEpsilon, speech.FeatureActivation)
                    : new ChannelNorm(convolved, current, scale, shift, FeatureNormEpsilon, speech.FeatureActivation));
            }
        }
        return current;
    }

    private static RowSpace After(RowSpace input, string name, int kernel, int stride) => new(name, length =>
    {
        int rows = input.RowsOf(length);
        return rows < kernel ? 0 : (rows - kernel) / stride + 1;
    });

    // x + act(conv(x)): the same number of frames, which for an even kernel drops the last one of the padded convolution.
    private static Conv1d Positions(ModelConfig config, Wav2Vec2Config speech, PackageWeights weights, Buffer input, Buffer output)
    {
        const string path = "wav2vec2.encoder.pos_conv_embed.conv";
        int width = config.HiddenSize;
        return new Conv1d(
            input, output,
            weights.Normed(path, width, width / speech.PositionGroups, speech.PositionKernel), weights.Get($"{path}.bias", width),
            Stride: 1, Padding: speech.PositionKernel / 2, speech.PositionGroups, speech.FeatureActivation, Residual: input);
    }

    private static LayerNames Names(string path) => new(
        $"{path}.attention.q_proj", $"{path}.attention.k_proj", $"{path}.attention.v_proj", $"{path}.attention.out_proj",
        $"{path}.feed_forward", $"{path}.feed_forward.intermediate_dense", $"{path}.feed_forward.output_dense",
        $"{path}.layer_norm", $"{path}.final_layer_norm");
}
