using Acm.Runtime.Configuration;
using Acm.Runtime.Plan;

namespace Acm.Runtime.Models;

/// <summary>From a configuration and its weights to the forward.</summary>
internal static class ModelPlan
{
    /// <summary>Builds the plan of any architecture; every tensor it uses has been checked.</summary>
    /// <exception cref="ModelFormatException">The weights are not what the configuration says.</exception>
    public static ForwardPlan Build(ModelConfig config, SafeTensorsFile file, bool allowNonFinite)
    {
        var weights = new PackageWeights(file, allowNonFinite);
        return config.Architecture switch
        {
            Architecture.Vit => VitPlan.Build(config, weights),
            Architecture.Bert => BertPlan.Build(config, weights),
            _ => Wav2Vec2Plan.Build(config, weights),
        };
    }
}
