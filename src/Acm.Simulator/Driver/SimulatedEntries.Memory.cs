using System.Runtime.InteropServices;
using Acm.Native.Driver;
using static Acm.Native.Driver.CUresult;

namespace Acm.Simulator.Driver;

/// <summary>Device memory, pools, pinned host memory, copies and fills.</summary>
internal static unsafe partial class SimulatedEntries
{
    [UnmanagedCallersOnly]
    private static CUresult cuMemGetInfo_v2(nuint* free, nuint* total) => InContext(nameof(cuMemGetInfo_v2), c =>
    {
        *total = (nuint)c.Device.Engine.MemoryBytes;
        *free = (nuint)(c.Device.Engine.MemoryBytes - c.Device.Engine.UsedBytes);
    });

    [UnmanagedCallersOnly]
    private static CUresult cuMemAlloc_v2(CUdeviceptr* pointer, nuint bytes) => InContext(nameof(cuMemAlloc_v2), c =>
    {
        RefuseCapture(c);
        *pointer = new(AllocateDevice(c, bytes, null));
    });

    [UnmanagedCallersOnly]
    private static CUresult cuMemFree_v2(CUdeviceptr pointer) => InContext(nameof(cuMemFree_v2), c =>
    {
        if (pointer.Value == 0)
            return;
        Require(c.Memory.ContainsKey(pointer.Value));
        c.Driver.Counters.HostSynchronisations++;
        RunAll(c);
        FreeDevice(c, pointer.Value);
    }, releases: true);

    [UnmanagedCallersOnly]
    private static CUresult cuMemAllocAsync(CUdeviceptr* pointer, nuint bytes, CUstream stream) => InContext(nameof(cuMemAllocAsync), c =>
    {
        Require(Stream(c, stream).Capture is null, CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED, "allocation inside a capture is not simulated");
        *pointer = new(AllocateDevice(c, bytes, DefaultPool(c.Device, c)));
    });

    [UnmanagedCallersOnly]
    private static CUresult cuMemAllocFromPoolAsync(CUdeviceptr* pointer, nuint bytes, CUmemoryPool pool, CUstream stream) => InContext(nameof(cuMemAllocFromPoolAsync), c =>
    {
        Require(Stream(c, stream).Capture is null, CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED, "allocation inside a capture is not simulated");
        *pointer = new(AllocateDevice(c, bytes, c.Driver.Find<DriverPool>(pool.Value)));
    });

    [UnmanagedCallersOnly]
    private static CUresult cuMemFreeAsync(CUdeviceptr pointer, CUstream stream) => InContext(nameof(cuMemFreeAsync), c =>
    {
        Require(c.Memory.ContainsKey(pointer.Value));
        DriverStream queue = Stream(c, stream);
        Require(queue.Capture is null, CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED, "freeing inside a capture is not simulated");
        Enqueue(queue, new(OperationKind.Free, () => FreeDevice(c, pointer.Value)));
    }, releases: true);

    [UnmanagedCallersOnly]
    private static CUresult cuDeviceGetDefaultMemPool(CUmemoryPool* pool, CUdevice device) => OnDevice(nameof(cuDeviceGetDefaultMemPool), device, d =>
    {
        Require(d.Primary is not null, CUDA_ERROR_INVALID_CONTEXT);
        *pool = new(DefaultPool(d, d.Primary!).Handle);
    });

    [UnmanagedCallersOnly]
    private static CUresult cuMemPoolCreate(CUmemoryPool* pool, CUmemPoolProps* properties) => InContext(nameof(cuMemPoolCreate), c =>
    {
        Require(properties->allocType == CUmemAllocationType.CU_MEM_ALLOCATION_TYPE_PINNED && properties->location.type == CUmemLocationType.CU_MEM_LOCATION_TYPE_DEVICE);
        Require(properties->location.id == c.Device.Id);
        *pool = new(c.Driver.Register(new DriverPool(c)).Handle);
    });

    [UnmanagedCallersOnly]
    private static CUresult cuMemPoolDestroy(CUmemoryPool pool) => InContext(nameof(cuMemPoolDestroy), c =>
    {
        DriverPool gone = c.Driver.Find<DriverPool>(pool.Value);
        Require(gone != c.Device.DefaultPool);
        c.Driver.Forget(gone);
    }, releases: true);

    [UnmanagedCallersOnly]
    private static CUresult cuMemPoolTrimTo(CUmemoryPool pool, nuint keep) => InContext(nameof(cuMemPoolTrimTo), c => c.Driver.Find<DriverPool>(pool.Value));

    [UnmanagedCallersOnly]
    private static CUresult cuMemPoolSetAttribute(CUmemoryPool pool, CUmemPool_attribute attribute, void* value) => InContext(nameof(cuMemPoolSetAttribute), c =>
    {
        DriverPool target = c.Driver.Find<DriverPool>(pool.Value);
        ulong number = *(ulong*)value;
        switch (attribute)
        {
            case CUmemPool_attribute.CU_MEMPOOL_ATTR_RELEASE_THRESHOLD:
                target.Threshold = number;
                break;
            case CUmemPool_attribute.CU_MEMPOOL_ATTR_USED_MEM_HIGH or CUmemPool_attribute.CU_MEMPOOL_ATTR_RESERVED_MEM_HIGH:
                Require(number == 0);
                target.High = target.Used;
                break;
            default:
                throw new DriverError(CUDA_ERROR_INVALID_VALUE);
        }
    });

