using System.Runtime.InteropServices;
using Acm.Native.Driver;
using static Acm.Native.Driver.CUresult;

namespace Acm.Simulator.Driver;

/// <summary>Stream capture and graphs.</summary>
internal static unsafe partial class SimulatedEntries
{
    private static ulong s_captures;

    [ThreadStatic]
    private static CUstreamCaptureMode t_captureMode;

    [UnmanagedCallersOnly]
    private static CUresult cuStreamBeginCapture_v2(CUstream stream, CUstreamCaptureMode mode) => InContext(nameof(cuStreamBeginCapture_v2), c =>
    {
        DriverStream origin = Stream(c, stream);
        Require(origin != c.Legacy, CUDA_ERROR_STREAM_CAPTURE_IMPLICIT);
        Require(origin.Capture is null, CUDA_ERROR_ILLEGAL_STATE);
        origin.Capture = new(origin, mode, ++s_captures);
    });

    [UnmanagedCallersOnly]
    private static CUresult cuStreamEndCapture(CUstream stream, CUgraph* graph)
    {
        *graph = default;
        CUgraph made = default;
        CUresult result = InContext(nameof(cuStreamEndCapture), c =>
        {
            StreamCapture? capture = Stream(c, stream).Capture;
            Require(capture is not null, CUDA_ERROR_ILLEGAL_STATE);
            Require(capture!.Origin == Stream(c, stream), CUDA_ERROR_STREAM_CAPTURE_UNMATCHED);
            Require(capture.Mode == CUstreamCaptureMode.CU_STREAM_CAPTURE_MODE_RELAXED || capture.Thread == Environment.CurrentManagedThreadId, CUDA_ERROR_STREAM_CAPTURE_WRONG_THREAD);
            foreach (DriverStream member in c.Streams.Where(s => s.Capture == capture))
                member.Capture = null;
            Require(!capture.Invalid, CUDA_ERROR_STREAM_CAPTURE_INVALIDATED);
            Require(capture.Unjoined.Count == 0, CUDA_ERROR_STREAM_CAPTURE_UNJOINED);
            made = new(c.Driver.Register(new DriverGraph(c, capture.Nodes)).Handle);
        }, releases: true);
        if (result == CUDA_SUCCESS)
            *graph = made;
        else if (made.Value != 0 && CurrentContext is { } context)
            lock (context.Driver)
                // A failed end leaves no graph behind.
                context.Driver.Forget(context.Driver.Find<DriverGraph>(made.Value));
        return result;
    }

    [UnmanagedCallersOnly]
    private static CUresult cuStreamIsCapturing(CUstream stream, CUstreamCaptureStatus* status) => InContext(nameof(cuStreamIsCapturing), c => *status = Status(Stream(c, stream)));

    [UnmanagedCallersOnly]
    private static CUresult cuStreamGetCaptureInfo_v3(CUstream stream, CUstreamCaptureStatus* status, ulong* id, CUgraph* graph, CUgraphNode** dependencies, CUgraphEdgeData** edges, nuint* count) =>
        InContext(nameof(cuStreamGetCaptureInfo_v3), c =>
        {
            // Graphs under construction are not shown: those outputs may be left out, and are.
            Require(graph == null && dependencies == null && edges == null && count == null, CUDA_ERROR_NOT_SUPPORTED);
            DriverStream asked = Stream(c, stream);
            *status = Status(asked);
            if (id != null)
                *id = asked.Capture?.Id ?? 0;
        });

    [UnmanagedCallersOnly]
    private static CUresult cuThreadExchangeStreamCaptureMode(CUstreamCaptureMode* mode) => Call(nameof(cuThreadExchangeStreamCaptureMode), CurrentContext?.Driver ?? SimulatedDriver.Ambient, _ =>
    {
        Require(Enum.IsDefined(*mode));
        (*mode, t_captureMode) = (t_captureMode, *mode);
    });

