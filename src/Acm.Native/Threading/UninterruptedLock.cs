namespace Acm.Native.Threading;

/// <summary>A lock for what has to be done even by a thread that is being interrupted: <see cref="Thread.Interrupt"/> takes effect where it waits next.</summary>
internal readonly ref struct UninterruptedLock
{
    private readonly object _gate;

    /// <param name="gate">Held until <see cref="Dispose"/>.</param>
    public UninterruptedLock(object gate)
    {
        _gate = gate;
        bool interrupted = false, taken = false;
        while (!taken)
        {
            try
            {
                Monitor.Enter(gate, ref taken);
            }
            catch (ThreadInterruptedException)
            {
                interrupted = true;
            }
        }
        if (interrupted)
            Thread.CurrentThread.Interrupt();
    }

    public void Dispose() => Monitor.Exit(_gate);
}
