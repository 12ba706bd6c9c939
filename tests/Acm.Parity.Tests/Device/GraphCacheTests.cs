using Acm.Native;
using Acm.Runtime.Backends.Cuda;
using Acm.Simulator;
using Acm.Simulator.Driver;
using NUnit.Framework;

namespace Acm.Parity.Tests.Device;

/// <summary>Which captured graphs a workspace keeps.</summary>
public class GraphCacheTests
{
    [Test]
    public void Sixteen_graphs_are_kept_and_the_one_used_longest_ago_makes_room()
    {
        using SimulatedDriver driver = new(new SimulatorOptions());
        using CudaContext context = CudaContext.Primary(driver.Start().Devices[0]);
        using CudaStream stream = new(context);
        using DeviceMemory x = new(context, 4);
        CudaGraph Graph() => CudaGraph.Capture(stream, () => stream.Fill(x.All, 1u));
        static RunShape Shape(int sequences) => new(sequences, sequences, 1);
        GraphCache cache = new();
        CudaGraph[] graphs = [.. Enumerable.Range(0, 18).Select(_ => Graph())];
        for (int i = 0; i < 16; i++)
            cache.Add(Shape(i), classesOnly: false, graphs[i]);
        Assert.That(cache.Find(Shape(0), classesOnly: false), Is.SameAs(graphs[0]));
        Assert.That(cache.Find(Shape(0), classesOnly: true), Is.Null, "another graph");
        cache.Add(Shape(0), classesOnly: true, graphs[16]);
        cache.Add(Shape(17), classesOnly: false, graphs[17]);
        Assert.That(graphs.Select(static graph => graph.IsDisposed), Is.EqualTo(Enumerable.Range(0, 18).Select(static i => i is 1 or 2)));
        Assert.That((cache.Find(Shape(1), false), cache.Find(Shape(2), false)), Is.EqualTo(((CudaGraph?)null, (CudaGraph?)null)));
        Assert.That((cache.Find(Shape(0), false), cache.Find(Shape(0), true), cache.Find(Shape(17), false)), Is.EqualTo((graphs[0], graphs[16], graphs[17])));
        cache.Dispose();
        Assert.That(graphs.Select(static graph => graph.IsDisposed), Is.All.True);
    }
}
