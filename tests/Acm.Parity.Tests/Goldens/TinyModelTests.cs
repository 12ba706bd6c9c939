using Acm.Runtime;
using Acm.Testing;
using NUnit.Framework;

namespace Acm.Parity.Tests.Goldens;

/// <summary>The random dense models, every layer of theirs, against the forward of the library they come from.</summary>
public class TinyModelTests
{
    [Test]
    public void Vit_in_both_layouts([ValueSource(typeof(GoldenRun), nameof(GoldenRun.Backends))] BackendKind backend, [Values("model", "original")] string layout)
    {
        using var folder = AsPackage(SharedFolder.Data("vit-tiny"), layout);
        using var golden = new Golden(SharedFolder.Data("vit-tiny", "golden.safetensors"));
        using var run = new GoldenRun(folder.Path, backend);
        run.Run(ModelInput.Pixels(golden.Floats("images")));
        run.CheckHidden(0, WithPositions(golden, run.Model.Folder), "tokens with positions");
        run.CheckHidden(1, golden.Doubles("layer_0"), "layer 0");
        run.CheckHidden(2, golden.Doubles("layer_1"), "layer 1");
        run.CheckOutput(golden.Doubles("logits"), "logits");
    }

    [Test]
    public void Bert_with_sequences_of_unequal_length_in_one_batch(
        [ValueSource(typeof(GoldenRun), nameof(GoldenRun.Backends))] BackendKind backend, [Values("model", "original")] string layout)
    {
        using var folder = AsPackage(SharedFolder.Data("bert-tiny"), layout);
        using var golden = new Golden(SharedFolder.Data("bert-tiny", "golden.safetensors"));
        using var run = new GoldenRun(folder.Path, backend);
        int[][] ids = [golden.Ints("0.input_ids"), golden.Ints("1.input_ids")], types = [golden.Ints("0.token_type_ids"), golden.Ints("1.token_type_ids")];
        run.Run(ModelInput.Text([.. ids[0], .. ids[1]], [ids[0].Length, ids[1].Length], [.. types[0], .. types[1]]));
        for (int b = 0, row = 0; b < 2; row += ids[b++].Length)
        {
            int width = golden.Shape($"{b}.embeddings")[1];
            run.CheckHidden(0, golden.Doubles($"{b}.embeddings"), $"{b} embeddings", row * width);
            run.CheckHidden(1, golden.Doubles($"{b}.layer_0"), $"{b} layer 0", row * width);
            run.CheckHidden(2, golden.Doubles($"{b}.layer_1"), $"{b} layer 1", row * width);
            run.CheckOutput(golden.Doubles($"{b}.embedding"), $"{b} embedding", b * width);
        }
    }

    // Unit length hides what the mean is divided by: here it is not taken.
    [Test]
    public void Bert_without_unit_length([ValueSource(typeof(GoldenRun), nameof(GoldenRun.Backends))] BackendKind backend)
    {
        using var folder = AsPackage(SharedFolder.Data("bert-tiny"), "model");
        string config = File.ReadAllText(folder["config.json"]);
        File.WriteAllText(folder["config.json"], config.Replace("\"normalize\": true", "\"normalize\": false"));
        using var golden = new Golden(SharedFolder.Data("bert-tiny", "golden.safetensors"));
        using var run = new GoldenRun(folder.Path, backend);
        int[][] ids = [golden.Ints("0.input_ids"), golden.Ints("1.input_ids")], types = [golden.Ints("0.token_type_ids"), golden.Ints("1.token_type_ids")];
        run.Run(ModelInput.Text([.. ids[0], .. ids[1]], [ids[0].Length, ids[1].Length], [.. types[0], .. types[1]]));
        for (int b = 0; b < 2; b++)
        {
            run.CheckOutput(golden.Doubles($"{b}.mean"), $"{b} mean", b * run.Result.OutputWidth);
        }
    }

    [TestCaseSource(nameof(SpeechVariants))]
    public void Wav2Vec2_in_every_variant(string name, BackendKind backend)
    {
        string folder = SharedFolder.Need("golden", name);
        using var golden = new Golden("golden", name, "golden.safetensors");
        using var run = new GoldenRun(folder, backend);
        float[][] inputs = [golden.Floats("0.input"), golden.Floats("1.input")];
        run.Run(ModelInput.Samples([.. inputs[0], .. inputs[1]], [inputs[0].Length, inputs[1].Length]));
        for (int b = 0, row = 0; b < 2; row += run.Result.TokensOf[b++])
        {
            int width = golden.Shape($"{b}.layer_in")[1], classes = golden.Shape($"{b}.logits")[1];
            run.CheckHidden(0, golden.Doubles($"{b}.layer_in"), $"{b} layer in", row * width);
            for (int layer = 0; golden.Has($"{b}.layer_{layer}"); layer++)
            {
                run.CheckHidden(layer + 1, golden.Doubles($"{b}.layer_{layer}"), $"{b} layer {layer}", row * width);
            }
            run.CheckOutput(golden.Doubles($"{b}.logits"), $"{b} logits", row * classes);
        }
    }

    public static IEnumerable<TestCaseData> SpeechVariants()
    {
        string? goldens = SharedFolder.Root is null ? null : Path.Combine(SharedFolder.Root, "golden");
        string[] names = Directory.Exists(goldens)
            ? [.. Directory.GetDirectories(goldens, "wav2vec2-tiny-*").Select(path => Path.GetFileName(path)!).Order(StringComparer.Ordinal)]
            : ["wav2vec2-tiny"];
        return names.SelectMany(static _ => GoldenRun.Backends, static (name, backend) => new TestCaseData(name, backend));
    }

    // The golden stores the tokens before positions are added; hidden state 0 has them.
    private static double[] WithPositions(Golden golden, string folder)
    {
        using var weights = SafeTensorsFile.Open(Path.Combine(folder, "model.safetensors"));
        double[] tokens = golden.Doubles("tokens"), positions = new double[weights.Get("encoder.pos_embedding").ElementCount];
        weights.Get("encoder.pos_embedding").CopyTo(positions);
        return [.. tokens.Select((value, i) => value + positions[i % positions.Length])];
    }

    private static TemporaryFolder AsPackage(string source, string layout)
    {
        var folder = new TemporaryFolder();
        folder.CopyAs(Path.Combine(source, "config.json"), "config.json");
        folder.CopyAs(Path.Combine(source, $"{layout}.safetensors"), "model.safetensors");
        return folder;
    }
}
