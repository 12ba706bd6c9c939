namespace Acm.Runtime.Backends.Cpu;

/// <summary>
/// As many slots as there are cores to compute on: whoever computes holds one. Callers wait for theirs in turn, and a slot given back while one waits is
/// that one's: no caller who comes later, not even who has just given it back, is quicker. Helpers take one that is free and give it up as soon as a caller
/// waits, so there are never more threads at work than cores.
/// </summary>
internal sealed class CoreSlots(int cores)
{
    private readonly object _gate = new();

    // Callers that wait, and slots that some of them have been handed and not taken up yet; the latter changes under the lock only.
    private int _free = cores, _waiting, _handed;

    /// <summary>Whether a helper could begin.</summary>
    public bool AnyFree => Volatile.Read(ref _free) > 0;

    /// <summary>Whether a caller waits.</summary>
    public bool AnyWaiting => Waiting > 0;

    /// <summary>How many callers wait, those included that have been handed a slot and not woken yet.</summary>
    public int Waiting => Volatile.Read(ref _waiting);

    /// <summary>Takes a slot, waiting for one if need be; without a lock where one is free.</summary>
    public void Enter()
    {
        if (!AnyWaiting && TryEnter())
            return;
        lock (_gate)
        {
            try
            {
                // A full fence between saying that one waits and looking for what the last one left.
                if (Interlocked.Increment(ref _waiting) - _handed == 1 && TryEnter())
                    return;
                do
                    Monitor.Wait(_gate);
                while (_handed == 0);
                _handed--;
            }
            catch (ThreadInterruptedException)
            {
                // A slot it may have been handed is the next one's, or free again.
                if (_handed > 0 && _waiting > _handed)
                    Monitor.Pulse(_gate);
                else if (_handed > 0)
                {
                    _handed--;
                    Interlocked.Increment(ref _free);
                }
                throw;
            }
            finally
            {
                Interlocked.Decrement(ref _waiting);
            }
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
        {
            while (_waiting > _handed && TryEnter())
            {
                _handed++;
                Monitor.Pulse(_gate);
            }
        }
    }
}
