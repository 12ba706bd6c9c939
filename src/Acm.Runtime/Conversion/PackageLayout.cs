using Acm.Runtime.Configuration;

namespace Acm.Runtime.Conversion;

/// <summary>The tensors a package must hold for its configuration, with their shapes: MODEL-FORMAT's tables as code.</summary>
internal static class PackageLayout
{
    private sealed record Expected(string Name, bool Optional, params long[] Shape);

    /// <summary>Checks that the tensors are exactly those that the configuration calls for.</summary>
    public static void Check(string file, ModelConfig config, IReadOnlyDictionary<string, PackageTensor> tensors)
    {
        var names = new HashSet<string>(StringComparer.Ordinal);
        foreach (var expected in config.Architecture switch
        {
            Architecture.Vit => Vit(config, config.Vit!),
            Architecture.Bert => Bert(config, config.Bert!),
            _ => Wav2Vec2(config, config.Wav2Vec2!, tensors),
        })
        {
            names.Add(expected.Name);
            if (!tensors.TryGetValue(expected.Name, out var tensor))
            {
                if (!expected.Optional)
                {
                    throw new ModelFormatException(file, expected.Name, $"a tensor {TensorShape.Text(expected.Shape)}", "none");
                }
            }
            else if (!tensor.Shape.AsSpan().SequenceEqual(expected.Shape))
            {
                throw new ModelFormatException(tensor.Source.File, tensor.Source.Name, TensorShape.Text(expected.Shape), TensorShape.Text(tensor.Shape));
            }
        }
        if (tensors.Values.FirstOrDefault(tensor => !names.Contains(tensor.Name)) is { } extra)
        {
            throw new ModelFormatException(extra.Source.File, extra.Source.Name, "only tensors that the configuration has a place for", $"'{extra.Name}', which it has none for");
        }
    }

    private static IEnumerable<Expected> Vit(ModelConfig config, VitConfig vit)
    {
        int d = config.HiddenSize;
        yield return Tensor("class_token", 1, 1, d);
        yield return Tensor("conv_proj.weight", d, vit.Channels, vit.PatchSize, vit.PatchSize);
        yield return Tensor("conv_proj.bias", d);
        yield return Tensor("encoder.pos_embedding", 1, 1 + vit.Patches, d);
        for (int i = 0; i < config.Layers; i++)
        {
            string layer = $"encoder.layers.encoder_layer_{i}";
            foreach (var tensor in Norm($"{layer}.ln_1", d)
                .Concat(Norm($"{layer}.ln_2", d))
                .Concat(Projection(config, AcmSiteKind.QProj, i, $"{layer}.self_attention.q_proj"))
                .Concat(Projection(config, AcmSiteKind.KProj, i, $"{layer}.self_attention.k_proj"))
                .Concat(Projection(config, AcmSiteKind.VProj, i, $"{layer}.self_attention.v_proj"))
                .Concat(Projection(config, AcmSiteKind.OProj, i, $"{layer}.self_attention.o_proj"))
                .Concat(Mlp(config, i, $"{layer}.mlp", $"{layer}.mlp.0", $"{layer}.mlp.3")))
            {
                yield return tensor;
            }
        }
        foreach (var tensor in Norm("encoder.ln", d).Concat(Linear("heads.head", vit.Labels, d)))
        {
            yield return tensor;
        }
    }

    private static IEnumerable<Expected> Bert(ModelConfig config, BertConfig bert)
    {
        int d = config.HiddenSize;
        yield return Tensor("embeddings.word_embeddings.weight", bert.VocabSize, d);
        yield return Tensor("embeddings.position_embeddings.weight", bert.MaxPositions, d);
        yield return Tensor("embeddings.token_type_embeddings.weight", bert.TypeVocabSize, d);
        foreach (var tensor in Norm("embeddings.LayerNorm", d))
        {
            yield return tensor;
        }
        for (int i = 0; i < config.Layers; i++)
        {
            string layer = $"encoder.layer.{i}";
            foreach (var tensor in Projection(config, AcmSiteKind.QProj, i, $"{layer}.attention.self.query")
                .Concat(Projection(config, AcmSiteKind.KProj, i, $"{layer}.attention.self.key"))
                .Concat(Projection(config, AcmSiteKind.VProj, i, $"{layer}.attention.self.value"))
                .Concat(Projection(config, AcmSiteKind.OProj, i, $"{layer}.attention.output.dense"))
                .Concat(Norm($"{layer}.attention.output.LayerNorm", d))
                .Concat(Mlp(config, i, $"{layer}.mlp", $"{layer}.intermediate.dense", $"{layer}.output.dense"))
                .Concat(Norm($"{layer}.output.LayerNorm", d)))
            {
                yield return tensor;
            }
        }
    }

