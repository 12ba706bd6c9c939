using System.Globalization;
using System.Text.Json.Nodes;
using Acm.Runtime.Configuration;
using Acm.Runtime.Conversion.Torch;
using Acm.Runtime.Conversion.Torchvision;

namespace Acm.Runtime.Conversion.Published;

/// <summary>Makes a package of a chain of the published code's runs: weights from the last one, the configuration from those before it.</summary>
internal static class PublishedConverter
{
    private const string FirstMlp = "encoder.layers.encoder_layer_0.mlp";

    /// <summary>Each ACM site: its name in a package, in <c>model_args</c>, and which of the arguments say its activation and biases.</summary>
    private static readonly (string Site, string Argument, string Activation, string DefaultActivation, string Bias)[] Sites =
    [
        ("mlp", "ffn", "activation", "gelu", "bias"),
        ("q_proj", "q_proj", "attention_activation", "identity", "attention_bias"),
        ("k_proj", "k_proj", "attention_activation", "identity", "attention_bias"),
        ("v_proj", "v_proj", "attention_activation", "identity", "attention_bias"),
        ("o_proj", "o_proj", "attention_activation", "identity", "attention_bias"),
    ];

    /// <summary>Converts the chain that ends with a checkpoint.</summary>
    /// <param name="last">The run whose weights are wanted.</param>
    /// <param name="given">Files to look for the other runs in.</param>
    /// <param name="heads">Attention heads, where the dense model is not at hand to say; else null.</param>
    public static ConvertedPackage Convert(Checkpoint last, IReadOnlyList<Checkpoint> given, int? heads)
    {
        using var chain = CheckpointChain.Follow(last, given, denseNeeded: heads is null);
        string provenance = $"{Path.GetFileName(last.Path)}, a checkpoint of the published code";
        var tensors = TorchvisionNames.Table.Apply(last.State);
        if (Phases.Of(last.Args!) == Phase.Dense)
        {
            return new ConvertedPackage(last.Path, Sizes(last, last, heads, seenMlp: null).ToConfig(provenance), tensors, null, [TorchvisionConverter.NoPreprocessing]);
        }
        if (chain[Phase.Gates] is not { } gates)
        {
            throw new ModelFormatException(last.Path, "args.model_class", "a run with gates: phase 2 or 3", Phases.Of(last.Args!).Describe());
        }
        var modules = chain[Phase.Modules]!;
        var moduleArgs = modules.Args!.ObjectOrNull("model_args") ?? throw modules.Args.Wrong("model_args", "arguments");
        var gateArgs = gates.Args!.ObjectOrNull("model_args") ?? throw gates.Args.Wrong("model_args", "arguments");

        int learners = moduleArgs.Int("num_blocks", 1, 16);
        double share = moduleArgs.Number("block_flops_factor", 1e-6, 1e6);
        var sizes = Sizes(chain[Phase.Dense], last, heads, SeenMlp(last.State, learners, share));
        var acm = new JsonObject();
        foreach (var (site, argument, activation, defaultActivation, bias) in Sites)
        {
            if (moduleArgs.Flag(argument))
            {
                double learnerSize = site == "mlp" ? LearnerOfMlp(share, sizes) : LearnerOfProjection(share, sizes);
                acm[site] = Site(learners, learnerSize, MinChoice(gateArgs, site), Activation(moduleArgs, activation, defaultActivation), gateArgs);
                RequireBiases(moduleArgs, bias, site, sizes.Layers, tensors);
            }
        }
        var config = sizes.ToConfig(provenance);
        config["acm"] = acm;
        config["acm_semantics"] = "paper";
        return new ConvertedPackage(last.Path, config, tensors, Entries: null,
            [TorchvisionConverter.NoPreprocessing, "the package follows the paper's semantics; acm_semantics published_code gives the released code's numbers"]);
    }

    // The code's own formulas; C#'s Round goes half to even, as Python's does.
    private static double LearnerOfMlp(double share, VitSizes sizes) => Math.Round(share * sizes.Mlp);

    private static double LearnerOfProjection(double share, VitSizes sizes)
    {
        double d = sizes.Hidden;
        return Math.Round(share * ((d * d + d) / (2 * d + 1)));
    }

