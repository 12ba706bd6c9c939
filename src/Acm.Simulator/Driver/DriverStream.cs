using Acm.Native.Driver;

namespace Acm.Simulator.Driver;

/// <summary>What kinds of work a stream can hold.</summary>
internal enum OperationKind
{
    Kernel,
    Copy,
    Fill,
    Host,
    Free,
    Record,
    Wait,
    Graph,
}

/// <summary>One piece of enqueued work.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Run">Does it.</param>
internal sealed record StreamOperation(OperationKind Kind, Action Run);

/// <summary>A capture under way: the streams that take part and what they were given, in an order that keeps every dependency.</summary>
internal sealed class StreamCapture(DriverStream origin, CUstreamCaptureMode mode, ulong id)
{
    public DriverStream Origin { get; } = origin;

    public CUstreamCaptureMode Mode { get; } = mode;

    public ulong Id { get; } = id;

    public int Thread { get; } = Environment.CurrentManagedThreadId;

    public List<StreamOperation> Nodes { get; } = [];

    /// <summary>Streams drawn in by waiting for an event of the capture, with the number of nodes at their last one: the origin has to wait for an event after it.</summary>
    public Dictionary<DriverStream, long> Unjoined { get; } = [];

    public bool Invalid { get; set; }
}

/// <summary>
/// A stream as a queue that is worked off as late as the rules allow: only where the host, or another stream through an event, waits for it. Work that
/// nobody ordered is therefore not done, and a missing synchronisation shows.
/// </summary>
internal sealed class DriverStream(DriverContext context, bool blocking) : ContextObject(context)
{
    private readonly Queue<StreamOperation> _queue = new();

    /// <summary>Whether it is ordered with the legacy default stream.</summary>
    public bool Blocking { get; } = blocking;

    /// <summary>Operations enqueued so far; the position of the newest.</summary>
    public long Enqueued { get; private set; }

    /// <summary>Operations done so far.</summary>
    public long Completed { get; private set; }

    public StreamCapture? Capture { get; set; }

    public bool IsDone => Completed == Enqueued;

    /// <summary>Enqueues, or records where the stream is captured.</summary>
    public void Add(StreamOperation operation)
    {
        if (Capture is { } capture)
        {
            if (capture.Invalid)
                throw new DriverError(CUresult.CUDA_ERROR_STREAM_CAPTURE_INVALIDATED);
            capture.Nodes.Add(operation);
            if (this != capture.Origin)
                capture.Unjoined[this] = capture.Nodes.Count;
            return;
        }
        _queue.Enqueue(operation);
        Enqueued++;
    }

    /// <summary>Works off everything up to a position.</summary>
    public void RunTo(long position)
    {
        while (Completed < position)
            RunOne();
    }

    /// <summary>Works off the oldest operation.</summary>
    public void RunOne()
    {
        if (!_queue.TryDequeue(out StreamOperation? operation))
            return;
        Completed++;
        // After an error the context is lost: the rest drains without effect, except what gives memory back.
        if (Context.Lost is null || operation.Kind == OperationKind.Free)
            try
            {
                operation.Run();
            }
            catch (DriverError e)
            {
                Context.Lost ??= e;
            }
    }
}
