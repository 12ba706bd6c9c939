using System.Runtime.InteropServices;
using Acm.Native.Driver;

namespace Acm.Native;

/// <summary>
/// A queue of work on the device: what is enqueued runs in order. It does not wait for the legacy default stream. Thread-safe, though the order of
/// what several threads enqueue at once is theirs to settle.
/// </summary>
public sealed unsafe class CudaStream : CudaContextResource
{
    /// <summary>Makes a stream.</summary>
    /// <param name="context">Where.</param>
    /// <param name="priority">Lower runs first; 0 is normal, the driver clamps to what the device has.</param>
    public CudaStream(CudaContext context, int priority = 0)
        : base(context)
    {
        using CudaContext.Current current = context.Enter();
        CUstream handle;
        context.Check(Api.cuStreamCreateWithPriority(&handle, (uint)CUstream_flags.CU_STREAM_NON_BLOCKING, priority));
        Handle = handle;
        context.Adopt(this);
    }

    private CudaStream(CudaContext context, CUstream handle)
        : base(context) => Handle = handle;

    /// <summary>The driver's handle (CUstream), for sharing with other libraries.</summary>
    public nint NativeHandle => Handle.Value;

    internal CUstream Handle { get; }

    /// <summary>Whether everything enqueued so far is done.</summary>
    public bool IsDone
    {
        get
        {
            using CudaContext.Current current = Context.Enter();
            using Lease lease = Use();
            return Context.IsDone(Api.cuStreamQuery(Handle));
        }
    }

    /// <summary>Whether the stream records into a graph instead of running.</summary>
    public bool IsCapturing
    {
        get
        {
            using CudaContext.Current current = Context.Enter();
            using Lease lease = Use();
            CUstreamCaptureStatus status;
            Context.Check(Api.cuStreamIsCapturing(Handle, &status));
            return status != CUstreamCaptureStatus.CU_STREAM_CAPTURE_STATUS_NONE;
        }
    }

    /// <summary>The lowest and the highest priority (a lower number) that streams of the context may have.</summary>
    public static (int Least, int Greatest) PriorityRange(CudaContext context)
    {
        using CudaContext.Current current = context.Enter();
        int least, greatest;
        context.Check(context.Driver.Api.cuCtxGetStreamPriorityRange(&least, &greatest));
        return (least, greatest);
    }

    /// <summary>Uses another library's stream without owning it.</summary>
    /// <param name="context">The context the stream lives in.</param>
    /// <param name="handle">The CUstream.</param>
    /// <exception cref="ArgumentException">The stream lives in another context.</exception>
    public static CudaStream Wrap(CudaContext context, nint handle)
    {
        using CudaContext.Current current = context.Enter();
        CUcontext home;
        context.Check(context.Driver.Api.cuStreamGetCtx(new(handle), &home));
        return home == context.Handle ? new(context, new CUstream(handle)) : throw new ArgumentException("the stream lives in another context", nameof(handle));
    }

    /// <summary>Waits on the host for everything enqueued so far.</summary>
    public void Synchronize()
    {
        using CudaContext.Current current = Context.Enter();
        using Lease lease = Use();
        Context.Check(Api.cuStreamSynchronize(Handle));
    }

    /// <summary>What is enqueued from now on waits, on the device, for the event's last recording.</summary>
    public void Wait(CudaEvent point)
    {
        using CudaContext.Current current = Context.Enter();
        using Lease lease = Use();
        using Lease pointLease = point.Use();
        Context.Check(Api.cuStreamWaitEvent(Handle, point.Handle, 0));
    }

    /// <summary>Calls back on a thread of the driver once everything enqueued so far is done. The callback must not call CUDA, and must not throw.</summary>
    public void WhenDone(Action callback)
    {
        using CudaContext.Current current = Context.Enter();
        using Lease lease = Use();
        GCHandle kept = GCHandle.Alloc(callback);
        CUresult result = Api.cuLaunchHostFunc(Handle, &CallBack, (void*)GCHandle.ToIntPtr(kept));
        // Once enqueued, it is the callback's to free, whatever fails after.
        if (result != CUresult.CUDA_SUCCESS)
            kept.Free();
        Context.Check(result, nameof(DriverTable.cuLaunchHostFunc));
    }

    private protected override void ReleaseInContext() => Context.CheckRelease(Api.cuStreamDestroy_v2(Handle));

    [UnmanagedCallersOnly]
    private static void CallBack(void* argument)
    {
        GCHandle kept = GCHandle.FromIntPtr((nint)argument);
        Action callback = (Action)kept.Target!;
        kept.Free();
        callback();
    }
}
