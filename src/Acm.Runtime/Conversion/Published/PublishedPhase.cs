using Acm.Runtime.Conversion.Torch;
using Acm.Runtime.Conversion.Torchvision;

namespace Acm.Runtime.Conversion.Published;

/// <summary>The runs a model of the published code goes through, each based on the one before.</summary>
internal enum Phase
{
    /// <summary>The dense model.</summary>
    Dense,
    /// <summary>ACMs distilled from it, without gates.</summary>
    Modules,
    /// <summary>Gates added.</summary>
    Gates,
    /// <summary>All of it trained together.</summary>
    Finetuned,
}

/// <summary>Which phase a checkpoint is of.</summary>
internal static class Phases
{
    private const string TorchvisionPrefix = "tv_";

    /// <summary>From <c>args.model_class</c>.</summary>
    public static Phase Of(CheckpointArgs args) => args.Text("model_class") switch
    {
        "facm" => Phase.Finetuned,
        "acm_deep_gumbel" => Phase.Gates,
        "acm" => Phase.Modules,
        "vit" => Phase.Dense,
        var name when NamedModel(name) is not null => Phase.Dense,
        _ => throw args.Wrong("model_class", "facm, acm_deep_gumbel, acm, vit or tv_vit_..."),
    };

    /// <summary>Heads and MLP width where the class is one of torchvision's models.</summary>
    public static (int Heads, int Mlp)? NamedModel(string modelClass) =>
        modelClass.StartsWith(TorchvisionPrefix, StringComparison.Ordinal) ? VitSizes.OfName(modelClass[TorchvisionPrefix.Length..]) : null;

    /// <summary>The phase in words.</summary>
    public static string Describe(this Phase phase) => phase switch
    {
        Phase.Dense => "phase 0, the dense model",
        Phase.Modules => "phase 1, model_class acm",
        Phase.Gates => "phase 2, model_class acm_deep_gumbel",
        _ => "phase 3, model_class facm",
    };
}
