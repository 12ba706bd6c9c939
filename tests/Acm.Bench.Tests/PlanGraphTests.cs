using Acm.Bench.Onnx;
using Acm.Runtime;
using Acm.Runtime.Plan;
using Acm.Testing;
using Microsoft.ML.OnnxRuntime;
using NUnit.Framework;

namespace Acm.Bench.Tests;

/// <summary>The ONNX graph computes what the model does with every learner: a peer that computed something else would prove nothing.</summary>
public class PlanGraphTests
{
    [TestCase("bert-tiny", 9, false)]
    [TestCase("wav2vec2-tiny-layer-stable-bias", 4000, false)]
    [TestCase("vit-tiny", 1, false)]
    [TestCase("vit-tiny", 1, true)]
    [TestCase("../../models/vit-chars", 1, false)]
    [TestCase("../../models/vit-chars", 1, true)]
    public void Agrees_with_reference(string name, int length, bool outputOnly)
    {
        using AcmModel model = AcmModel.Load(SharedFolder.Data(name));
        using var session = model.CreateSession(new Runtime.SessionOptions { Backend = BackendKind.Reference });
        InferenceResult result = session.CreateResult();
        Random random = new(3);
        int[] ids = [], lengths = [length, length];
        float[] values = [];
        OrtValue input;
        switch (model.Architecture)
        {
            case Architecture.Vit:
                int size = model.Config.Vit!.ImageSize, channels = model.Config.Vit.Channels;
                values = Noise(2 * channels * size * size);
                input = OnnxPeer.Tensor(values, 2, channels, size, size);
                break;
            case Architecture.Bert:
                ids = [.. Enumerable.Range(0, 2 * length).Select(_ => random.Next(model.Config.Bert!.VocabSize))];
                input = OnnxPeer.Tensor(ids, 2, length);
                break;
            default:
                values = Noise(2 * length);
                input = OnnxPeer.Tensor(values, 2, 1, length);
                break;
        }
        ModelInput given = model.Architecture switch
        {
            Architecture.Vit => ModelInput.Pixels(values),
            Architecture.Bert => ModelInput.Text(ids, lengths),
            _ => ModelInput.Samples(values, lengths),
        };
        int learners = model.Sites.Select(static site => site.Learners).DefaultIfEmpty().Max();
        session.Run(given, result, learners > 0 ? new Runtime.RunOptions { FixedLearners = learners } : null);
        long[] shape = model.Plan.Output.Rows == RowSpace.Sequence ? [2, result.OutputWidth] : [2, result.OutputRows[0], result.OutputWidth];
        using var peer = new OnnxPeer(PlanGraph.Build(outputOnly ? OutputRows.Of(model.Plan)! : model.Plan, length), 1, [input], shape);
        peer.Run();
        Assert.That(result.Output.ToArray().Max(Math.Abs), Is.GreaterThan(1e-3));
        Assert.DoesNotThrow(() => Agreement.Check(name, result.Output, peer.Output, 1e-4));

        float[] Noise(int count) => [.. Enumerable.Range(0, count).Select(_ => 2 * random.NextSingle() - 1)];
    }
}
