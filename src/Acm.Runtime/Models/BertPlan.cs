using Acm.Runtime.Configuration;
using Acm.Runtime.Plan;
using Buffer = Acm.Runtime.Plan.Buffer;

namespace Acm.Runtime.Models;

/// <summary>A text encoder in Hugging Face's <c>BertModel</c> layout: post-norm, pooled to one vector a sequence.</summary>
internal static class BertPlan
{
    public static ForwardPlan Build(ModelConfig config, PackageWeights weights)
    {
        var bert = config.Bert!;
        int width = config.HiddenSize;
        var tokens = new RowSpace("word pieces", static length => length);
        var writer = new PlanWriter(config, weights, tokens);
        writer.Ops.Add(new TokenEmbed(
            writer.Sum,
            writer.Get("embeddings.word_embeddings.weight", bert.VocabSize, width),
            writer.Get("embeddings.position_embeddings.weight", bert.MaxPositions, width),
            writer.Get("embeddings.token_type_embeddings.weight", bert.TypeVocabSize, width)));
        writer.Norm("embeddings.LayerNorm", writer.Sum, writer.Stream);
        writer.Ops.Add(new Tap(writer.Stream, 0));
        for (int layer = 0; layer < config.Layers; layer++)
        {
            writer.PostNormLayer(layer, Names($"encoder.layer.{layer}"));
        }
        var pooled = new Buffer("pooled", RowSpace.Sequence, width);
        var unit = new Buffer("pooled, unit length", RowSpace.Sequence, width);
        writer.Ops.Add(bert.Pooling == Pooling.Cls ? new SelectFirst(writer.Stream, pooled) : new MeanPool(writer.Stream, pooled));
        if (bert.Normalize)
        {
            writer.Ops.Add(new UnitLength(pooled, unit));
        }
        weights.RefuseUnusedUnder("encoder.layer.");
        return new ForwardPlan(
            InputKind.WordPieces, 1, writer.Ops, bert.Normalize ? unit : pooled, "embeddings", writer.Sites, tokens, config.Layers + 1,
            config.Semantics == AcmSemantics.PublishedCode);
    }

    private static LayerNames Names(string path) => new(
        $"{path}.attention.self.query", $"{path}.attention.self.key", $"{path}.attention.self.value", $"{path}.attention.output.dense",
        $"{path}.mlp", $"{path}.intermediate.dense", $"{path}.output.dense",
        $"{path}.attention.output.LayerNorm", $"{path}.output.LayerNorm");
}
