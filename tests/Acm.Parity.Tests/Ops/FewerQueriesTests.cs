using Acm.Runtime.Plan;
using Acm.Testing;
using NUnit.Framework;
using Buffer = Acm.Runtime.Plan.Buffer;

namespace Acm.Parity.Tests.Ops;

/// <summary>Attention whose queries are fewer than its keys: each query's bits are those it has among all.</summary>
public class FewerQueriesTests
{
    [Test]
    public void The_first_query_of_each_sequence_alone(
        [ValueSource(nameof(Backends))] int backend, [Values(1, 2, 3, 5)] int heads, [Values(1, 2, 3, 7)] int sequences)
    {
        const int size = 40;
        int width = heads * size;
        var random = new Random(heads + 10 * sequences);
        int[] lengths = [.. Enumerable.Range(0, sequences).Select(_ => random.Next(1, 80))];
        var bench = new OpBench(lengths);
        Buffer q = Random("q"), k = Random("k"), v = Random("v");
        Buffer all = new("all", bench.Rows, width), ofAll = new("first of all", RowSpace.Sequence, width);
        Buffer first = new("first q", RowSpace.Sequence, width), alone = new("alone", RowSpace.Sequence, width);
        bench.Add(new Attention(q, k, v, all, heads));
        bench.Add(new SelectFirst(all, ofAll));
        bench.Add(new SelectFirst(q, first));
        bench.Add(new Attention(first, k, v, alone, heads));
        var make = OpBench.Backends[backend].Make;
        double[] expected = bench.Run(make, ofAll).Output;
        Assert.That(bench.Run(make, alone).Output, Is.EqualTo(expected));
        Assert.That(expected, Has.None.NaN.And.Not.All.EqualTo(0));

        Buffer Random(string name) => bench.Input(name, [.. Enumerable.Range(0, lengths.Sum() * width).Select(_ => 2 * random.NextSingle() - 1)], width);
    }

    public static IEnumerable<int> Backends() => Enumerable.Range(0, OpBench.Backends.Count);
}
