using Acm.Parity.Tests.Properties;
using Acm.Runtime;
using Acm.Testing;
using NUnit.Framework;

namespace Acm.Parity.Tests.Device;

/// <summary>What runs of unequal lengths ask of the driver: a graph for each bucket of shapes, one wait for each run.</summary>
public class RaggedBatchTests
{
    [Test]
    public void Lengths_within_a_bucket_replay_the_graph_that_is_there()
    {
        using AcmModel model = AcmModel.Load(SharedFolder.Data("bert-tiny"));
        using DeviceSession device = new(model, Precision.Float16);
        int[][] batches = [[12, 3, 1], [9, 4, 2], [16, 1, 3, 9], [11, 11, 5]];
        InferenceResult result = device.Session.CreateResult();
        List<long> captures = [], waits = [];
        foreach (int[] lengths in batches)
        {
            int[] ids = [.. Enumerable.Range(0, lengths.Sum()).Select(i => i % model.Config.Bert!.VocabSize)];
            device.Session.Run(ModelInput.Text(ids, lengths), result);
            long before = Calls(device, "cuStreamSynchronize");
            device.Session.Run(ModelInput.Text(ids, lengths), result);
            captures.Add(Calls(device, "cuStreamBeginCapture_v2"));
            waits.Add(Calls(device, "cuStreamSynchronize") - before);
            float[] together = result.Output.ToArray();
            for (int s = 0, row = 0; s < lengths.Length; row += lengths[s++])
                Assert.That(device.Run(ModelInput.Text(ids.AsSpan(row, lengths[s]), [lengths[s]])).Output.ToArray(), Is.EqualTo(together[(s * result.OutputWidth)..((s + 1) * result.OutputWidth)]));
        }
        // Up to 4 sequences, 16 pieces and then 32 in all, the longest up to 16.
        Assert.That(captures, Is.EqualTo(new[] { captures[0], captures[0], captures[0] + 1, captures[0] + 1 }));
        Assert.That(waits, Has.All.EqualTo(1));
    }

    [Test]
    public void A_workspace_keeps_few_graphs_and_makes_room()
    {
        using AcmModel model = AcmModel.Load(SharedFolder.Data("bert-tiny"));
        using DeviceSession device = new(model, Precision.Float32, maxBatch: 16);
        InferenceResult result = device.Session.CreateResult();
        int most = model.Config.Bert!.MaxPositions;
        foreach (int round in (int[])[0, 1])
            for (int sequences = 1; sequences <= 16; sequences *= 2)
                for (int longest = 1; longest <= most; longest *= 2)
                {
                    int[] lengths = [longest, .. Enumerable.Repeat(1, sequences - 1)];
                    device.Session.Run(ModelInput.Text(new int[lengths.Sum()], lengths), result);
                    Assert.That(result.Output.ToArray(), Has.None.NaN);
                }
        Assert.That(Calls(device, "cuGraphExecDestroy"), Is.EqualTo(Calls(device, "cuGraphInstantiateWithFlags") - 16), "graphs alive");
    }

    /// <summary>As many as no single grid has extents for, in a session that allows them.</summary>
    [TestCase(Architecture.Bert, 42)]
    [TestCase(Architecture.Wav2Vec2, 122)]
    public void A_batch_may_have_more_sequences_than_a_grid(Architecture architecture, int seed)
    {
        const int sequences = ushort.MaxValue + 2;
        using RandomModel random = new(seed, architecture);
        using DeviceSession device = new(random.Model, Precision.Float32, maxBatch: 1 << 17, maxLength: 1 << 22);
        int length = Enumerable.Range(1, 1000).First(samples => random.Model.Plan.Tokens.RowsOf(samples) == 1);
        InferenceResult together = device.Run(Input(0, sequences), hidden: false);
        foreach (int one in (int[])[0, sequences / 2, sequences - 2, sequences - 1])
            Assert.That(Bits.Same(together, one, device.Run(Input(one, 1), hidden: false), 0), $"sequence {one}");

        ModelInput Input(int first, int count)
        {
            int[] lengths = [.. Enumerable.Repeat(length, count)], ids = [.. Enumerable.Range(first * length, count * length).Select(static i => i * 7 % 30)];
            return architecture == Architecture.Bert ? ModelInput.Text(ids, lengths) : ModelInput.Samples(Array.ConvertAll(ids, static id => id / 10f - 1.4f), lengths);
        }
    }

    [TestCase(Architecture.Bert)]
    [TestCase(Architecture.Wav2Vec2)]
    public void Input_the_session_refuses_leaves_it_usable(Architecture architecture)
    {
        using RandomModel random = new(3, architecture);
        using DeviceSession device = new(random.Model, Precision.Float32, maxBatch: 3);
        InferenceResult before = device.Run(random.Batch.Input().Input);
        int longest = random.Model.Config.Bert?.MaxPositions + 1 ?? 0;
        Assert.Throws<ArgumentException>(() => device.Session.Run(Input([], []), device.Session.CreateResult()));
        Assert.Throws<ArgumentException>(() => device.Session.Run(Input([0], []), device.Session.CreateResult()));
        Assert.Throws<ArgumentException>(() => device.Session.Run(Input([30, 30, 30, 30], new float[120]), device.Session.CreateResult()));
        Assert.Throws<ArgumentException>(() => device.Session.Run(Input([5], new float[7]), device.Session.CreateResult()));
        if (longest > 0)
            Assert.Throws<ArgumentException>(() => device.Session.Run(Input([longest], new float[longest]), device.Session.CreateResult()));
        Assert.That(Bits.Same(before, device.Run(random.Batch.Input().Input)));

        ModelInput Input(int[] lengths, float[] values) => architecture == Architecture.Bert
            ? ModelInput.Text(Array.ConvertAll(values, static v => (int)v), lengths) : ModelInput.Samples(values, lengths);
    }

    private static long Calls(DeviceSession device, string name) => device.Counters.Calls.GetValueOrDefault(name);
}
