using Acm.Native;

namespace Acm.Runtime.Backends.Cuda;

/// <summary>The captured graphs of a workspace by bucket and by what comes back: as many as are kept, the one used longest ago making room.</summary>
internal sealed class GraphCache : IDisposable
{
    private const int Most = 16;

    // The most recently used first.
    private readonly LinkedList<(RunShape Shape, bool ClassesOnly, CudaGraph Graph)> _graphs = [];

    public CudaGraph? Find(RunShape shape, bool classesOnly)
    {
        for (LinkedListNode<(RunShape Shape, bool ClassesOnly, CudaGraph Graph)>? node = _graphs.First; node is not null; node = node.Next)
            if (node.Value.Shape == shape && node.Value.ClassesOnly == classesOnly)
            {
                _graphs.Remove(node);
                _graphs.AddFirst(node);
                return node.Value.Graph;
            }
        return null;
    }

    public void Add(RunShape shape, bool classesOnly, CudaGraph graph)
    {
        _graphs.AddFirst((shape, classesOnly, graph));
        if (_graphs.Count <= Most)
            return;
        _graphs.Last!.Value.Graph.Dispose();
        _graphs.RemoveLast();
    }

    public void Dispose()
    {
        IDisposable[] graphs = [.. _graphs.Select(static entry => entry.Graph)];
        _graphs.Clear();
        Releasing.All(graphs);
    }
}
