using Acm.Native.Driver;
using Acm.Native.Threading;

namespace Acm.Native;

/// <summary>
/// Something of the driver that is owned here and given back once. Every call on it takes a lease; disposing waits for the leases that are
/// out, and any later use throws <see cref="ObjectDisposedException"/>. There is no finalizer: what is not disposed is given back when its
/// <see cref="CudaContext"/> is disposed. Thread-safe.
/// </summary>
public abstract class CudaResource : IDisposable
{
    private const int Closing = int.MinValue;

    private readonly object _gate = new();
    private int _uses;
    private bool _released;

    private protected CudaResource()
    {
    }

    /// <summary>Whether <see cref="Dispose"/> has begun.</summary>
    public bool IsDisposed => Volatile.Read(ref _uses) < 0;

    /// <summary>
    /// Waits for calls in flight and gives the resource back. A second call waits for the first. Throws <see cref="CudaException"/> where the driver
    /// reports an error that was not reported before; the resource is given back all the same.
    /// </summary>
    public void Dispose()
    {
        bool first = Interlocked.Or(ref _uses, Closing) >= 0;
        Uninterrupted.Do(() =>
        {
            lock (_gate)
                while (first ? Volatile.Read(ref _uses) != Closing : !_released)
                    Monitor.Wait(_gate);
        });
        if (!first)
            return;
        try
        {
            Release();
        }
        finally
        {
            using (new UninterruptedLock(_gate))
            {
                _released = true;
                Monitor.PulseAll(_gate);
            }
        }
        GC.SuppressFinalize(this);
    }

    /// <summary>A lease on the resource: it is not given back before the lease ends.</summary>
    internal Lease Use()
    {
        BeginUse();
        return new(this);
    }

    internal void BeginUse() => ObjectDisposedException.ThrowIf(!TryUse(), this);

    /// <summary>Takes a lease to be ended with <see cref="EndUse"/>; false where disposing has begun.</summary>
    internal bool TryUse()
    {
        int uses = Volatile.Read(ref _uses);
        while (uses >= 0)
        {
            int seen = Interlocked.CompareExchange(ref _uses, uses + 1, uses);
            if (seen == uses)
                return true;
            uses = seen;
        }
        return false;
    }

    internal void EndUse()
    {
        if (Interlocked.Decrement(ref _uses) == Closing)
            using (new UninterruptedLock(_gate))
                Monitor.PulseAll(_gate);
    }

    /// <summary>Gives the resource back to the driver. Called once, with no lease out.</summary>
    private protected abstract void Release();

    internal readonly ref struct Lease(CudaResource resource)
    {
        public void Dispose() => resource.EndUse();
    }
}

/// <summary>A resource that lives in a context and dies with it at the latest.</summary>
public abstract class CudaContextResource : CudaResource
{
    private protected CudaContextResource(CudaContext context) => Context = context;

    /// <summary>The context the resource lives in.</summary>
    public CudaContext Context { get; }

    internal ref readonly DriverTable Api => ref Context.Driver.Api;

    /// <summary>The resource's place among the context's, once it is the context's to give back.</summary>
    internal LinkedListNode<CudaContextResource>? Place { get; set; }

    private protected sealed override void Release()
    {
        // Never adopted: another library's, of which there is nothing to give back, and whose context may be gone.
        if (Place is null)
            return;
        Context.Forget(this);
        using CudaContext.Current current = Context.EnterToRelease();
        ReleaseInContext();
    }

    /// <summary>Gives the resource back; its context is current.</summary>
    private protected abstract void ReleaseInContext();
}
