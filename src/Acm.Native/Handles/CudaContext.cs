using System.Runtime.CompilerServices;
using Acm.Native.Driver;
using Acm.Native.Threading;

namespace Acm.Native;

/// <summary>
/// A context of a device, and the owner of everything made in it: disposing the context gives back what is left, newest first.
/// It is made current for the length of each call and the thread's own context is put back. Thread-safe.
/// </summary>
public sealed unsafe class CudaContext : CudaResource
{
    private enum Ownership { Primary, Created, Foreign }

    private readonly Ownership _ownership;
    private readonly LinkedList<CudaContextResource> _resources = new();
    private CudaException? _lost;
    private MemoryPool? _pool;

    private CudaContext(CudaDevice device, CUcontext handle, Ownership ownership)
    {
        Device = device;
        Handle = handle;
        _ownership = ownership;
    }

    /// <summary>The context's device.</summary>
    public CudaDevice Device { get; }

    /// <summary>The context's driver.</summary>
    public CudaDriver Driver => Device.Driver;

    /// <summary>The driver's handle (CUcontext), for sharing with other libraries.</summary>
    public nint NativeHandle => Handle.Value;

    internal CUcontext Handle { get; }

    /// <summary>Things made in the context that have not been given back.</summary>
    public int LiveResources
    {
        get
        {
            lock (_resources)
                return _resources.Count;
        }
    }

    /// <summary>Free and total bytes of the device.</summary>
    public (long Free, long Total) Memory
    {
        get
        {
            using Current current = Enter();
            nuint free, total;
            Check(Driver.Api.cuMemGetInfo_v2(&free, &total));
            return ((long)free, (long)total);
        }
    }

    /// <summary>Retains the device's primary context, the one that CUDA's runtime and most libraries share.</summary>
    /// <exception cref="CudaException">The driver refused.</exception>
    public static CudaContext Primary(CudaDevice device)
    {
        CUcontext handle;
        device.Driver.Check(device.Driver.Api.cuDevicePrimaryCtxRetain(&handle, device.Handle));
        return new(device, handle, Ownership.Primary);
    }

    /// <summary>Creates a context of its own, apart from all others of the process.</summary>
    /// <exception cref="CudaException">The driver refused.</exception>
    /// <exception cref="CudaUnavailableException">The driver is older than CUDA 12.5.</exception>
    public static CudaContext Create(CudaDevice device)
    {
        CudaDriver driver = device.Driver;
        if (driver.Api.cuCtxCreate_v4 == null)
            throw new CudaUnavailableException(DriverLoader.TooOld(12050, driver.CudaVersion));
        CUcontext handle;
        CUctxCreateParams parameters = default;
        driver.Check(driver.Api.cuCtxCreate_v4(&handle, &parameters, 0, device.Handle));
        CudaContext context = new(device, handle, Ownership.Created);
        try
        {
            // Creating made it current; it is current only inside calls.
            CUcontext popped;
            driver.Check(driver.Api.cuCtxPopCurrent_v2(&popped));
            return context;
        }
        catch (CudaException)
        {
            context.Dispose();
            throw;
        }
    }

    /// <summary>Uses another library's context without owning it: disposing gives back only what was made here.</summary>
    /// <param name="device">The context's device.</param>
    /// <param name="handle">The CUcontext.</param>
    public static CudaContext Wrap(CudaDevice device, nint handle) => new(device, new(handle), Ownership.Foreign);

    /// <summary>Uses the calling thread's current context without owning it.</summary>
    /// <exception cref="CudaException">The driver refused.</exception>
    /// <exception cref="InvalidOperationException">The thread has no current context.</exception>
    public static CudaContext WrapCurrent(CudaDriver driver)
    {
        CUcontext handle;
        driver.Check(driver.Api.cuCtxGetCurrent(&handle));
        if (handle.Value == 0)
            throw new InvalidOperationException("the calling thread has no current CUDA context");
        CUdevice its;
        driver.Check(driver.Api.cuCtxGetDevice(&its));
        CUdevice device = its;
        return Wrap(driver.Devices.First(d => d.Handle == device), handle.Value);
    }

    /// <summary>Waits for everything enqueued in the context.</summary>
    public void Synchronize()
    {
        using Current current = Enter();
        Check(Driver.Api.cuCtxSynchronize());
    }

    /// <summary>The pool that the context's stream-ordered memory comes from; null where the device has none.</summary>
    internal MemoryPool? Pool
    {
        get
        {
            if (!Device.SupportsMemoryPools)
                return null;
            lock (_resources)
                return _pool ??= new(this);
        }
    }

    /// <summary>A lease on the context, current until disposed.</summary>
    internal Current Enter()
    {
        BeginUse();
        try
        {
            return new(this, leased: true);
        }
        catch
        {
            EndUse();
            throw;
        }
    }

