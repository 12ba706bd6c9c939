using Acm.Native.Driver;

namespace Acm.Native;

/// <summary>
/// What a stream was given during a capture, as one launch. Memory, modules and pinned buffers that it names must outlive it. Thread-safe, except that
/// an <see cref="Update"/> must not meet a <see cref="Launch"/>.
/// </summary>
public sealed unsafe class CudaGraph : CudaContextResource
{
    private CUgraphExec _exec;

    private CudaGraph(CudaContext context, CUgraphExec exec, int nodes)
        : base(context)
    {
        (_exec, Nodes) = (exec, nodes);
        context.Adopt(this);
    }

    /// <summary>Number of operations in the graph.</summary>
    public int Nodes { get; private set; }

    /// <summary>Records what <paramref name="enqueue"/> puts into the stream, which does not run meanwhile.</summary>
    /// <param name="stream">The stream to record.</param>
    /// <param name="enqueue">Enqueues kernels, pinned copies and fills; it may neither wait nor allocate.</param>
    /// <exception cref="CudaException">Something cannot be captured, or the graph cannot be made.</exception>
    public static CudaGraph Capture(CudaStream stream, Action enqueue)
    {
        CudaContext context = stream.Context;
        // From here on, so that between the recording and the graph nobody disposes of the context, and nothing fails unseen.
        using CudaContext.Current current = context.Enter();
        CUgraph graph = Record(stream, enqueue);
        try
        {
            int nodes = CountNodes(context, graph);
            return new(context, Instantiate(context, graph), nodes);
        }
        finally
        {
            context.CheckRelease(context.Driver.Api.cuGraphDestroy(graph));
        }
    }

    /// <summary>Records anew and takes the changes over: addresses, numbers and launch shapes in place, cheaply; anything else by making the graph again.</summary>
    /// <returns>Whether the change was made in place.</returns>
    public bool Update(CudaStream stream, Action enqueue)
    {
        using CudaContext.Current current = Context.Enter();
        using Lease lease = Use();
        CUgraph graph = Record(stream, enqueue);
        try
        {
            CUgraphExecUpdateResultInfo info;
            CUresult result = Api.cuGraphExecUpdate_v2(_exec, graph, &info);
            if (result == CUresult.CUDA_SUCCESS)
                return true;
            if (result != CUresult.CUDA_ERROR_GRAPH_EXEC_UPDATE_FAILURE)
                Context.Check(result, nameof(DriverTable.cuGraphExecUpdate_v2));
            CUgraphExec old = _exec;
            int nodes = CountNodes(Context, graph);
            (_exec, Nodes) = (Instantiate(Context, graph), nodes);
            Context.CheckRelease(Api.cuGraphExecDestroy(old));
            return false;
        }
        finally
        {
            Context.CheckRelease(Api.cuGraphDestroy(graph));
        }
    }

    /// <summary>Sends what the graph needs to the device ahead of its first launch.</summary>
    public void Upload(CudaStream stream)
    {
        using CudaContext.Current current = Context.Enter();
        using Lease lease = Use();
        using Lease streamLease = stream.Use();
        Context.Check(Api.cuGraphUpload(_exec, stream.Handle));
    }

    /// <summary>Enqueues the whole graph.</summary>
    public void Launch(CudaStream stream)
    {
        using CudaContext.Current current = Context.Enter();
        using Lease lease = Use();
        using Lease streamLease = stream.Use();
        Context.Check(Api.cuGraphLaunch(_exec, stream.Handle));
    }

    private protected override void ReleaseInContext() => Context.CheckRelease(Api.cuGraphExecDestroy(_exec));

    private static CUgraph Record(CudaStream stream, Action enqueue)
    {
        CudaContext context = stream.Context;
        using CudaContext.Current current = context.Enter();
        using Lease lease = stream.Use();
        context.Check(context.Driver.Api.cuStreamBeginCapture_v2(stream.Handle, CUstreamCaptureMode.CU_STREAM_CAPTURE_MODE_THREAD_LOCAL));
        CUgraph graph = default;
        try
        {
            enqueue();
        }
        catch
        {
            // The first error is the one to report; the capture has to end all the same.
            if (context.Driver.Api.cuStreamEndCapture(stream.Handle, &graph) == CUresult.CUDA_SUCCESS && graph.Value != 0)
                _ = context.Driver.Api.cuGraphDestroy(graph);
            throw;
        }
        context.Check(context.Driver.Api.cuStreamEndCapture(stream.Handle, &graph));
        return graph;
    }

    private static CUgraphExec Instantiate(CudaContext context, CUgraph graph)
    {
        CUgraphExec exec;
        context.Check(context.Driver.Api.cuGraphInstantiateWithFlags(&exec, graph, 0));
        return exec;
    }

    private static int CountNodes(CudaContext context, CUgraph graph)
    {
        nuint count = 0;
        context.Check(context.Driver.Api.cuGraphGetNodes(graph, null, &count));
        return (int)count;
    }
}
