using Acm.Native.Driver;

namespace Acm.Native;

/// <summary>A point in a stream that can be waited for, asked about and timed. Thread-safe.</summary>
public sealed unsafe class CudaEvent : CudaContextResource
{
    /// <summary>Makes an event.</summary>
    /// <param name="context">Where.</param>
    /// <param name="timing">Whether <see cref="MillisecondsSince"/> is wanted; without it, recording is cheaper.</param>
    public CudaEvent(CudaContext context, bool timing = false)
        : base(context)
    {
        using CudaContext.Current current = context.Enter();
        CUevent handle;
        context.Check(Api.cuEventCreate(&handle, (uint)(timing ? CUevent_flags.CU_EVENT_DEFAULT : CUevent_flags.CU_EVENT_DISABLE_TIMING)));
        Handle = handle;
        context.Adopt(this);
    }

    internal CUevent Handle { get; }

    /// <summary>Whether everything before the event's last recording is done.</summary>
    public bool IsDone
    {
        get
        {
            using CudaContext.Current current = Context.Enter();
            using Lease lease = Use();
            return Context.IsDone(Api.cuEventQuery(Handle));
        }
    }

    /// <summary>Puts the event into the stream, behind everything enqueued so far.</summary>
    public void Record(CudaStream stream)
    {
        using CudaContext.Current current = Context.Enter();
        using Lease lease = Use();
        using Lease streamLease = stream.Use();
        Context.Check(Api.cuEventRecord(Handle, stream.Handle));
    }

    /// <summary>Waits on the host for the event's last recording.</summary>
    public void Synchronize()
    {
        using CudaContext.Current current = Context.Enter();
        using Lease lease = Use();
        Context.Check(Api.cuEventSynchronize(Handle));
    }

    /// <summary>Milliseconds on the device between two events, both recorded, done and made for timing.</summary>
    public float MillisecondsSince(CudaEvent earlier)
    {
        using CudaContext.Current current = Context.Enter();
        using Lease lease = Use();
        using Lease earlierLease = earlier.Use();
        float milliseconds;
        Context.Check(Api.cuEventElapsedTime_v2(&milliseconds, earlier.Handle, Handle));
        return milliseconds;
    }

    private protected override void ReleaseInContext() => Context.CheckRelease(Api.cuEventDestroy_v2(Handle));
}