    [UnmanagedCallersOnly]
    private static CUresult cuMemPoolGetAttribute(CUmemoryPool pool, CUmemPool_attribute attribute, void* value) => InContext(nameof(cuMemPoolGetAttribute), c =>
    {
        DriverPool source = c.Driver.Find<DriverPool>(pool.Value);
        *(ulong*)value = attribute switch
        {
            CUmemPool_attribute.CU_MEMPOOL_ATTR_RELEASE_THRESHOLD => source.Threshold,
            CUmemPool_attribute.CU_MEMPOOL_ATTR_USED_MEM_CURRENT or CUmemPool_attribute.CU_MEMPOOL_ATTR_RESERVED_MEM_CURRENT => source.Used,
            CUmemPool_attribute.CU_MEMPOOL_ATTR_USED_MEM_HIGH or CUmemPool_attribute.CU_MEMPOOL_ATTR_RESERVED_MEM_HIGH => source.High,
            _ => throw new DriverError(CUDA_ERROR_INVALID_VALUE),
        };
    });

    [UnmanagedCallersOnly]
    private static CUresult cuMemHostAlloc(void** pointer, nuint bytes, uint flags) => InContext(nameof(cuMemHostAlloc), c =>
    {
        Require(bytes > 0);
        void* made = NativeMemory.AlignedAlloc(bytes, 4096);
        // Poison: what nobody copied here must not pass for a result.
        NativeMemory.Fill(made, bytes, 0xcd);
        c.HostMemory.Add((nint)made, (bytes, false));
        *pointer = made;
    });

    [UnmanagedCallersOnly]
    private static CUresult cuMemFreeHost(void* pointer) => InContext(nameof(cuMemFreeHost), c =>
    {
        Require(c.HostMemory.TryGetValue((nint)pointer, out (nuint, bool Registered) found) && !found.Registered);
        c.HostMemory.Remove((nint)pointer);
        NativeMemory.AlignedFree(pointer);
    }, releases: true);

    [UnmanagedCallersOnly]
    private static CUresult cuMemHostRegister_v2(void* pointer, nuint bytes, uint flags) => InContext(nameof(cuMemHostRegister_v2), c =>
    {
        Require(bytes > 0 && pointer != null);
        Require(c.HostMemory.TryAdd((nint)pointer, (bytes, true)), CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED);
    });

    [UnmanagedCallersOnly]
    private static CUresult cuMemHostUnregister(void* pointer) => InContext(nameof(cuMemHostUnregister), c =>
    {
        Require(c.HostMemory.TryGetValue((nint)pointer, out (nuint, bool Registered) found) && found.Registered, CUDA_ERROR_HOST_MEMORY_NOT_REGISTERED);
        c.HostMemory.Remove((nint)pointer);
    }, releases: true);

    [UnmanagedCallersOnly]
    private static CUresult cuMemHostGetDevicePointer_v2(CUdeviceptr* device, void* pointer, uint flags) =>
        // The simulated kernels cannot reach host memory.
        InContext(nameof(cuMemHostGetDevicePointer_v2), _ => throw new DriverError(CUDA_ERROR_NOT_SUPPORTED));

    [UnmanagedCallersOnly]
    private static CUresult cuPointerGetAttribute(void* value, CUpointer_attribute attribute, CUdeviceptr pointer) => InContext(nameof(cuPointerGetAttribute), c =>
    {
        bool device = c.Device.Engine.TryFind(pointer.Value, out ulong start, out ulong bytes);
        Require(device || c.IsPinned((nint)pointer.Value, 1));
        switch (attribute)
        {
            case CUpointer_attribute.CU_POINTER_ATTRIBUTE_CONTEXT:
                *(nint*)value = c.Handle;
                break;
            case CUpointer_attribute.CU_POINTER_ATTRIBUTE_MEMORY_TYPE:
                *(CUmemorytype*)value = device ? CUmemorytype.CU_MEMORYTYPE_DEVICE : CUmemorytype.CU_MEMORYTYPE_HOST;
                break;
            case CUpointer_attribute.CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL:
                *(int*)value = c.Device.Id;
                break;
            case CUpointer_attribute.CU_POINTER_ATTRIBUTE_RANGE_START_ADDR when device:
                *(ulong*)value = start;
                break;
            case CUpointer_attribute.CU_POINTER_ATTRIBUTE_RANGE_SIZE when device:
                *(nuint*)value = (nuint)bytes;
                break;
            default:
                throw new DriverError(CUDA_ERROR_INVALID_VALUE);
        }
    });