    private static IEnumerable<Expected> Wav2Vec2(ModelConfig config, Wav2Vec2Config speech, IReadOnlyDictionary<string, PackageTensor> tensors)
    {
        int d = config.HiddenSize;
        for (int i = 0; i < speech.ConvDim.Length; i++)
        {
            string layer = $"wav2vec2.feature_extractor.conv_layers.{i}";
            yield return Tensor($"{layer}.conv.weight", speech.ConvDim[i], i == 0 ? 1 : speech.ConvDim[i - 1], speech.ConvKernel[i]);
            if (speech.ConvBias)
            {
                yield return Tensor($"{layer}.conv.bias", speech.ConvDim[i]);
            }
            if (speech.FeatureNorm == FeatureNorm.Layer || i == 0)
            {
                yield return Tensor($"{layer}.layer_norm.weight", speech.ConvDim[i]);
                yield return Tensor($"{layer}.layer_norm.bias", speech.ConvDim[i]);
            }
        }
        foreach (var tensor in Norm("wav2vec2.feature_projection.layer_norm", speech.ConvDim[^1])
            .Concat(Linear("wav2vec2.feature_projection.projection", d, speech.ConvDim[^1]))
            .Concat(PositionConvolution(speech, d, tensors))
            .Concat(Norm("wav2vec2.encoder.layer_norm", d)))
        {
            yield return tensor;
        }
        for (int i = 0; i < config.Layers; i++)
        {
            string layer = $"wav2vec2.encoder.layers.{i}";
            foreach (var tensor in Projection(config, AcmSiteKind.QProj, i, $"{layer}.attention.q_proj")
                .Concat(Projection(config, AcmSiteKind.KProj, i, $"{layer}.attention.k_proj"))
                .Concat(Projection(config, AcmSiteKind.VProj, i, $"{layer}.attention.v_proj"))
                .Concat(Projection(config, AcmSiteKind.OProj, i, $"{layer}.attention.out_proj"))
                .Concat(Norm($"{layer}.layer_norm", d))
                .Concat(Mlp(config, i, $"{layer}.feed_forward", $"{layer}.feed_forward.intermediate_dense", $"{layer}.feed_forward.output_dense"))
                .Concat(Norm($"{layer}.final_layer_norm", d)))
            {
                yield return tensor;
            }
        }
        foreach (var tensor in Linear("lm_head", speech.VocabSize, d))
        {
            yield return tensor;
        }
    }

    // Plain, or in one of the two ways torch stores weight norm: direction and, per tap, length.
    private static IEnumerable<Expected> PositionConvolution(Wav2Vec2Config speech, int d, IReadOnlyDictionary<string, PackageTensor> tensors)
    {
        const string path = "wav2vec2.encoder.pos_conv_embed.conv";
        long[] weight = [d, d / speech.PositionGroups, speech.PositionKernel];
        var (direction, length) = tensors.ContainsKey($"{path}.weight_v") ? ("weight_v", "weight_g")
            : tensors.ContainsKey($"{path}.parametrizations.weight.original1") ? ("parametrizations.weight.original1", "parametrizations.weight.original0")
            : ("weight", null);
        yield return Tensor($"{path}.{direction}", weight);
        if (length is not null)
        {
            yield return Tensor($"{path}.{length}", 1, 1, speech.PositionKernel);
        }
        yield return Tensor($"{path}.bias", d);
    }

    private static IEnumerable<Expected> Projection(ModelConfig config, AcmSiteKind kind, int layer, string path) =>
        config.SiteAt(kind, layer) is { } site ? Acm(site, path, config.HiddenSize) : Linear(path, config.HiddenSize, config.HiddenSize);

    private static IEnumerable<Expected> Mlp(ModelConfig config, int layer, string acm, string up, string down) =>
        config.SiteAt(AcmSiteKind.Mlp, layer) is { } site
            ? Acm(site, acm, config.HiddenSize)
            : Linear(up, config.IntermediateSize, config.HiddenSize).Concat(Linear(down, config.HiddenSize, config.IntermediateSize));

    private static IEnumerable<Expected> Acm(AcmSiteConfig site, string path, int d)
    {
        long hidden = (long)site.Learners * site.LearnerSize;
        yield return Tensor($"{path}.w1", d, hidden);
        yield return new Expected($"{path}.b1", true, hidden);
        yield return Tensor($"{path}.w2", hidden, d);
        yield return new Expected($"{path}.b2", true, (site.Learners + 1L) * d);
        for (int j = 0; j < site.Gate.Layers; j++)
        {
            int input = j == 0 ? d : site.Gate.HiddenSize;
            int output = j == site.Gate.Layers - 1 ? site.GateOutputs : site.Gate.HiddenSize;
            foreach (var tensor in Linear($"{path}.gating_network.net.{j}", output, input))
            {
                yield return tensor;
            }
        }
    }

    private static IEnumerable<Expected> Linear(string path, int output, int input) => [Tensor($"{path}.weight", output, input), Tensor($"{path}.bias", output)];

    private static IEnumerable<Expected> Norm(string path, int width) => [Tensor($"{path}.weight", width), Tensor($"{path}.bias", width)];

    private static Expected Tensor(string name, params long[] shape) => new(name, false, shape);
}
