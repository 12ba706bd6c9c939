using System.Diagnostics;
using System.Runtime.InteropServices;
using Acm.Native.Driver;
using static Acm.Native.Driver.CUresult;

namespace Acm.Simulator.Driver;

/// <summary>Streams and events.</summary>
internal static unsafe partial class SimulatedEntries
{
    private static DriverStream Stream(DriverContext context, CUstream stream)
    {
        if (stream.Value is 0 or 1)
            return context.Legacy;
        DriverStream found = context.Driver.Find<DriverStream>(stream.Value);
        Require(found.Context == context, CUDA_ERROR_INVALID_CONTEXT);
        return found;
    }

    private static void Enqueue(DriverStream stream, StreamOperation operation)
    {
        // Stream 0 and blocking streams wait for each other.
        if (stream.Capture is null)
            foreach (DriverStream before in stream == stream.Context.Legacy ? stream.Context.Streams.Where(s => s.Blocking && !s.IsDone) : stream.Blocking ? [stream.Context.Legacy] : [])
                AddWait(stream, before, before.Enqueued);
        stream.Add(operation);
    }

    private static void AddWait(DriverStream stream, DriverStream before, long position) => stream.Add(new(OperationKind.Wait, () => before.RunTo(position)));

    // What a capture would not see: allocations, modules, waits for all streams. (A module's kernel is loaded with the module or when it is asked for by name.)
    private static void RefuseCapture(DriverContext context)
    {
        foreach (StreamCapture capture in context.Streams.Select(s => s.Capture).OfType<StreamCapture>())
            if (capture.Mode == CUstreamCaptureMode.CU_STREAM_CAPTURE_MODE_GLOBAL
                || (capture.Mode == CUstreamCaptureMode.CU_STREAM_CAPTURE_MODE_THREAD_LOCAL && capture.Thread == Environment.CurrentManagedThreadId))
                Invalidate(capture);
    }

    private static void Invalidate(StreamCapture capture)
    {
        capture.Invalid = true;
        throw new DriverError(CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED);
    }

    [UnmanagedCallersOnly]
    private static CUresult cuStreamCreateWithPriority(CUstream* stream, uint flags, int priority) => InContext(nameof(cuStreamCreateWithPriority), c =>
    {
        Require(flags <= (uint)CUstream_flags.CU_STREAM_NON_BLOCKING);
        *stream = new(c.Driver.Register(new DriverStream(c, blocking: flags == 0)).Handle);
    });

    [UnmanagedCallersOnly]
    private static CUresult cuStreamDestroy_v2(CUstream stream) => InContext(nameof(cuStreamDestroy_v2), c =>
    {
        DriverStream gone = c.Driver.Find<DriverStream>(stream.Value);
        // What is enqueued still runs, as on a real device, where the call does not wait for it.
        gone.RunTo(gone.Enqueued);
        c.Driver.Forget(gone);
    }, releases: true);

    [UnmanagedCallersOnly]
    private static CUresult cuStreamQuery(CUstream stream) => InContext(nameof(cuStreamQuery), c =>
    {
        DriverStream queue = Stream(c, stream);
        if (queue.Capture is { } capture)
            Invalidate(capture);
        // Asking lets the device come a step further, so that whoever polls arrives.
        bool done = queue.IsDone;
        queue.RunOne();
        Require(done, CUDA_ERROR_NOT_READY);
    });

    [UnmanagedCallersOnly]
    private static CUresult cuStreamSynchronize(CUstream stream) => InContext(nameof(cuStreamSynchronize), c =>
    {
        DriverStream queue = Stream(c, stream);
        if (queue.Capture is { } capture)
            Invalidate(capture);
        c.Driver.Counters.HostSynchronisations++;
        queue.RunTo(queue.Enqueued);
    });