    /// <summary>Makes the context current to give something back in it, closing or not.</summary>
    internal Current EnterToRelease() => new(this, leased: false);

    /// <summary>Throws what a failed call in this context amounts to, and remembers an error that the context does not survive.</summary>
    internal void Check(CUresult result, [CallerArgumentExpression(nameof(result))] string call = "")
    {
        if (result != CUresult.CUDA_SUCCESS)
            throw Remember(new CudaException(CudaDriver.CallName(call), result, Driver.Describe(result)));
    }

    /// <summary>The answer of a query: whether what was asked about is done.</summary>
    internal bool IsDone(CUresult result, [CallerArgumentExpression(nameof(result))] string call = "")
    {
        if (result == CUresult.CUDA_ERROR_NOT_READY)
            return false;
        Check(result, call);
        return true;
    }

    /// <summary>Like <see cref="Check"/> where something is given back: a context known to be lost repeats its error on every call, which is no news.</summary>
    internal void CheckRelease(CUresult result, [CallerArgumentExpression(nameof(result))] string call = "")
    {
        if (result != CUresult.CUDA_SUCCESS && result != _lost?.Result)
            Check(result, call);
    }

    /// <summary>Like <see cref="Check"/> for a call that needs <paramref name="bytes"/> of memory.</summary>
    internal void CheckMemory(CUresult result, long bytes, [CallerArgumentExpression(nameof(result))] string call = "")
    {
        if (result != CUresult.CUDA_ERROR_OUT_OF_MEMORY)
        {
            Check(result, call);
            return;
        }
        nuint free, total;
        bool known = Driver.Api.cuMemGetInfo_v2(&free, &total) == CUresult.CUDA_SUCCESS;
        throw new CudaOutOfMemoryException(CudaDriver.CallName(call), Driver.Describe(result), bytes, known ? (long)free : -1);
    }

    internal CudaException Remember(CudaException e)
    {
        if (e.IsSticky)
            _lost ??= e;
        return e;
    }

    /// <summary>From now on the context gives the resource back if nobody does before.</summary>
    internal void Adopt(CudaContextResource resource)
    {
        using (new UninterruptedLock(_resources))
            resource.Place = _resources.AddLast(resource);
    }

    internal void Forget(CudaContextResource resource)
    {
        using (new UninterruptedLock(_resources))
            if (resource.Place is { List: not null } place)
                _resources.Remove(place);
    }

    private protected override void Release()
    {
        List<Exception> errors = [];
        while (Newest() is { } resource)
            Attempt(resource.Dispose);
        Attempt(() =>
        {
            if (_ownership == Ownership.Primary)
                CheckRelease(Driver.Api.cuDevicePrimaryCtxRelease_v2(Device.Handle));
            else if (_ownership == Ownership.Created)
                CheckRelease(Driver.Api.cuCtxDestroy_v2(Handle));
        });
        if (errors.Count > 0)
            throw errors[0];

        void Attempt(Action release)
        {
            try
            {
                release();
            }
            catch (CudaException e)
            {
                errors.Add(e);
            }
        }
    }

    private CudaContextResource? Newest()
    {
        using (new UninterruptedLock(_resources))
            return _resources.Last?.Value;
    }

    /// <summary>The context is the thread's current one until this is disposed.</summary>
    internal readonly ref struct Current
    {
        private readonly CudaContext _context;
        private readonly bool _leased;
        private readonly bool _pushed;
        private readonly CUresult _result;

        public Current(CudaContext context, bool leased)
        {
            _context = context;
            _leased = leased;
            // Asking is cheap; pushing is needed only where a thread meets the context for the first time in a call.
            CUcontext current;
            CUresult result = context.Driver.Api.cuCtxGetCurrent(&current);
            if (result == CUresult.CUDA_SUCCESS && current == context.Handle)
                return;
            // A call that gives something back goes on, as the driver may well do it all the same; the error is told at the end.
            if (leased)
                context.Check(result, nameof(DriverTable.cuCtxGetCurrent));
            _result = result;
            result = context.Driver.Api.cuCtxPushCurrent_v2(context.Handle);
            if (leased)
                context.Check(result, nameof(DriverTable.cuCtxPushCurrent_v2));
            _pushed = result == CUresult.CUDA_SUCCESS;
            if (_result == CUresult.CUDA_SUCCESS)
                _result = result;
        }

        public void Dispose()
        {
            CUcontext popped;
            CUresult result = _pushed ? _context.Driver.Api.cuCtxPopCurrent_v2(&popped) : CUresult.CUDA_SUCCESS;
            if (_leased)
                _context.EndUse();
            _context.CheckRelease(_result, "making the context current");
            _context.CheckRelease(result, nameof(DriverTable.cuCtxPopCurrent_v2));
        }
    }
}
