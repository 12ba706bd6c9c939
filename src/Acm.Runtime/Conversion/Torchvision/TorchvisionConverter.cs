namespace Acm.Runtime.Conversion.Torchvision;

/// <summary>Makes a dense package of a state dict with torchvision's names.</summary>
internal static class TorchvisionConverter
{
    /// <summary>Said of every package whose source does not say how pictures become pixels.</summary>
    public const string NoPreprocessing =
        "the source does not say how pictures become pixels: add \"preprocessing\" to config.json before classifying images";

    /// <summary>Converts; heads may be null for torchvision's named models.</summary>
    public static ConvertedPackage Convert(StateDict state, int? heads) => new(
        state.File,
        VitSizes.FromTensors(state, heads, mlp: null).ToConfig($"{Path.GetFileName(state.File)}, a torchvision VisionTransformer"),
        TorchvisionNames.Table.Apply(state),
        Entries: null,
        [NoPreprocessing]);
}
