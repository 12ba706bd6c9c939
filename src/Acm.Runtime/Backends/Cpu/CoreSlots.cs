using Acm.Native.Threading;

namespace Acm.Runtime.Backends.Cpu;

/// <summary>
/// As many slots as there are cores to compute on: whoever computes holds one. Callers wait for theirs in turn, and a slot given back while one waits is
/// that one's: no caller who comes later, not even who has just given it back, is quicker. Helpers take one that is free and give it up as soon as a caller
/// waits, so there are never more threads at work than cores.
/// </summary>
internal sealed class CoreSlots(int cores)
{
    private readonly object _gate = new();
    private readonly LinkedList<Waiter> _queue = [];
    private int _free = cores, _waiting;

    /// <summary>Whether a helper could begin.</summary>
    public bool AnyFree => Volatile.Read(ref _free) > 0;

    /// <summary>Whether a caller waits.</summary>
    public bool AnyWaiting => Waiting > 0;

    /// <summary>How many callers wait.</summary>
    public int Waiting => Volatile.Read(ref _waiting);

    /// <summary>Takes a slot, waiting for one if need be; without a lock where one is free.</summary>
    /// <exception cref="OperationCanceledException">Cancelled while it waited: it has no slot.</exception>
    public void Enter(CancellationToken cancellation = default)
    {
        if (!AnyWaiting && TryEnter())
            return;
        Waiter mine = Waiter.Mine;
        lock (_gate)
        {
            // A full fence between saying that one waits and looking for what the last one left.
            if (Interlocked.Increment(ref _waiting) == 1 && TryEnter())
            {
                Interlocked.Decrement(ref _waiting);
                return;
            }
            _queue.AddLast(mine.Place);
        }
        try
        {
            mine.Wait(cancellation);
        }
        catch
        {
            // Cancelled or interrupted: it waits no longer, or goes without the slot that it was handed meanwhile.
            if (!Withdraw(mine))
            {
                mine.Take();
                Leave();
            }
            throw;
        }
        mine.Take();
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
        using (new UninterruptedLock(_gate))
        {
            while (_queue.First is { } first && TryEnter())
            {
                Remove(first.Value);
                first.Value.Hand();
            }
        }
    }

    private bool Withdraw(Waiter waiter)
    {
        using (new UninterruptedLock(_gate))
        {
            bool waits = waiter.Place.List is not null;
            if (waits)
                Remove(waiter);
            return waits;
        }
    }

    private void Remove(Waiter waiter)
    {
        _queue.Remove(waiter.Place);
        Interlocked.Decrement(ref _waiting);
    }

    /// <summary>A thread that waits, for one slot at a time; kept, so that waiting allocates nothing. It does not spin: others compute on all cores.</summary>
    private sealed class Waiter
    {
        [ThreadStatic]
        private static Waiter? s_mine;

        private readonly object _gate = new();
        private bool _handed;

        private Waiter() => Place = new(this);

        public static Waiter Mine => s_mine ??= new();

        public LinkedListNode<Waiter> Place { get; }

        /// <summary>Until it is handed a slot, which it has not yet taken: giving the token back waits too, and can be interrupted.</summary>
        public void Wait(CancellationToken cancellation)
        {
            // Outside the lock, which whoever cancels takes.
            using CancellationTokenRegistration waking = cancellation.UnsafeRegister(static waiter => ((Waiter)waiter!).Wake(), this);
            lock (_gate)
            {
                while (!_handed)
                {
                    cancellation.ThrowIfCancellationRequested();
                    Monitor.Wait(_gate);
                }
            }
        }

        public void Hand()
        {
            using (new UninterruptedLock(_gate))
            {
                _handed = true;
                Monitor.Pulse(_gate);
            }
        }

        /// <summary>Takes up what it was handed. Without a lock: it is in no queue any more, so nobody hands it another.</summary>
        public void Take() => _handed = false;

        private void Wake()
        {
            using (new UninterruptedLock(_gate))
                Monitor.Pulse(_gate);
        }
    }
}
