using Acm.Runtime.Plan;

namespace Acm.Runtime.Configuration;

/// <summary>What only vision models have: square images of <paramref name="ImageSize"/> cut into patches of <paramref name="PatchSize"/>.</summary>
internal sealed record VitConfig(int ImageSize, int PatchSize, int Channels, int Labels)
{
    /// <summary>Patches of an image.</summary>
    public int Patches => ImageSize / PatchSize * (ImageSize / PatchSize);

    public static VitConfig Read(ConfigNode root)
    {
        int image = root.Int("image_size", 1, Limits.Length);
        int patch = root.Int("patch_size", 1, image);
        if (image % patch != 0)
        {
            throw root.Wrong("image_size", $"a multiple of patch_size {patch}", $"{image}");
        }
        if ((long)(image / patch) * (image / patch) > Limits.Length)
        {
            throw root.Wrong("patch_size", $"at most {Limits.Length} patches per image", $"{image / patch} x {image / patch}");
        }
        return new VitConfig(image, patch, root.Int("num_channels", 1, 1024), root.Int("num_labels", 1, Limits.Entries));
    }
}

/// <summary>How a text encoder makes one vector of a sentence's.</summary>
internal enum Pooling { Mean, Cls }

/// <summary>What only text encoders have.</summary>
internal sealed record BertConfig(int VocabSize, int MaxPositions, int TypeVocabSize, Pooling Pooling, bool Normalize)
{
    public static BertConfig Read(ConfigNode root) => new(
        root.Int("vocab_size", 1, Limits.Entries),
        root.Int("max_position_embeddings", 1, Limits.Entries),
        root.Int("type_vocab_size", 1, Limits.Length),
        root.Choice("pooling", ("mean", Pooling.Mean), ("cls", Pooling.Cls)),
        root.Flag("normalize", absent: false));
}

/// <summary>Where the feature encoder of a speech model normalises.</summary>
internal enum FeatureNorm
{
    /// <summary>Group norm after the first convolution only.</summary>
    Group,
    /// <summary>Layer norm after every convolution.</summary>
    Layer,
}

/// <summary>What only speech models have; the convolutions of the feature encoder are described by arrays of equal length.</summary>
internal sealed record Wav2Vec2Config(
    int[] ConvDim, int[] ConvKernel, int[] ConvStride, bool ConvBias, FeatureNorm FeatureNorm, Activation FeatureActivation,
    int PositionKernel, int PositionGroups, bool StableLayerNorm, int VocabSize, int PadTokenId, int SamplingRate)
{
    private const int MostConvolutions = 64;

    /// <summary>Samples that make one frame: fewer make none. The receptive field of the feature encoder.</summary>
    public int LeastSamples
    {
        get
        {
            long samples = 1;
            for (int i = ConvKernel.Length - 1; i >= 0; i--)
            {
                samples = Math.Min(int.MaxValue, ((samples - 1) * ConvStride[i]) + ConvKernel[i]);
            }
            return (int)samples;
        }
    }

    public static Wav2Vec2Config Read(ConfigNode root, int hiddenSize)
    {
        int[] dim = root.Ints("conv_dim", 1, Limits.Width, MostConvolutions);
        if (dim.Length == 0)
        {
            throw root.Wrong("conv_dim", "at least one convolution", "an empty array");
        }
        int[] kernel = OfLength(root, "conv_kernel", dim.Length);
        int[] stride = OfLength(root, "conv_stride", dim.Length);
        if (stride.Aggregate(1.0, static (samples, each) => samples * each) > Limits.Length)
        {
            throw root.Wrong("conv_stride", $"at most {Limits.Length} samples from one frame to the next", $"strides of {string.Join(" x ", stride)}");
        }
        int groups = root.Int("num_conv_pos_embedding_groups", 1, hiddenSize);
        if (hiddenSize % groups != 0)
        {
            throw root.Wrong("num_conv_pos_embedding_groups", $"a divisor of hidden_size {hiddenSize}", $"{groups}");
        }
        int vocabulary = root.Int("vocab_size", 1, Limits.Entries);
        return new Wav2Vec2Config(
            dim,
            kernel,
            stride,
            root.Flag("conv_bias"),
            root.Choice("feat_extract_norm", ("group", FeatureNorm.Group), ("layer", FeatureNorm.Layer)),
            Activations.ReadDense(root, "feat_extract_activation"),
            root.Int("num_conv_pos_embeddings", 1, Limits.Length),
            groups,
            root.Flag("do_stable_layer_norm"),
            vocabulary,
            root.Int("pad_token_id", 0, vocabulary - 1),
            root.Int("sampling_rate", 1, 1_000_000));
    }

    private static int[] OfLength(ConfigNode root, string key, int length)
    {
        int[] values = root.Ints(key, 1, 1 << 14, MostConvolutions);
        return values.Length == length ? values : throw root.Wrong(key, $"{length} numbers, as in conv_dim", $"{values.Length}");
    }
}
