using Acm.Runtime;
using Acm.Runtime.Conversion;
using Acm.Testing;
using NUnit.Framework;

namespace Acm.Parity.Tests.Device;

/// <summary>Models converted from what others wrote, on the simulated device, against the answers stored beside them.</summary>
public class ConvertedModelsOnTheDeviceTests
{
    private static readonly Precision[] Precisions = [Precision.Float32, Precision.TF32, Precision.Float16, Precision.BFloat16];

    public static IEnumerable<TestCaseData> Folders()
    {
        string root = Path.Combine(SharedFolder.Root ?? "", "golden", "hf-folders");
        string[] names = Directory.Exists(root) ? [.. Directory.GetDirectories(root).Select(static path => Path.GetFileName(path)!).Order(StringComparer.Ordinal)] : ["none"];
        return names.SelectMany((name, i) => (TestCaseData[])[new(name, Precisions[0]), new(name, Precisions[1 + i % 3])]);
    }

    [TestCaseSource(nameof(Folders))]
    public void A_hugging_face_folder(string name, Precision precision)
    {
        string source = SharedFolder.Need("golden", "hf-folders", name);
        using TemporaryFolder folder = new();
        ModelConverter.Convert([source], folder["package"], new ConversionOptions { Normalize = false });
        using AcmModel model = AcmModel.Load(folder["package"]);
        using Golden golden = new(Path.Combine(source, "golden.safetensors"));
        using DeviceSession device = new(model, precision);
        Closeness closeness = new(precision);
        InferenceResult result = device.Run(Input(golden, model));
        string output = model.Architecture == Architecture.Bert ? "mean_pooled" : "logits";
        closeness.Check(result.Output, golden.Doubles(output), output);
        for (int i = 0; model.Architecture != Architecture.Bert && golden.Has($"hidden.{i}"); i++)
            closeness.Check(result.Hidden(i), golden.Doubles($"hidden.{i}"), $"hidden {i}");
    }

    /// <summary>The paper's semantics, and the released code's, in which an answer depends on what else is in the batch.</summary>
    [TestCase("paper", AcmSemantics.Paper, 4)]
    [TestCase("published_batch", AcmSemantics.PublishedCode, 4)]
    [TestCase("published_single", AcmSemantics.PublishedCode, 1)]
    public void The_published_chain(string semantics, AcmSemantics follow, int batch)
    {
        string source = SharedFolder.Need("golden", "published-checkpoint");
        using TemporaryFolder folder = new();
        ModelConverter.Convert([Path.Combine(source, "facm.pth")], folder["package"], new ConversionOptions());
        using AcmModel model = AcmModel.Load(folder["package"], new ModelLoadOptions { Semantics = follow });
        using Golden golden = new(Path.Combine(source, "golden.safetensors"));
        float[] images = golden.Floats("input");
        double[] logits = golden.Doubles($"logits.{semantics}");
        int image = model.Plan.InputWidth, classes = model.Plan.Output.Width;
        foreach (Precision precision in Precisions)
        {
            using DeviceSession device = new(model, precision);
            for (int first = 0; first < images.Length / image; first += batch)
            {
                Dictionary<string, ReadOnlyMemory<int>> k = model.Sites.ToDictionary(static site => site.Path, site => (ReadOnlyMemory<int>)Part(golden.Ints($"k.{semantics}.{site.Path}"), first));
                ModelInput input = ModelInput.Pixels(images.AsSpan(first * image, batch * image));
                new Closeness(precision, 0.35).Check(device.Run(input, new RunOptions { ForcedK = k }).Output, logits.AsSpan(first * classes, batch * classes), $"{semantics}, images {first}..");
                if (precision != Precision.Float32)
                    continue;
                InferenceResult free = device.Run(input);
                foreach (SiteInfo site in model.Sites)
                    Assert.That(free.K(site.Path).ToArray(), Is.EqualTo(k[site.Path].ToArray()), site.Path);
                new Closeness(precision, 0.35).Check(free.Output, logits.AsSpan(first * classes, batch * classes), $"{semantics}, free, images {first}..");
            }

            int[] Part(int[] all, int first) => all[(first * (all.Length / 4))..((first + batch) * (all.Length / 4))];
        }
    }

    private static ModelInput Input(Golden golden, AcmModel model)
    {
        switch (model.Architecture)
        {
            case Architecture.Vit:
                return ModelInput.Pixels(golden.Floats("pixels"));
            case Architecture.Bert:
                int[] padded = golden.Ints("input_ids"), lengths = golden.Ints("lengths");
                int width = golden.Shape("input_ids")[1];
                int[] ids = [.. lengths.SelectMany((length, i) => padded.Skip(i * width).Take(length))];
                return ModelInput.Text(ids, lengths);
            default:
                int[] shape = golden.Shape("samples");
                int[] each = [.. Enumerable.Repeat(shape[1], shape[0])];
                return ModelInput.Samples(golden.Floats("samples"), each);
        }
    }
}
