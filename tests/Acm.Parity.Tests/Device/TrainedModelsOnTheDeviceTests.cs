using System.Text.Json;
using Acm.Parity.Tests.Goldens;
using Acm.Runtime;
using Acm.Testing;
using NUnit.Framework;

namespace Acm.Parity.Tests.Device;

/// <summary>The trained text encoder and speech recogniser on the simulated device, at the three lambdas of their goldens.</summary>
[NonParallelizable]
public class TrainedModelsOnTheDeviceTests
{
    /// <summary>A few sentences in one batch; all of them, in every precision and at every lambda, is the explicit test's.</summary>
    [TestCase(Precision.Float32, 1)]
    [TestCase(Precision.Float16, 2)]
    public void Sentence_vectors(Precision precision, int j) => Sentences(precision, j, 8);

    [Test, Explicit("Ten minutes: dotnet test -c Release tests/Acm.Parity.Tests --filter Name~Every_sentence_vector")]
    public void Every_sentence_vector(
        [Values(Precision.Float32, Precision.TF32, Precision.Float16, Precision.BFloat16)] Precision precision, [Values(0, 1, 2)] int j) => Sentences(precision, j, int.MaxValue);

    /// <summary>All files in one batch, and the words heard in them.</summary>
    [TestCase(Precision.Float16, 0)]
    [TestCase(Precision.Float16, 1)]
    [TestCase(Precision.Float16, 2)]
    public void Speech(Precision precision, int j)
    {
        using Golden golden = new("golden", "wav2vec2-words", "golden.safetensors");
        Speech(golden, precision, j, Files(golden));
    }

    [Test, Explicit("Ten minutes: dotnet test -c Release tests/Acm.Parity.Tests --filter Name~Speech_of_every_file")]
    public void Speech_of_every_file_alone(
        [Values(Precision.Float32, Precision.TF32, Precision.Float16, Precision.BFloat16)] Precision precision, [Values(0, 1, 2)] int j)
    {
        using Golden golden = new("golden", "wav2vec2-words", "golden.safetensors");
        foreach (int file in Files(golden))
            Speech(golden, precision, j, [file]);
    }

    // Margins of the stored logits under which a choice may flip. Measured on all sentences: TF32 flips one of 7374 choices, at 1.5e-4; bf16 twelve, at 8.1e-3 and below.
    private static double Margin(Precision precision) => precision switch
    {
        Precision.Float32 => 1e-4,
        Precision.BFloat16 => 0.025,
        _ => 5e-4,
    };

    private static void Sentences(Precision precision, int j, int most)
    {
        using Golden golden = new("golden", "minilm-acm", "golden.safetensors");
        using AcmModel model = AcmModel.Load(SharedFolder.Need("models", "minilm-acm"));
        int[] all = golden.Ints("length"), shape = golden.Shape($"k.mlp.{j}"), padded = golden.Ints("ids"), k = golden.Ints($"k.mlp.{j}");
        float[] margins = golden.Floats($"margin.mlp.{j}");
        int[] chosen = [.. Enumerable.Range(0, all.Length).Take(most)], lengths = [.. chosen.Select(s => all[s])];
        int[] ids = [.. chosen.SelectMany(s => padded.AsSpan(s * shape[2], all[s]).ToArray())];
        Dictionary<string, ReadOnlyMemory<int>> forced = [];
        List<float[]> lead = [];
        for (int layer = 0; layer < model.Sites.Count; layer++)
        {
            forced[model.Sites[layer].Path] = Packed(k, layer);
            lead.Add(Packed(margins, layer));
        }
        double lambda = golden.Doubles("lambda")[j];
        using DeviceSession device = new(model, precision, maxBatch: lengths.Length);
        InferenceResult result = device.Run(ModelInput.Text(ids, lengths), new RunOptions { Lambda = lambda, ForcedK = forced }, hidden: false);
        int width = result.OutputWidth;
        new Closeness(precision).Check(result.Output, golden.Doubles($"embedding.{j}").AsSpan(0, lengths.Length * width), $"embeddings, lambda {lambda}");
        Flips.Count(device.Run(ModelInput.Text(ids, lengths), new RunOptions { Lambda = lambda }, hidden: false), forced, lead, Margin(precision));

        T[] Packed<T>(T[] values, int layer) => [.. chosen.SelectMany(s => values.AsSpan((layer * shape[1] + s) * shape[2], all[s]).ToArray())];
    }

    private static int[] Files(Golden golden) => [.. Enumerable.Range(0, int.MaxValue).TakeWhile(n => golden.Has($"{n}.input"))];

