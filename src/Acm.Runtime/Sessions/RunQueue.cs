using System.Threading.Tasks.Sources;
using Acm.Native.Threading;

namespace Acm.Runtime;

/// <summary>
/// Runs that callers await, carried out in order on a thread of the session's own, so that no thread of the caller's pool
/// computes. Items are reused: after warm-up a queued run allocates nothing.
/// </summary>
/// <param name="session">Carries them out.</param>
/// <param name="start">Starts its thread; null: as any.</param>
internal sealed class RunQueue(InferenceSession session, Action<Thread>? start = null) : IDisposable
{
    private readonly object _gate = new();
    private readonly Queue<Item> _waiting = new();
    private readonly Stack<Item> _spare = new();
    private Thread? _thread;
    private bool _disposed;

    public ValueTask Enqueue(ModelInputMemory input, InferenceResult result, RunOptions? options)
    {
        lock (_gate)
        {
            if (_disposed)
            {
                return ValueTask.FromException(new ObjectDisposedException(typeof(InferenceSession).FullName));
            }
            // Before anything waits for it: the system may have no thread to give.
            _thread ??= Started();
            var item = _spare.Count > 0 ? _spare.Pop() : new Item(this);
            item.Set(input, result, options);
            _waiting.Enqueue(item);
            Monitor.Pulse(_gate);
            return item.Task;
        }
    }

    /// <summary>Finishes what is queued, then ends the thread.</summary>
    public void Dispose()
    {
        using (new UninterruptedLock(_gate))
        {
            _disposed = true;
            Monitor.Pulse(_gate);
        }
        if (_thread is { } thread && thread != Thread.CurrentThread)
        {
            Uninterrupted.Do(thread.Join);
        }
    }

    private Thread Started()
    {
        Thread thread = new(Work) { IsBackground = true, Name = "acm runs" };
        (start ?? (static thread => thread.Start()))(thread);
        return thread;
    }

    private void Work()
    {
        while (true)
        {
            Item item;
            lock (_gate)
            {
                while (_waiting.Count == 0)
                {
                    if (_disposed)
                    {
                        return;
                    }
                    Monitor.Wait(_gate);
                }
                item = _waiting.Dequeue();
            }
            item.Run(session);
        }
    }

    private void Recycle(Item item)
    {
        lock (_gate)
        {
            _spare.Push(item);
        }
    }

    private sealed class Item(RunQueue queue) : IValueTaskSource
    {
        private const int Nobody = int.MinValue;

        private ManualResetValueTaskSourceCore<bool> _core = new() { RunContinuationsAsynchronously = true };
        private ModelInputMemory _input;
        private InferenceResult? _result;
        private RunOptions? _options;
        private int _awaited = Nobody;

        public ValueTask Task => new(this, _core.Version);

        public void Set(ModelInputMemory input, InferenceResult result, RunOptions? options) =>
            (_input, _result, _options, _awaited) = (input, result, options, _core.Version);

        public void Run(InferenceSession session)
        {
            try
            {
                session.Run(_input.Input, _result!, _options);
            }
            catch (Exception e)
            {
                _core.SetException(e);
                return;
            }
            _core.SetResult(true);
        }

        public ValueTaskSourceStatus GetStatus(short token) => _core.GetStatus(token);

        public void OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
            _core.OnCompleted(continuation, state, token, flags);

        public void GetResult(short token)
        {
            // Who awaits too early, or once more, must not give back what carries a run of another's: two runs would share it.
            if (_core.GetStatus(token) == ValueTaskSourceStatus.Pending || Interlocked.CompareExchange(ref _awaited, Nobody, token) != token)
            {
                throw new InvalidOperationException("The run has not ended yet, or has been awaited before; await it, and once.");
            }
            try
            {
                _core.GetResult(token);
            }
            finally
            {
                _core.Reset();
                (_input, _result, _options) = (default, null, null);
                queue.Recycle(this);
            }
        }
    }
}
