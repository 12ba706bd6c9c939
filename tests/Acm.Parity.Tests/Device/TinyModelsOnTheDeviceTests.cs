using Acm.Runtime;
using Acm.Testing;
using NUnit.Framework;

namespace Acm.Parity.Tests.Device;

/// <summary>The random dense models on the simulated device: every hidden state and output against the stored float64 answers.</summary>
public class TinyModelsOnTheDeviceTests
{
    private static readonly Precision[] Precisions = [Precision.Float32, Precision.TF32, Precision.Float16, Precision.BFloat16];

    [Test]
    public void Bert_with_sequences_of_unequal_length_in_one_batch([ValueSource(nameof(Precisions))] Precision precision)
    {
        string folder = SharedFolder.Data("bert-tiny");
        using Golden golden = new(SharedFolder.Data("bert-tiny", "golden.safetensors"));
        using AcmModel model = AcmModel.Load(folder);
        using DeviceSession device = new(model, precision);
        int[][] ids = [golden.Ints("0.input_ids"), golden.Ints("1.input_ids")], types = [golden.Ints("0.token_type_ids"), golden.Ints("1.token_type_ids")];
        InferenceResult result = device.Run(ModelInput.Text([.. ids[0], .. ids[1]], [ids[0].Length, ids[1].Length], [.. types[0], .. types[1]]));
        Closeness closeness = new(precision);
        for (int b = 0, row = 0; b < 2; row += ids[b++].Length)
        {
            int width = golden.Shape($"{b}.embeddings")[1];
            closeness.Check(result.Hidden(0)[(row * width)..], golden.Doubles($"{b}.embeddings"), $"{b} embeddings");
            closeness.Check(result.Hidden(1)[(row * width)..], golden.Doubles($"{b}.layer_0"), $"{b} layer 0");
            closeness.Check(result.Hidden(2)[(row * width)..], golden.Doubles($"{b}.layer_1"), $"{b} layer 1");
            closeness.Check(result.Output[(b * width)..], golden.Doubles($"{b}.embedding"), $"{b} embedding");
        }
    }

    [TestCaseSource(nameof(SpeechVariants))]
    public void Wav2Vec2_in_every_variant(string name, Precision precision)
    {
        string folder = SharedFolder.Need("golden", name);
        using Golden golden = new("golden", name, "golden.safetensors");
        using AcmModel model = AcmModel.Load(folder);
        using DeviceSession device = new(model, precision);
        float[][] inputs = [golden.Floats("0.input"), golden.Floats("1.input")];
        InferenceResult result = device.Run(ModelInput.Samples([.. inputs[0], .. inputs[1]], [inputs[0].Length, inputs[1].Length]));
        Closeness closeness = new(precision);
        for (int b = 0, row = 0; b < 2; row += result.TokensOf[b++])
        {
            int width = golden.Shape($"{b}.layer_in")[1], classes = golden.Shape($"{b}.logits")[1];
            closeness.Check(result.Hidden(0)[(row * width)..], golden.Doubles($"{b}.layer_in"), $"{b} layer in");
            for (int layer = 0; golden.Has($"{b}.layer_{layer}"); layer++)
                closeness.Check(result.Hidden(layer + 1)[(row * width)..], golden.Doubles($"{b}.layer_{layer}"), $"{b} layer {layer}");
            closeness.Check(result.Output[(row * classes)..], golden.Doubles($"{b}.logits"), $"{b} logits");
        }
    }

    public static IEnumerable<TestCaseData> SpeechVariants()
    {
        string? goldens = SharedFolder.Root is null ? null : Path.Combine(SharedFolder.Root, "golden");
        string[] names = Directory.Exists(goldens)
            ? [.. Directory.GetDirectories(goldens, "wav2vec2-tiny-*").Select(path => Path.GetFileName(path)!).Order(StringComparer.Ordinal)]
            : ["wav2vec2-tiny"];
        // Every variant in one precision, and every precision once.
        for (int i = 0; i < names.Length; i++)
            yield return new TestCaseData(names[i], Precisions[i % Precisions.Length]);
    }
}
