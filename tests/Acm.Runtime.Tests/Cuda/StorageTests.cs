using Acm.Native;
using Acm.Runtime.Backends.Cuda;
using Acm.Runtime.Plan;
using Acm.Testing;
using NUnit.Framework;
using Buffer = Acm.Runtime.Plan.Buffer;

namespace Acm.Runtime.Tests.Cuda;

/// <summary>Which buffers share memory, and that none does that must not.</summary>
public class StorageTests
{
    private static readonly RowSpace Tokens = new("tokens", static length => length);

    [FsCheck.NUnit.Property(MaxTest = 300)]
    public void Storages_in_use_at_one_time_share_no_byte(int seed)
    {
        Random random = new(seed);
        CudaStorage[] storages = [.. Enumerable.Range(0, random.Next(2, 12)).Select(i => new CudaStorage($"{i}", Tokens, random.Next(1, 300), random.Next(2) == 0 ? 2 : 4))];
        List<Step> steps = [.. Enumerable.Range(0, random.Next(2, 15)).Select(_ => new Step([.. Enumerable.Range(0, random.Next(1, 4)).Select(_ => storages[random.Next(storages.Length)])]))];
        CudaStorage output = steps[^1].Uses[0];
        RunShape shape = new(1, random.Next(1, 50), 50);
        Dictionary<CudaStorage, long> places = new Placement(steps, output).Place(shape, out long bytes);

        (int First, int Last) Life(CudaStorage storage) => (
            steps.FindIndex(step => step.Uses.Contains(storage)), ReferenceEquals(storage, output) ? steps.Count : steps.FindLastIndex(step => step.Uses.Contains(storage)));
        Assert.That(places.Keys, Is.EquivalentTo(steps.SelectMany(static step => step.Uses).Distinct()));
        foreach (var (a, at) in places)
        {
            Assert.That((at % 256, at + a.Bytes(shape) <= bytes), Is.EqualTo((0L, true)));
            foreach (var (b, other) in places.Where(pair => !ReferenceEquals(pair.Key, a)))
                if (Life(a).First <= Life(b).Last && Life(b).First <= Life(a).Last)
                    Assert.That(at + a.Bytes(shape) <= other || other + b.Bytes(shape) <= at, $"{a.Name} and {b.Name}");
        }
        // One after the other they would fit into the sum; never more.
        Assert.That(bytes, Is.LessThanOrEqualTo(places.Keys.Sum(storage => storage.Bytes(shape) + 255 & ~255L)));
    }

    [Test]
    public void A_stream_normed_and_added_to_in_place_is_one_matrix_and_its_elements_another()
    {
        Buffer sum = new("sum", Tokens, 24), stream = new("stream", Tokens, 24), units = new("units", Tokens, 48);
        Weight weight = new ArrayWeight("w", new float[24], 24), up = new ArrayWeight("up", new float[48 * 24], 48, 24), down = new ArrayWeight("down", new float[48 * 24], 24, 48);
        StorageMap map = new(Plan(stream, new TokenEmbed(sum, weight, weight, weight), new LayerNorm(sum, stream, weight, weight, 1e-5), new Tap(stream, 0),
            new Linear(stream, units, up, null), new Linear(units, sum, down, null, Residual: stream), new LayerNorm(sum, stream, weight, weight, 1e-5)), ElementType.Float16);
        CudaStorage written = map.WriteFloats(sum);
        Assert.That(map.ReadFloats(sum), Is.SameAs(written));
        Assert.That(map.WriteFloats(stream), Is.SameAs(written));
        Assert.That(() => map.ReadFloats(sum), Throws.TypeOf<NotSupportedException>().With.Message.Contains("'stream' was written in its place"));
        Assert.That(map.Elements(stream), Is.Not.SameAs(written));
        Assert.That((map.NeedsFloats(stream), map.NeedsElements(stream), map.NeedsFloats(units), map.NeedsElements(units)), Is.EqualTo((true, true, false, true)));
    }

    [TestCase(7, 16)]
    [TestCase(16, 16)]
    [TestCase(20, 32)]
    [TestCase(33, 64)]
    [TestCase(80, 128)]
    public void Heads_of_any_size_lie_at_the_next_size_the_kernel_has(int size, int stored)
    {
        const int Heads = 3;
        Buffer[] qkv = [.. "qkva".Select(name => new Buffer($"{name}", Tokens, Heads * size))];
        CudaStorage attended = new StorageMap(Plan(qkv[3], new Attention(qkv[0], qkv[1], qkv[2], qkv[3], Heads)), ElementType.BFloat16).Elements(qkv[3]);
        Assert.That(attended.Columns, Is.EqualTo(Heads * stored));
        int[] columns = [.. Enumerable.Range(0, attended.Columns).Select(attended.ModelColumn)];
        Assert.That(columns.Where(static column => column >= 0), Is.EqualTo(Enumerable.Range(0, Heads * size)));
        Assert.That(Enumerable.Range(0, Heads).Select(head => columns[head * stored]), Is.EqualTo(Enumerable.Range(0, Heads).Select(head => head * size)));
    }

    private static ForwardPlan Plan(Buffer output, params Op[] ops) =>
        new(InputKind.WordPieces, 1, ops, output, "embeddings", [], Tokens, 1, PublishedCode: false);

    private sealed class Step(CudaStorage[] storages) : CudaStep
    {
        public override IReadOnlyList<CudaStorage> Uses => storages;

        public override void LoadKernels(CudaBackend backend, RunShape shape)
        {
        }

        public override void Enqueue(CudaForward forward)
        {
        }
    }
}
