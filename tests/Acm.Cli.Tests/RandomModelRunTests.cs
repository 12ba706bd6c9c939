using Acm.Runtime;
using Acm.Testing;
using NUnit.Framework;

namespace Acm.Cli.Tests;

/// <summary>acm run over random packages of every architecture and site, as goldens are run: Reference against Cpu, batches against their rows.</summary>
public class RandomModelRunTests
{
    private static Dictionary<string, (long[] Shape, float[] Values)> Run(TemporaryFolder folder, SafeTensorsWriter input, string backend, params string[] options)
    {
        input.Save(folder["in.safetensors"]);
        Tool.Succeed(["run", folder["model"], "--input", folder["in.safetensors"], "--output", folder["out.safetensors"], "--hidden", "--backend", backend, .. options]);
        using SafeTensorsFile file = SafeTensorsFile.Open(folder["out.safetensors"]);
        return file.Names.ToDictionary(static name => name, name =>
        {
            TensorView view = file.Get(name);
            float[] values = new float[view.ElementCount];
            if (view.DType == TensorDType.I32)
            {
                int[] whole = new int[values.Length];
                view.CopyTo(whole);
                values = [.. whole.Select(static value => (float)value)];
            }
            else
                view.CopyTo(values);
            return (view.Shape.ToArray(), values);
        });
    }

    [Test]
    public void A_padded_batch_on_Cpu_is_Reference_s_with_its_routing_and_each_row_its_own([Range(0, 23)] int seed)
    {
        using TemporaryFolder folder = new();
        RandomPackage.Write(folder["model"], seed, (Architecture)(seed % 3));
        using AcmModel model = AcmModel.Load(folder["model"]);
        Random random = new(seed);
        string name = model.Architecture switch { Architecture.Vit => "pixels", Architecture.Bert => "input_ids", _ => "samples" };
        int shortest = Enumerable.Range(1, 1000).First(length => model.Plan.Tokens.RowsOf(length) >= 1), width = model.Architecture == Architecture.Bert ? 24 : shortest + 90;
        int[] lengths = [width - 3, shortest, width / 2 + shortest / 2];

        // What lies in the padding must never be looked at.
        SafeTensorsWriter Input(int[] rows, int columns, Dictionary<string, (long[] Shape, float[] Values)>? forced = null)
        {
            SafeTensorsWriter writer = new();
            Random values = new(seed + 100);
            float[][] all = [.. lengths.Select(_ => Enumerable.Range(0, name == "pixels" ? model.Plan.InputWidth : width).Select(_ => (float)values.NextDouble()).ToArray())];
            if (name == "pixels")
            {
                int side = model.Config.Vit!.ImageSize;
                writer.Add(name, [rows.Length, model.Config.Vit.Channels, side, side], rows.SelectMany(row => all[row]).ToArray());
            }
            else
            {
                float[] padded = [.. rows.SelectMany(row => all[row].Take(columns).Select((value, i) => i < lengths[row] ? value : float.NaN))];
                if (name == "samples")
                    writer.Add(name, [rows.Length, columns], padded);
                else
                    writer.Add(name, [rows.Length, columns], padded.Select(static value => float.IsNaN(value) ? -7 : (int)(value * 30)).ToArray());
                writer.Add("lengths", [rows.Length], rows.Select(row => lengths[row]).ToArray());
            }
            foreach (var (path, k) in (forced ?? []).Where(static pair => pair.Key.StartsWith("k.", StringComparison.Ordinal)))
                writer.Add(path, [.. k.Shape], k.Values.Select((value, i) => i % (int)k.Shape[1] < Tokens(i / (int)k.Shape[1]) ? (int)value : 99).ToArray());
            return writer;
        }

        int Tokens(int row) => model.Plan.Tokens.RowsOf(lengths[row]);

        var exact = Run(folder, Input([0, 1, 2], width), "reference", "--lambda", "0.3");
        var fast = Run(folder, Input([0, 1, 2], width, exact), "cpu", "--lambda", "7");
        Assert.That(fast.Keys, Is.EquivalentTo(exact.Keys));
        Assert.That(exact.Keys.Count(static key => key.StartsWith("hidden.", StringComparison.Ordinal)), Is.EqualTo(1 + model.Config.Layers));
        Assert.That(exact.Keys.Count(static key => key.StartsWith("k.", StringComparison.Ordinal)), Is.EqualTo(model.Sites.Count));
        foreach (var (key, (shape, values)) in exact)
        {
            Assert.That(fast[key].Shape, Is.EqualTo(shape), key);
            double scale = values.Max(static value => Math.Abs(value)) + 1e-3;
            for (int i = 0; i < values.Length; i++)
                Assert.That(fast[key].Values[i], Is.EqualTo(values[i]).Within(key[0] == 'k' ? 0 : 1e-4 * scale), $"{key}[{i}]");
        }
        var batch = Run(folder, Input([0, 1, 2], width), "cpu", "--lambda", "0.3");
        for (int row = 0; row < lengths.Length; row++)
        {
            var alone = Run(folder, Input([row], lengths[row]), "cpu", "--lambda", "0.3", "--threads", $"{1 + row}");
            foreach (var (key, (shape, values)) in alone)
            {
                int stride = batch[key].Values.Length / 3;
                Assert.That(values.AsSpan().SequenceEqual(batch[key].Values.AsSpan(row * stride, values.Length)), $"{key} of row {row}");
                Assert.That(batch[key].Values.AsSpan(row * stride + values.Length, stride - values.Length).ToArray(), Has.All.Zero, $"{key} beyond row {row}");
            }
        }
    }
}