    private static void Speech(Golden golden, Precision precision, int j, int[] files)
    {
        double lambda = new[] { 0.0, 2, 3 }[j];
        using AcmModel model = AcmModel.Load(SharedFolder.Need("models", "wav2vec2-words"));
        float[] samples = [.. files.SelectMany(n => golden.Floats($"{n}.input"))];
        int[] lengths = [.. files.Select(n => golden.Shape($"{n}.input")[0])];
        Dictionary<string, ReadOnlyMemory<int>> forced = [];
        List<float[]> lead = [];
        foreach (SiteInfo site in model.Sites)
        {
            forced[site.Path] = files.SelectMany(n => Layer(golden.Ints($"{n}.{j}.k"), n, site.Layer)).ToArray();
            lead.Add([.. files.SelectMany(n => Layer(golden.Floats($"{n}.{j}.margin"), n, site.Layer))]);
        }
        using DeviceSession device = new(model, precision, maxBatch: files.Length);
        InferenceResult result = device.Run(ModelInput.Samples(samples, lengths), new RunOptions { Lambda = lambda, ForcedK = forced });
        Closeness closeness = new(precision);
        int row = 0;
        for (int i = 0; i < files.Length; row += result.TokensOf[i++])
        {
            int n = files[i];
            for (int layer = 0; golden.Has($"{n}.{j}.layer_{layer}"); layer++)
                closeness.Check(result.Hidden(layer + 1)[(row * golden.Shape($"{n}.{j}.layer_{layer}")[1])..], golden.Doubles($"{n}.{j}.layer_{layer}"), $"file {n} layer {layer}");
            closeness.Check(result.Output[(row * result.OutputWidth)..], golden.Doubles($"{n}.{j}.logits"), $"file {n} logits");
        }
        InferenceResult free = device.Run(ModelInput.Samples(samples, lengths), new RunOptions { Lambda = lambda }, hidden: false);
        Flips.Count(free, forced, lead, Margin(precision));
        CheckWords(golden, model, precision, j, files, free);
        // The device's own choice of characters is the one from its logits, which do not come back then.
        InferenceResult classes = device.Run(ModelInput.Samples(samples, lengths), new RunOptions { Lambda = lambda, ClassesOnly = true }, hidden: false);
        int[] best = new int[free.Output.Length / free.OutputWidth];
        CtcDecoder.Best(free.Output, best);
        Assert.That(classes.Classes.ToArray(), Is.EqualTo(best));
        Assert.That(classes.Output.IsEmpty);
        Assert.That(classes.OutputSpace.IndexOfAnyExcept(float.NaN), Is.EqualTo(-1));

        T[] Layer<T>(T[] values, int n, int layer)
        {
            int frames = golden.Shape($"{n}.{j}.k")[1];
            return values.AsSpan(layer * frames, frames).ToArray();
        }
    }

    // Exactly the golden's words; with products in 16 bits or TF32 but for characters that the golden itself hardly prefers: by twice the widest lead seen to turn (8.2E-4, 4.4E-2).
    private static void CheckWords(Golden golden, AcmModel model, Precision precision, int j, int[] files, InferenceResult result)
    {
        int row = 0;
        for (int i = 0; i < files.Length; row += result.TokensOf[i++])
        {
            int frames = result.TokensOf[i], width = result.OutputWidth;
            double[] logits = golden.Doubles($"{files[i]}.{j}.logits");
            int[] best = new int[frames];
            CtcDecoder.Best(result.Output.Slice(row * width, frames * width), best);
            string heard = CtcDecoder.Text(best, model.Labels!, model.Config.Wav2Vec2!.PadTokenId), said = Transcript(files[i], j);
            if (heard == said)
                continue;
            double widest = best.Select((id, frame) => logits.AsSpan(frame * width, width).ToArray().Max() - logits[frame * width + id]).Max();
            TestContext.Out.WriteLine($"file {files[i]}: '{heard}' for '{said}'; the golden's lead is {widest:E1} of a logit");
            Assert.That(widest, Is.LessThan(precision switch { Precision.TF32 or Precision.Float16 => 0.002, Precision.BFloat16 => 0.09, _ => 0 }));
        }
    }

    private static string Transcript(int file, int j)
    {
        using JsonDocument all = JsonDocument.Parse(File.ReadAllBytes(SharedFolder.Need("golden", "wav2vec2-words", "transcripts.json")));
        return all.RootElement.GetProperty("files")[file].GetProperty("greedy")[j].GetString()!;
    }
}
