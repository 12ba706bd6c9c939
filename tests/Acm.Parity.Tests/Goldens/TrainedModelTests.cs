using Acm.Runtime;
using Acm.Testing;
using NUnit.Framework;

namespace Acm.Parity.Tests.Goldens;

/// <summary>The trained text encoder and speech recogniser, at the three lambdas of their goldens.</summary>
public class TrainedModelTests
{
    private const double Margin = 1e-4;

    private readonly record struct Sentence(int Index, int[] Ids);

    [Test]
    public void Sentence_vectors_on_Reference([Values(0, 1, 2)] int j)
    {
        using var golden = new Golden("golden", "minilm-acm", "golden.safetensors");
        using var model = AcmModel.Load(SharedFolder.Need("models", "minilm-acm"));
        using var session = model.CreateSession(new SessionOptions { Backend = BackendKind.Reference });
        double lambda = golden.Doubles("lambda")[j];
        int[] k = golden.Ints($"k.mlp.{j}"), shape = golden.Shape($"k.mlp.{j}");
        double[] embeddings = golden.Doubles($"embedding.{j}");
        Parallel.ForEach(Sentences(golden), sentence =>
        {
            var result = session.CreateResult(hidden: true);
            session.Run(ModelInput.Text(sentence.Ids, [sentence.Ids.Length]), result, new RunOptions { Lambda = lambda });
            for (int layer = 0; layer < model.Sites.Count; layer++)
            {
                Assert.That(result.K(layer).SequenceEqual(k.AsSpan((layer * shape[1] + sentence.Index) * shape[2], sentence.Ids.Length)), $"k of sentence {sentence.Index}, layer {layer}");
            }
            int width = result.OutputWidth;
            Assert.That(Golden.RelativeError(result.ExactOutput, embeddings.AsSpan(sentence.Index * width, width)), Is.LessThan(1e-9), $"sentence {sentence.Index}");
            if (golden.Has($"hidden.{j}.s{sentence.Index}"))
            {
                double[] states = golden.Doubles($"hidden.{j}.s{sentence.Index}");
                for (int i = 0; i < result.HiddenCount; i++)
                {
                    int size = result.ExactHidden(i).Length;
                    Assert.That(Golden.RelativeError(result.ExactHidden(i), states.AsSpan(i * size, size)), Is.LessThan(1e-9), $"sentence {sentence.Index}, hidden {i}");
                }
            }
        });
    }

    [Test]
    public void Sentence_vectors_on_Cpu_all_sentences_in_one_batch([Values(0, 1, 2)] int j)
    {
        using var golden = new Golden("golden", "minilm-acm", "golden.safetensors");
        using var run = new GoldenRun(SharedFolder.Need("models", "minilm-acm"), BackendKind.Cpu);
        var sentences = Sentences(golden);
        int[] ids = [.. sentences.SelectMany(static sentence => sentence.Ids)], lengths = [.. sentences.Select(static sentence => sentence.Ids.Length)];
        int[] k = golden.Ints($"k.mlp.{j}"), shape = golden.Shape($"k.mlp.{j}");
        float[] margins = golden.Floats($"margin.mlp.{j}");
        var forced = new Dictionary<string, ReadOnlyMemory<int>>();
        var lead = new List<float[]>();
        for (int layer = 0; layer < run.Model.Sites.Count; layer++)
        {
            forced[run.Model.Sites[layer].Path] = Packed(k, layer);
            lead.Add(Packed(margins, layer));
        }
        var options = new RunOptions { Lambda = golden.Doubles("lambda")[j], ForcedK = forced };
        run.Run(ModelInput.Text(ids, lengths), options);
        run.CheckOutput(golden.Doubles($"embedding.{j}"), "embeddings, forced");
        run.Run(ModelInput.Text(ids, lengths), new RunOptions { Lambda = options.Lambda });
        Flips.Count(run.Result, forced, lead, Margin);

        T[] Packed<T>(T[] values, int layer) =>
            [.. sentences.SelectMany(sentence => values.AsSpan((layer * shape[1] + sentence.Index) * shape[2], sentence.Ids.Length).ToArray())];
    }

