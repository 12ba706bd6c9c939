using Acm.Runtime.Configuration;
using Acm.Runtime.Plan;
using Buffer = Acm.Runtime.Plan.Buffer;

namespace Acm.Runtime.Models;

/// <summary>A vision transformer in torchvision's layout: pre-norm, class token, learned positions.</summary>
internal static class VitPlan
{
    public static ForwardPlan Build(ModelConfig config, PackageWeights weights)
    {
        var vit = config.Vit!;
        int rows = 1 + vit.Patches, width = config.HiddenSize;
        var tokens = new RowSpace("tokens", _ => rows);
        var writer = new PlanWriter(config, weights, tokens);
        writer.Ops.Add(new PatchEmbed(
            writer.Stream,
            writer.Get("conv_proj.weight", width, vit.Channels, vit.PatchSize, vit.PatchSize),
            writer.Get("conv_proj.bias", width),
            writer.Get("class_token", 1, 1, width),
            writer.Get("encoder.pos_embedding", 1, rows, width),
            vit.ImageSize, vit.PatchSize, vit.Channels));
        writer.Ops.Add(new Tap(writer.Stream, 0));
        for (int layer = 0; layer < config.Layers; layer++)
        {
            writer.PreNormLayer(layer, Names(layer, weights));
        }
        var token = new Buffer("class token", RowSpace.Sequence, width);
        var normed = new Buffer("class token, normed", RowSpace.Sequence, width);
        var logits = new Buffer("logits", RowSpace.Sequence, vit.Labels);
        writer.Ops.Add(new SelectFirst(writer.Stream, token));
        writer.Norm("encoder.ln", token, normed);
        writer.Linear("heads.head", normed, logits);
        weights.RefuseUnusedUnder("encoder.layers.");
        return new ForwardPlan(
            InputKind.Pixels, InputWidth(config, vit), writer.Ops, logits, "logits", writer.Sites, tokens, config.Layers + 1,
            config.Semantics == AcmSemantics.PublishedCode);
    }

    private static int InputWidth(ModelConfig config, VitConfig vit)
    {
        long width = (long)vit.Channels * vit.ImageSize * vit.ImageSize;
        return width <= Limits.Pixels
            ? (int)width
            : throw new ModelFormatException(config.File, "image_size", $"at most {Limits.Pixels} numbers per image", $"{width}");
    }

    // Three generations of names: torchvision's packed q/k/v and out_proj, its MLP's linear_1 and linear_2 before 0.12, and ours.
    private static LayerNames Names(int layer, PackageWeights weights)
    {
        string path = $"encoder.layers.encoder_layer_{layer}", attention = $"{path}.self_attention", mlp = $"{path}.mlp";
        bool packed = weights.Has($"{attention}.in_proj_weight"), older = weights.Has($"{mlp}.linear_1.weight");
        return new LayerNames(
            $"{attention}.q_proj", $"{attention}.k_proj", $"{attention}.v_proj",
            weights.Has($"{attention}.out_proj.weight") ? $"{attention}.out_proj" : $"{attention}.o_proj",
            mlp, older ? $"{mlp}.linear_1" : $"{mlp}.0", older ? $"{mlp}.linear_2" : $"{mlp}.3",
            $"{path}.ln_1", $"{path}.ln_2", packed ? $"{attention}.in_proj_" : null);
    }
}
