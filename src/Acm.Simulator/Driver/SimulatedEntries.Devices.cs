using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using Acm.Native.Driver;
using static Acm.Native.Driver.CUresult;

namespace Acm.Simulator.Driver;

/// <summary>Devices and contexts.</summary>
internal static unsafe partial class SimulatedEntries
{
    [ThreadStatic]
    private static Stack<DriverContext>? t_contexts;

    private static Stack<DriverContext> Contexts => t_contexts ??= new();

    private static DriverContext? CurrentContext
    {
        get
        {
            // A destroyed context is no longer current anywhere.
            while (Contexts.TryPeek(out DriverContext? top) && SimulatedDriver.FindContext(top.Handle) is null)
                Contexts.Pop();
            return Contexts.TryPeek(out DriverContext? current) ? current : null;
        }
    }

    private static CUresult OnDevice(string call, CUdevice device, Action<DriverDevice> body, bool releases = false)
    {
        DriverDevice? found = SimulatedDriver.FindDevice(device.Value);
        return found is null ? CUDA_ERROR_INVALID_DEVICE : Call(call, found.Driver, _ => body(found), releases);
    }

    private static CUresult OnContext(string call, CUcontext context, Action<DriverContext> body, bool releases = false)
    {
        DriverContext? found = SimulatedDriver.FindContext(context.Value);
        return found is null ? CUDA_ERROR_INVALID_CONTEXT : Call(call, found.Driver, _ => body(found), releases);
    }

    [UnmanagedCallersOnly]
    private static CUresult cuDeviceGetCount(int* count) => Call(nameof(cuDeviceGetCount), SimulatedDriver.Ambient, d => *count = d.Devices.Count);

    [UnmanagedCallersOnly]
    private static CUresult cuDeviceGet(CUdevice* device, int ordinal) => Call(nameof(cuDeviceGet), SimulatedDriver.Ambient, d =>
    {
        Require(ordinal >= 0 && ordinal < d.Devices.Count, CUDA_ERROR_INVALID_DEVICE);
        *device = new(d.Devices[ordinal].Id);
    });

    [UnmanagedCallersOnly]
    private static CUresult cuDeviceGetName(byte* name, int length, CUdevice device) => OnDevice(nameof(cuDeviceGetName), device, d =>
    {
        Require(length > 0);
        ReadOnlySpan<byte> text = Encoding.UTF8.GetBytes(d.Engine.Name);
        int written = Math.Min(text.Length, length - 1);
        text[..written].CopyTo(new(name, written));
        name[written] = 0;
    });

    [UnmanagedCallersOnly]
    private static CUresult cuDeviceGetUuid_v2(CUuuid* uuid, CUdevice device) => OnDevice(nameof(cuDeviceGetUuid_v2), device, d =>
        SHA256.HashData(Encoding.UTF8.GetBytes($"{d.Engine.Name} {d.Driver.Devices.ToList().IndexOf(d)}")).AsSpan(0, 16).CopyTo(new(uuid, 16)));

    [UnmanagedCallersOnly]
    private static CUresult cuDeviceTotalMem_v2(nuint* bytes, CUdevice device) => OnDevice(nameof(cuDeviceTotalMem_v2), device, d => *bytes = (nuint)d.Engine.MemoryBytes);

    [UnmanagedCallersOnly]
    private static CUresult cuDeviceGetAttribute(int* value, CUdevice_attribute attribute, CUdevice device) => OnDevice(nameof(cuDeviceGetAttribute), device, d =>
    {
        int? known = d.Engine.Attribute(attribute);
        Require(known is not null);
        *value = known!.Value;
    });

    [UnmanagedCallersOnly]
    private static CUresult cuDevicePrimaryCtxRetain(CUcontext* context, CUdevice device) => OnDevice(nameof(cuDevicePrimaryCtxRetain), device, d =>
    {
        d.Primary ??= d.Driver.Register(new DriverContext(d));
        d.PrimaryUsers++;
        *context = new(d.Primary.Handle);
    });

    [UnmanagedCallersOnly]
    private static CUresult cuDevicePrimaryCtxRelease_v2(CUdevice device) => OnDevice(nameof(cuDevicePrimaryCtxRelease_v2), device, d =>
    {
        Require(d.PrimaryUsers > 0, CUDA_ERROR_INVALID_CONTEXT);
        if (--d.PrimaryUsers > 0)
            return;
        DriverContext gone = d.Primary!;
        d.Primary = null;
        Destroy(gone);
    }, releases: true);

