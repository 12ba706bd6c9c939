using System.Text.Json.Nodes;
using Acm.Runtime.Configuration;

namespace Acm.Runtime.Conversion.Torchvision;

/// <summary>The sizes that make a vision transformer.</summary>
internal sealed record VitSizes(int Image, int Patch, int Channels, int Layers, int Heads, int Hidden, int Mlp, int Labels)
{
    /// <summary>torchvision's named models. The number of heads is in no tensor: for a model of these sizes the name fixes it.</summary>
    private static readonly (string Name, int Patch, int Layers, int Heads, int Hidden, int Mlp)[] Named =
    [
        ("vit_b_16", 16, 12, 12, 768, 3072),
        ("vit_b_32", 32, 12, 12, 768, 3072),
        ("vit_l_16", 16, 24, 16, 1024, 4096),
        ("vit_l_32", 32, 24, 16, 1024, 4096),
        ("vit_h_14", 14, 32, 16, 1280, 5120),
    ];

    /// <summary>Heads and MLP width of one of torchvision's models, by name; null for another name.</summary>
    public static (int Heads, int Mlp)? OfName(string name)
    {
        foreach (var model in Named)
        {
            if (model.Name == name)
            {
                return (model.Heads, model.Mlp);
            }
        }
        return null;
    }

    /// <summary>Reads all sizes but two off the tensors.</summary>
    /// <param name="state">A torchvision state dict, dense or ACMized.</param>
    /// <param name="heads">Attention heads; null where only the sizes can tell.</param>
    /// <param name="mlp">Width of the dense MLP; null where it is dense and so can be seen.</param>
    public static VitSizes FromTensors(StateDict state, int? heads, int? mlp)
    {
        var patches = state.Need("conv_proj.weight", rank: 4).Shape;
        var positions = state.Need("encoder.pos_embedding", rank: 3).Shape;
        long hidden = state.Need("class_token", rank: 3).Shape[2];
        long side = (long)Math.Round(Math.Sqrt(positions[1] - 1));
        if (side < 1 || side * side != positions[1] - 1)
        {
            throw new ModelFormatException(state.File, "encoder.pos_embedding", "a class token and a square of patches", $"{positions[1]} positions");
        }
        int layers = 0;
        while (state.Tensors.ContainsKey($"encoder.layers.encoder_layer_{layers}.ln_1.weight"))
        {
            layers++;
        }
        long labels = state.Need(state.Tensors.ContainsKey("heads.weight") ? "heads.weight" : "heads.head.weight", rank: 2).Shape[0];
        mlp ??= Small(state.Need(state.Tensors.ContainsKey("encoder.layers.encoder_layer_0.mlp.linear_1.weight")
            ? "encoder.layers.encoder_layer_0.mlp.linear_1.weight"
            : "encoder.layers.encoder_layer_0.mlp.0.weight", rank: 2).Shape[0]);
        heads ??= Named.Where(model => (model.Patch, model.Layers, model.Hidden, model.Mlp) == (patches[2], layers, hidden, mlp))
            .Select(model => (int?)model.Heads).FirstOrDefault();
        return new VitSizes(
            Small(Math.Min(side, int.MaxValue) * Math.Min(patches[2], int.MaxValue)),
            Small(patches[2]),
            Small(patches[1]),
            layers,
            heads ?? throw new ModelFormatException(state.File, null, "sizes of one of torchvision's models, or the number of attention heads as an option", "neither"),
            Small(hidden),
            mlp.Value,
            Small(labels));

        // Whatever is beyond is refused with its key when the configuration is read.
        static int Small(long size) => (int)Math.Min(size, int.MaxValue);
    }

    /// <summary>A package's configuration for a dense model of these sizes.</summary>
    public JsonObject ToConfig(string provenance) => new()
    {
        ["format_version"] = ModelConfig.FormatVersion,
        ["architecture"] = "vit",
        ["hidden_size"] = Hidden,
        ["num_hidden_layers"] = Layers,
        ["num_attention_heads"] = Heads,
        ["intermediate_size"] = Mlp,
        ["layer_norm_eps"] = 1e-6,
        ["hidden_act"] = "gelu",
        ["image_size"] = Image,
        ["patch_size"] = Patch,
        ["num_channels"] = Channels,
        ["num_labels"] = Labels,
        ["provenance"] = provenance,
    };
}
