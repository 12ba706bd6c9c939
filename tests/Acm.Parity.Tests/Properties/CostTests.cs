using Acm.Runtime;
using Acm.Runtime.Configuration;
using Acm.Testing;
using NUnit.Framework;

namespace Acm.Parity.Tests.Properties;

/// <summary>Counted multiply-adds against a count by hand from the configuration, and against the READMEs' figures.</summary>
public class CostTests
{
    [FsCheck.NUnit.Property(MaxTest = 100)]
    public void Macs_are_those_counted_by_hand(int seed, bool fixedWidth)
    {
        using var random = new RandomModel(seed);
        var result = random.Run(BackendKind.Reference, random.Batch.Input(), fixedWidth && random.Model.Sites.Count > 0 ? new RunOptions { FixedLearners = 1 } : null);
        var config = random.Model.Config;
        long d = config.HiddenSize, everywhere = 0, dense = 0, learners = 0, all = 0, gates = 0;
        for (int s = 0; s < result.Batch; s++)
        {
            long t = result.TokensOf[s];
            everywhere += Outside(config, random.Batch.Values(s).Length, t) + config.Layers * 2 * t * t * d;
            for (int layer = 0; layer < config.Layers; layer++)
            {
                foreach (var kind in Enum.GetValues<AcmSiteKind>())
                {
                    long cost = kind == AcmSiteKind.Mlp ? 2 * d * config.IntermediateSize * t : d * d * t;
                    dense += cost;
                    everywhere += config.SiteAt(kind, layer) is null ? cost : 0;
                }
            }
        }
        for (int s = 0; s < random.Model.Sites.Count; s++)
        {
            var site = random.Model.Sites[s];
            long perLearner = 2 * d * site.LearnerSize, inputs = d;
            learners += result.K(s).ToArray().Sum(k => k * perLearner);
            all += (long)site.Learners * perLearner * result.Tokens;
            var acm = config.SiteAt(config.Sites.Values.First(entry => entry.Name == site.Kind).Kind, site.Layer)!;
            for (int j = 0; j < acm.Gate.Layers; j++)
            {
                long outputs = j + 1 < acm.Gate.Layers ? acm.Gate.HiddenSize : acm.GateOutputs;
                gates += result.Budget.FixedLearners is null ? inputs * outputs * result.Tokens : 0;
                inputs = outputs;
            }
        }
        Assert.That(result.Macs, Is.EqualTo(everywhere + learners + gates), "MACs");
        Assert.That(result.LearnerFraction, Is.EqualTo(all == 0 ? 1 : (double)learners / all).Within(1e-15), "share of the learners");
        long outside = 0;
        for (int s = 0; s < result.Batch; s++)
        {
            outside += Outside(config, random.Batch.Values(s).Length, result.TokensOf[s]) + config.Layers * 2L * result.TokensOf[s] * result.TokensOf[s] * d;
        }
        Assert.That(result.DenseMacs, Is.EqualTo(outside + dense), "dense MACs");
    }

    [Test]
    public void The_vision_model_costs_what_its_readme_says()
    {
        using var model = AcmModel.Load(SharedFolder.Need("models", "vit-chars"));
        using var session = model.CreateSession(new SessionOptions { Backend = BackendKind.Cpu });
        var result = session.CreateResult();
        session.Run(ModelInput.Pixels(new float[2 * model.Plan.InputWidth]), result);
        long gates = model.Sites.Sum(static site => site.GateMacs) * result.Tokens, learners = Enumerable.Range(0, model.Sites.Count).Sum(s => result.K(s).ToArray().Sum(k => k * model.Sites[s].MacsPerLearner));
        Assert.That(gates / 2 / 1e6, Is.EqualTo(14.8).Within(0.05), "gates, millions an image");
        Assert.That((result.Macs - gates - learners) / 2 / 1e6, Is.EqualTo(53.8).Within(0.05), "outside the learners, millions an image");
        Assert.That(result.DenseMacs, Is.EqualTo(2 * 438_616_704L));
    }

    [Test]
    public void A_batch_of_mixed_lengths_costs_what_its_parts_cost([Values(Architecture.Bert, Architecture.Wav2Vec2)] Architecture architecture)
    {
        using var random = new RandomModel(11, architecture, sequences: 6);
        long parts = Enumerable.Range(0, 6).Sum(s => random.Run(BackendKind.Reference, random.Batch.Input(s)).Macs);
        Assert.That(random.Run(BackendKind.Reference, random.Batch.Input()).Macs, Is.EqualTo(parts));
    }

    // Everything before and after the transformer's layers.
    private static long Outside(ModelConfig config, int length, long tokens)
    {
        long d = config.HiddenSize;
        if (config.Vit is { } vit)
        {
            return (tokens - 1) * d * vit.Channels * vit.PatchSize * vit.PatchSize + d * vit.Labels;
        }
        if (config.Wav2Vec2 is not { } speech)
        {
            return 0;
        }
        long macs = 0, rows = length, width = 1;
        for (int i = 0; i < speech.ConvDim.Length; i++)
        {
            rows = (rows - speech.ConvKernel[i]) / speech.ConvStride[i] + 1;
            macs += rows * width * speech.ConvDim[i] * speech.ConvKernel[i];
            width = speech.ConvDim[i];
        }
        return macs + rows * (width * d + d * d / speech.PositionGroups * speech.PositionKernel + d * speech.VocabSize);
    }
}