    [UnmanagedCallersOnly]
    private static CUresult cuMemcpyHtoD_v2(CUdeviceptr to, void* from, nuint bytes) => InContext(nameof(cuMemcpyHtoD_v2), c =>
    {
        WaitForLegacy(c);
        c.Device.Engine.Write(to.Value, new(from, checked((int)bytes)));
    });

    [UnmanagedCallersOnly]
    private static CUresult cuMemcpyDtoH_v2(void* to, CUdeviceptr from, nuint bytes) => InContext(nameof(cuMemcpyDtoH_v2), c =>
    {
        WaitForLegacy(c);
        c.Device.Engine.Read(from.Value, new(to, checked((int)bytes)));
    });

    [UnmanagedCallersOnly]
    private static CUresult cuMemcpyHtoDAsync_v2(CUdeviceptr to, void* from, nuint bytes, CUstream stream) => InContext(nameof(cuMemcpyHtoDAsync_v2), c =>
    {
        DriverStream queue = Stream(c, stream);
        int length = checked((int)bytes);
        if (c.IsPinned((nint)from, bytes) || queue.Capture is not null)
        {
            Enqueue(queue, new(OperationKind.Copy, () => c.Device.Engine.Write(to.Value, new(from, length))));
            return;
        }
        // Pageable memory *might* be read before the call returns, says the manual. Where nobody waits before going on with the stream, it is read as changed.
        byte[] staged = new ReadOnlySpan<byte>(from, length).ToArray();
        long position = long.MaxValue;
        Enqueue(queue, new(OperationKind.Copy, () =>
        {
            if (queue.Enqueued > position)
                staged.AsSpan().Fill(0xcd);
            c.Device.Engine.Write(to.Value, staged);
        }));
        position = queue.Enqueued;
    });

    [UnmanagedCallersOnly]
    private static CUresult cuMemcpyDtoHAsync_v2(void* to, CUdeviceptr from, nuint bytes, CUstream stream) => InContext(nameof(cuMemcpyDtoHAsync_v2), c =>
    {
        DriverStream queue = Stream(c, stream);
        int length = checked((int)bytes);
        Enqueue(queue, new(OperationKind.Copy, () => c.Device.Engine.Read(from.Value, new(to, length))));
        // To pageable memory the call returns only when the copy is done.
        if (queue.Capture is null && !c.IsPinned((nint)to, bytes))
            queue.RunTo(queue.Enqueued);
    });

    [UnmanagedCallersOnly]
    private static CUresult cuMemcpyDtoDAsync_v2(CUdeviceptr to, CUdeviceptr from, nuint bytes, CUstream stream) => InContext(nameof(cuMemcpyDtoDAsync_v2), c =>
        Enqueue(Stream(c, stream), new(OperationKind.Copy, () => c.Device.Engine.Copy(to.Value, from.Value, bytes))));

    [UnmanagedCallersOnly]
    private static CUresult cuMemsetD8Async(CUdeviceptr to, byte value, nuint count, CUstream stream) => InContext(nameof(cuMemsetD8Async), c =>
        Enqueue(Stream(c, stream), new(OperationKind.Fill, () => c.Device.Engine.Fill(to.Value, value, 1, count))));

    [UnmanagedCallersOnly]
    private static CUresult cuMemsetD32Async(CUdeviceptr to, uint value, nuint count, CUstream stream) => InContext(nameof(cuMemsetD32Async), c =>
    {
        Require(to.Value % 4 == 0, CUDA_ERROR_MISALIGNED_ADDRESS);
        Enqueue(Stream(c, stream), new(OperationKind.Fill, () => c.Device.Engine.Fill(to.Value, value, 4, count)));
    });

    private static ulong AllocateDevice(DriverContext context, ulong bytes, DriverPool? pool)
    {
        Require(bytes > 0);
        ulong address = context.Device.Engine.Allocate(bytes);
        context.Memory.Add(address, (bytes, pool));
        if (pool is not null)
            pool.High = Math.Max(pool.High, pool.Used += bytes);
        context.Driver.Counters.PeakBytes = Math.Max(context.Driver.Counters.PeakBytes, context.Device.Engine.UsedBytes);
        return address;
    }

    private static void FreeDevice(DriverContext context, ulong address)
    {
        if (!context.Memory.Remove(address, out (ulong Bytes, DriverPool? Pool) gone))
            throw new DriverError(CUDA_ERROR_INVALID_VALUE, $"0x{address:x} was freed twice");
        if (gone.Pool is { } pool)
            pool.Used -= gone.Bytes;
        context.Device.Engine.Free(address);
    }

    private static DriverPool DefaultPool(DriverDevice device, DriverContext context) => device.DefaultPool ??= device.Driver.Register(new DriverPool(context));

    private static void WaitForLegacy(DriverContext context)
    {
        RefuseCapture(context);
        context.Driver.Counters.HostSynchronisations++;
        foreach (DriverStream stream in context.Streams.Where(s => s.Blocking).Append(context.Legacy).ToList())
            stream.RunTo(stream.Enqueued);
    }
}