    [UnmanagedCallersOnly]
    private static CUresult cuDevicePrimaryCtxGetState(CUdevice device, uint* flags, int* active) => OnDevice(nameof(cuDevicePrimaryCtxGetState), device, d =>
    {
        *flags = 0;
        *active = d.PrimaryUsers > 0 ? 1 : 0;
    });

    [UnmanagedCallersOnly]
    private static CUresult cuCtxCreate_v4(CUcontext* context, CUctxCreateParams* parameters, uint flags, CUdevice device) => OnDevice(nameof(cuCtxCreate_v4), device, d =>
    {
        Require(parameters == null || (parameters->execAffinityParams == null && parameters->cigParams == null), CUDA_ERROR_NOT_SUPPORTED);
        DriverContext made = d.Driver.Register(new DriverContext(d));
        Contexts.Push(made);
        *context = new(made.Handle);
    });

    [UnmanagedCallersOnly]
    private static CUresult cuCtxDestroy_v2(CUcontext context) => OnContext(nameof(cuCtxDestroy_v2), context, c =>
    {
        Require(c.Device.Primary != c, CUDA_ERROR_INVALID_CONTEXT);
        Destroy(c);
    }, releases: true);

    [UnmanagedCallersOnly]
    private static CUresult cuCtxPushCurrent_v2(CUcontext context) => OnContext(nameof(cuCtxPushCurrent_v2), context, c => Contexts.Push(c));

    [UnmanagedCallersOnly]
    private static CUresult cuCtxPopCurrent_v2(CUcontext* context)
    {
        DriverContext? current = CurrentContext;
        return Call(nameof(cuCtxPopCurrent_v2), current?.Driver ?? SimulatedDriver.Ambient, _ =>
        {
            Require(current is not null, CUDA_ERROR_INVALID_CONTEXT);
            Contexts.Pop();
            if (context != null)
                *context = new(current!.Handle);
        });
    }

    [UnmanagedCallersOnly]
    private static CUresult cuCtxSetCurrent(CUcontext context)
    {
        if (context.Value != 0)
            return OnContext(nameof(cuCtxSetCurrent), context, c =>
            {
                Contexts.TryPop(out _);
                Contexts.Push(c);
            });
        return Call(nameof(cuCtxSetCurrent), CurrentContext?.Driver ?? SimulatedDriver.Ambient, _ => Contexts.TryPop(out DriverContext? _));
    }

    [UnmanagedCallersOnly]
    private static CUresult cuCtxGetCurrent(CUcontext* context)
    {
        DriverContext? current = CurrentContext;
        return Call(nameof(cuCtxGetCurrent), current?.Driver ?? SimulatedDriver.Ambient, _ => *context = new(current?.Handle ?? 0));
    }

    [UnmanagedCallersOnly]
    private static CUresult cuCtxGetDevice(CUdevice* device) => InContext(nameof(cuCtxGetDevice), c => *device = new(c.Device.Id));

    [UnmanagedCallersOnly]
    private static CUresult cuCtxSynchronize() => InContext(nameof(cuCtxSynchronize), c =>
    {
        RefuseCapture(c);
        c.Driver.Counters.HostSynchronisations++;
        RunAll(c);
    });

    [UnmanagedCallersOnly]
    private static CUresult cuCtxGetStreamPriorityRange(int* least, int* greatest) => InContext(nameof(cuCtxGetStreamPriorityRange), _ =>
    {
        if (least != null)
            *least = 0;
        if (greatest != null)
            *greatest = -5;
    });

    private static void RunAll(DriverContext context)
    {
        foreach (DriverStream stream in context.Streams.ToList())
            stream.RunTo(stream.Enqueued);
    }

    // Everything in a context goes with it, as on a real device.
    private static void Destroy(DriverContext context)
    {
        RunAll(context);
        foreach (DriverModule module in context.Owned.Values.OfType<DriverModule>())
            module.Module.Dispose();
        foreach (ulong address in context.Memory.Keys.ToList())
            FreeDevice(context, address);
        foreach ((nint address, (_, bool registered)) in context.HostMemory)
            if (!registered)
                NativeMemory.AlignedFree((void*)address);
        context.HostMemory.Clear();
        foreach (DriverObject owned in context.Owned.Values.ToList())
            context.Driver.Forget(owned);
        if (context.Device.DefaultPool?.Context == context)
            context.Device.DefaultPool = null;
        context.Driver.Forget(context);
    }
}