    /// <summary>The dense model's sizes: what its arguments or its class's name say, else what the tensors show.</summary>
    private static VitSizes Sizes(Checkpoint? dense, Checkpoint last, int? heads, int? seenMlp)
    {
        var named = dense is null ? null : Phases.NamedModel(dense.Args!.Text("model_class"));
        var args = dense?.Args!.ObjectOrNull("model_args");
        var seen = VitSizes.FromTensors(last.State, Argument(args, "num_heads") ?? named?.Heads ?? heads, Argument(args, "mlp_dim") ?? named?.Mlp ?? seenMlp);
        return seen with
        {
            Image = Argument(args, "image_size") ?? seen.Image,
            Patch = Argument(args, "patch_size") ?? seen.Patch,
            Layers = Argument(args, "num_layers") ?? seen.Layers,
            Hidden = Argument(args, "hidden_dim") ?? seen.Hidden,
            Labels = Argument(args, "num_classes") ?? seen.Labels,
        };

        static int? Argument(CheckpointArgs? args, string name) => args is not null && args.Has(name) ? args.Int(name, 1, 1 << 24) : null;
    }

    // Without the dense model, an ACM's learners still tell the width they stand in for; null where the MLP is dense.
    private static int? SeenMlp(StateDict state, int learners, double share) =>
        state.Tensors.ContainsKey($"{FirstMlp}.w1")
            ? (int)Math.Clamp(Math.Round(state.Need($"{FirstMlp}.w1", rank: 2).Shape[1] / learners / share), 1, int.MaxValue)
            : null;

    private static JsonObject Site(int learners, double learnerSize, int minK, string activation, CheckpointArgs gates) => new()
    {
        ["learners"] = learners,
        ["learner_size"] = (int)Math.Clamp(learnerSize, 0, int.MaxValue),
        ["min_k"] = minK,
        ["activation"] = activation,
        ["gate"] = new JsonObject
        {
            ["layers"] = gates.Int("depth", 1, 16),
            ["hidden_size"] = gates.Int("gating_hidden_dim", 1, Limits.Width),
            ["activation"] = "identity",
        },
    };

    // One number for all sites, or one for each that is named; 0 for the others.
    private static int MinChoice(CheckpointArgs gates, string site)
    {
        if (gates.IsInt("min_choice"))
        {
            return gates.Int("min_choice", 0, 16);
        }
        var named = gates.ObjectOrNull("min_choice");
        string key = site == "mlp" && named?.Has("ffn") == true ? "ffn" : site;
        return named?.Has(key) == true ? named.Int(key, 0, 16) : 0;
    }

    private static string Activation(CheckpointArgs args, string name, string absent) => args.TextOrNull(name) switch
    {
        null => absent,
        "gelu" => "gelu",
        "relu" => "relu",
        "identity" or "none" or "linear" => "identity",
        _ => throw args.Wrong(name, "gelu, relu or identity"),
    };

    private static void RequireBiases(CheckpointArgs args, string name, string site, int layers, IReadOnlyDictionary<string, PackageTensor> tensors)
    {
        if (args.TextOrNull(name) is not { } biases)
        {
            return;
        }
        var (hidden, output) = biases switch
        {
            "both" => (true, true),
            "hidden_only" => (true, false),
            "out_only" => (false, true),
            "none" => (false, false),
            _ => throw args.Wrong(name, "both, hidden_only, out_only or none"),
        };
        string path = site == "mlp" ? "mlp" : $"self_attention.{site}";
        string[] modules = [.. tensors.Keys.Where(key => key.EndsWith($".{path}.w1", StringComparison.Ordinal)).Select(key => key[..^".w1".Length])];
        foreach (string module in modules.Where(module => LayerOf(module) < layers))
        {
            RequireBias($"{module}.b1", hidden);
            RequireBias($"{module}.b2", output);
        }

        static int LayerOf(string module) => int.Parse(module.Split('.')[2]["encoder_layer_".Length..], CultureInfo.InvariantCulture);

        void RequireBias(string tensor, bool expected)
        {
            if (tensors.ContainsKey(tensor) != expected)
            {
                throw new ModelFormatException(tensors.Values.First().Source.File, tensor, expected ? $"a bias, as {name} '{biases}' says" : $"no bias, as {name} '{biases}' says", expected ? "none" : "one");
            }
        }
    }
}