    [Test]
    public void Sentence_vectors_keep_their_cosine_to_the_dense_teacher_at_every_budget()
    {
        using var golden = new Golden("golden", "minilm-acm", "golden.safetensors");
        using var run = new GoldenRun(SharedFolder.Need("models", "minilm-acm"), BackendKind.Cpu);
        double[] teacher = golden.Doubles("teacher.embedding"), lambdas = golden.Doubles("lambda");
        int[][] texts = [.. File.ReadLines(Path.Combine(run.Model.Folder, "sentences.txt")).Select(line => WordPieceEncoder.For(run.Model).Encode(line, out _))];
        int[] ids = [.. texts.SelectMany(static text => text)], lengths = [.. texts.Select(static text => text.Length)];
        double before = 1;
        for (int j = 0; j < lambdas.Length; j++)
        {
            run.Run(ModelInput.Text(ids, lengths), new RunOptions { Lambda = lambdas[j] });
            double cosine = Cosine([.. run.Result.Output.ToArray().Select(static value => (double)value)], teacher, lengths.Length);
            double stated = Cosine(golden.Doubles($"embedding.{j}"), teacher, lengths.Length);
            TestContext.Out.WriteLine($"lambda {lambdas[j]}: mean cosine {cosine:F7}, the golden's {stated:F7}");
            Assert.That(cosine, Is.EqualTo(stated).Within(1e-5).And.LessThan(before));
            before = cosine;
        }

        // The mean over rows of unit length.
        static double Cosine(double[] a, double[] b, int rows) => a.Zip(b, static (x, y) => x * y).Sum() / rows;
    }

    [Test]
    public void Speech_on_both_backends([Values(0, 1, 2)] int j, [ValueSource(typeof(GoldenRun), nameof(GoldenRun.Backends))] BackendKind backend)
    {
        double lambda = new[] { 0.0, 2, 3 }[j];
        using var golden = new Golden("golden", "wav2vec2-words", "golden.safetensors");
        using var run = new GoldenRun(SharedFolder.Need("models", "wav2vec2-words"), backend);
        for (int n = 0; golden.Has($"{n}.input"); n++)
        {
            float[] input = golden.Floats($"{n}.input");
            int[] k = golden.Ints($"{n}.{j}.k"), lengths = [input.Length];
            int frames = golden.Shape($"{n}.{j}.k")[1];
            var forced = run.Model.Sites.ToDictionary(site => site.Path, site => (ReadOnlyMemory<int>)k.AsMemory(site.Layer * frames, frames));
            float[] margins = golden.Floats($"{n}.{j}.margin");
            var lead = run.Model.Sites.Select(site => margins.AsSpan(site.Layer * frames, frames).ToArray()).ToList();
            run.Run(ModelInput.Samples(input, lengths), new RunOptions { Lambda = lambda });
            if (backend == BackendKind.Reference)
            {
                Assert.That(Flips.Count(run.Result, forced, lead, Margin), Is.Zero, $"file {n}: flips");
            }
            else
            {
                Flips.Count(run.Result, forced, lead, Margin);
                run.Run(ModelInput.Samples(input, lengths), new RunOptions { ForcedK = forced });
            }
            run.CheckOutput(golden.Doubles($"{n}.{j}.logits"), $"file {n}: logits");
            for (int layer = 0; golden.Has($"{n}.{j}.layer_{layer}"); layer++)
            {
                run.CheckHidden(layer + 1, golden.Doubles($"{n}.{j}.layer_{layer}"), $"file {n}: layer {layer}");
            }
            if (golden.Has($"{n}.{j}.layer_in"))
            {
                run.CheckHidden(0, golden.Doubles($"{n}.{j}.layer_in"), $"file {n}: layer in");
            }
        }
    }

    private static List<Sentence> Sentences(Golden golden)
    {
        int[] ids = golden.Ints("ids"), lengths = golden.Ints("length");
        int longest = golden.Shape("ids")[1];
        return [.. lengths.Select((length, s) => new Sentence(s, ids.AsSpan(s * longest, length).ToArray()))];
    }
}