    [UnmanagedCallersOnly]
    private static CUresult cuStreamWaitEvent(CUstream stream, CUevent point, uint flags) => InContext(nameof(cuStreamWaitEvent), c =>
    {
        DriverStream queue = Stream(c, stream);
        DriverEvent awaited = c.Driver.Find<DriverEvent>(point.Value);
        if (awaited.Stream is not { } before)
            return;
        if (awaited.Capture is { } capture)
        {
            Require(capture.Origin.Capture == capture, CUDA_ERROR_STREAM_CAPTURE_INVALIDATED);
            Require(queue.Capture is null || queue.Capture == capture, CUDA_ERROR_STREAM_CAPTURE_MERGE);
            if (queue.Capture is null)
            {
                queue.Capture = capture;
                capture.Unjoined[queue] = capture.Nodes.Count;
            }
            else if (capture.Unjoined.TryGetValue(before, out long last) && awaited.Position >= last)
            {
                capture.Unjoined.Remove(before);
            }
            return;
        }
        Require(queue.Capture is null, CUDA_ERROR_STREAM_CAPTURE_ISOLATION);
        AddWait(queue, before, awaited.Position);
    });

    [UnmanagedCallersOnly]
    private static CUresult cuStreamGetCtx(CUstream stream, CUcontext* context) => InContext(nameof(cuStreamGetCtx), c =>
        *context = new(stream.Value == 0 ? c.Handle : c.Driver.Find<DriverStream>(stream.Value).Context.Handle));

    [UnmanagedCallersOnly]
    private static CUresult cuLaunchHostFunc(CUstream stream, delegate* unmanaged<void*, void> function, void* argument) => InContext(nameof(cuLaunchHostFunc), c =>
        Enqueue(Stream(c, stream), new(OperationKind.Host, () => function(argument))));

    [UnmanagedCallersOnly]
    private static CUresult cuEventCreate(CUevent* made, uint flags) => InContext(nameof(cuEventCreate), c =>
        *made = new(c.Driver.Register(new DriverEvent(c, (flags & (uint)CUevent_flags.CU_EVENT_DISABLE_TIMING) == 0)).Handle));

    [UnmanagedCallersOnly]
    private static CUresult cuEventDestroy_v2(CUevent gone) => InContext(nameof(cuEventDestroy_v2), c => c.Driver.Forget(c.Driver.Find<DriverEvent>(gone.Value)), releases: true);

    [UnmanagedCallersOnly]
    private static CUresult cuEventRecord(CUevent point, CUstream stream) => InContext(nameof(cuEventRecord), c =>
    {
        DriverEvent target = c.Driver.Find<DriverEvent>(point.Value);
        DriverStream queue = Stream(c, stream);
        target.Stream = queue;
        target.Capture = queue.Capture;
        if (queue.Capture is { } capture)
        {
            target.Position = capture.Nodes.Count;
            return;
        }
        Enqueue(queue, new(OperationKind.Record, () => target.Ticks = Stopwatch.GetTimestamp()));
        target.Position = queue.Enqueued;
    });

    [UnmanagedCallersOnly]
    private static CUresult cuEventQuery(CUevent point) => InContext(nameof(cuEventQuery), c =>
    {
        DriverEvent asked = c.Driver.Find<DriverEvent>(point.Value);
        Require(asked.Capture is null, CUDA_ERROR_CAPTURED_EVENT);
        bool done = asked.IsDone;
        asked.Stream?.RunOne();
        Require(done, CUDA_ERROR_NOT_READY);
    });

    [UnmanagedCallersOnly]
    private static CUresult cuEventSynchronize(CUevent point) => InContext(nameof(cuEventSynchronize), c =>
    {
        DriverEvent awaited = c.Driver.Find<DriverEvent>(point.Value);
        Require(awaited.Capture is null, CUDA_ERROR_CAPTURED_EVENT);
        c.Driver.Counters.HostSynchronisations++;
        awaited.Stream?.RunTo(awaited.Position);
    });

    [UnmanagedCallersOnly]
    private static CUresult cuEventElapsedTime_v2(float* milliseconds, CUevent start, CUevent end) => InContext(nameof(cuEventElapsedTime_v2), c =>
    {
        DriverEvent first = c.Driver.Find<DriverEvent>(start.Value), last = c.Driver.Find<DriverEvent>(end.Value);
        Require(first.Timing && last.Timing && first.Stream is not null && last.Stream is not null, CUDA_ERROR_INVALID_HANDLE);
        Require(first.IsDone && last.IsDone, CUDA_ERROR_NOT_READY);
        *milliseconds = (float)Stopwatch.GetElapsedTime(first.Ticks, last.Ticks).TotalMilliseconds;
    });
}