    [UnmanagedCallersOnly]
    private static CUresult cuGraphInstantiateWithFlags(CUgraphExec* exec, CUgraph graph, ulong flags) => InContext(nameof(cuGraphInstantiateWithFlags), c =>
        *exec = new(c.Driver.Register(new DriverGraphExec(c, [.. c.Driver.Find<DriverGraph>(graph.Value).Nodes])).Handle));

    [UnmanagedCallersOnly]
    private static CUresult cuGraphGetNodes(CUgraph graph, CUgraphNode* nodes, nuint* count) => InContext(nameof(cuGraphGetNodes), c =>
    {
        int all = c.Driver.Find<DriverGraph>(graph.Value).Nodes.Count;
        if (nodes != null)
            for (int i = 0; i < (int)*count; i++)
                nodes[i] = new(i < all ? graph.Value + 1 + i : 0);
        *count = (nuint)all;
    });

    [UnmanagedCallersOnly]
    private static CUresult cuGraphUpload(CUgraphExec exec, CUstream stream) => InContext(nameof(cuGraphUpload), c =>
    {
        c.Driver.Find<DriverGraphExec>(exec.Value);
        Stream(c, stream);
    });

    [UnmanagedCallersOnly]
    private static CUresult cuGraphLaunch(CUgraphExec exec, CUstream stream) => InContext(nameof(cuGraphLaunch), c =>
    {
        IReadOnlyList<StreamOperation> nodes = c.Driver.Find<DriverGraphExec>(exec.Value).Nodes;
        DriverStream queue = Stream(c, stream);
        Enqueue(queue, new(OperationKind.Graph, () =>
        {
            c.Driver.Counters.GraphLaunches++;
            foreach (StreamOperation node in nodes)
                node.Run();
        }));
    });

    [UnmanagedCallersOnly]
    private static CUresult cuGraphExecUpdate_v2(CUgraphExec exec, CUgraph graph, CUgraphExecUpdateResultInfo* info) => InContext(nameof(cuGraphExecUpdate_v2), c =>
    {
        DriverGraphExec target = c.Driver.Find<DriverGraphExec>(exec.Value);
        List<StreamOperation> nodes = c.Driver.Find<DriverGraph>(graph.Value).Nodes;
        *info = new()
        {
            result = nodes.Count != target.Nodes.Count ? CUgraphExecUpdateResult.CU_GRAPH_EXEC_UPDATE_ERROR_TOPOLOGY_CHANGED
                : nodes.Zip(target.Nodes).Any(n => n.First.Kind != n.Second.Kind) ? CUgraphExecUpdateResult.CU_GRAPH_EXEC_UPDATE_ERROR_NODE_TYPE_CHANGED
                : CUgraphExecUpdateResult.CU_GRAPH_EXEC_UPDATE_SUCCESS,
        };
        Require(info->result == CUgraphExecUpdateResult.CU_GRAPH_EXEC_UPDATE_SUCCESS, CUDA_ERROR_GRAPH_EXEC_UPDATE_FAILURE);
        target.Nodes = [.. nodes];
    });

    [UnmanagedCallersOnly]
    private static CUresult cuGraphExecDestroy(CUgraphExec exec) => InContext(nameof(cuGraphExecDestroy), c => c.Driver.Forget(c.Driver.Find<DriverGraphExec>(exec.Value)), releases: true);

    [UnmanagedCallersOnly]
    private static CUresult cuGraphDestroy(CUgraph graph) => InContext(nameof(cuGraphDestroy), c => c.Driver.Forget(c.Driver.Find<DriverGraph>(graph.Value)), releases: true);

    private static CUstreamCaptureStatus Status(DriverStream stream) => stream.Capture switch
    {
        null => CUstreamCaptureStatus.CU_STREAM_CAPTURE_STATUS_NONE,
        { Invalid: true } => CUstreamCaptureStatus.CU_STREAM_CAPTURE_STATUS_INVALIDATED,
        _ => CUstreamCaptureStatus.CU_STREAM_CAPTURE_STATUS_ACTIVE,
    };
}
