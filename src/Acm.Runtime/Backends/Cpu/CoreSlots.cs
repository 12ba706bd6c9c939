namespace Acm.Runtime.Backends.Cpu;

/// <summary>
/// As many slots as there are cores to compute on: whoever computes holds one. Callers wait for theirs in turn; helpers take one that is
/// free and give it up as soon as a caller waits, so there are never more threads at work than cores.
/// </summary>
internal sealed class CoreSlots(int cores)
{
    private readonly object _gate = new();
    private int _free = cores, _waiting;

    /// <summary>Whether a helper could begin.</summary>
    public bool AnyFree => Volatile.Read(ref _free) > 0;

    /// <summary>Whether a caller waits.</summary>
    public bool AnyWaiting => Volatile.Read(ref _waiting) > 0;

    /// <summary>Takes a slot, waiting for one if need be; without a lock where one is free.</summary>
    public void Enter()
    {
        if (!AnyWaiting && TryEnter())
            return;
        lock (_gate)
        {
            // A full fence between saying that one waits and looking for what the last one left.
            Interlocked.Increment(ref _waiting);
            while (!TryEnter())
                Monitor.Wait(_gate);
            Interlocked.Decrement(ref _waiting);
        }
    }

    /// <summary>Takes a slot if one is free.</summary>
    public bool TryEnter()
    {
        int free = Volatile.Read(ref _free);
        while (free > 0)
        {
            int seen = Interlocked.CompareExchange(ref _free, free - 1, free);
            if (seen == free)
                return true;
            free = seen;
        }
        return false;
    }

    /// <summary>Gives a slot back, to whoever waits longest.</summary>
    public void Leave()
    {
        Interlocked.Increment(ref _free);
        if (!AnyWaiting)
            return;
        lock (_gate)
            Monitor.Pulse(_gate);
    }
}
