using System.Runtime.InteropServices;
using System.Text;
using Acm.Native.Driver;
using Acm.Simulator.Driver;
using NUnit.Framework;
using static Acm.Native.Driver.CUresult;

namespace Acm.Simulator.Tests.Driver;

/// <summary>Calls every entry of the table through its function pointer, with the blittable arguments of the real driver.</summary>
[TestFixture]
internal sealed unsafe class EveryEntryTests
{
    private static int s_called;
    private readonly HashSet<string> _entries = [.. DriverEntries.All.Select(e => e.Export)];

    [Test]
    public void Every_entry_is_called_and_answers()
    {
        using SimulatedDriver simulated = new(new SimulatorOptions { Profile = DeviceProfile.H100 });
        using SimulatedDriver.Entered entered = simulated.Enter();
        DriverTable api = SimulatedDriver.Table;
        Assert.That(TableFiller.Slots(ref api).ToArray(), Has.None.EqualTo((nint)0));
        CUdevice device = Start(api, simulated);
        CUcontext context = Contexts(api, device);
        CUstream stream = Streams(api, context);
        Memory(api, device, stream);
        Modules(api, stream);
        Check(api.cuStreamDestroy_v2(stream));
        Check(api.cuCtxSetCurrent(default));
        Check(api.cuCtxDestroy_v2(context));
        Check(api.cuDevicePrimaryCtxRelease_v2(device));
        Assert.That(simulated.LiveObjects, Is.Empty);
        Assert.That(_entries.Except(simulated.Counters.Calls.Keys), Is.Empty, "entries that no line above called");
    }

    private static CUdevice Start(in DriverTable api, SimulatedDriver simulated)
    {
        int number;
        CUdevice device;
        Assert.That(api.cuDeviceGetCount(&number), Is.EqualTo(CUDA_ERROR_NOT_INITIALIZED));
        Check(api.cuInit(0));
        Check(api.cuDriverGetVersion(&number));
        Assert.That(number, Is.EqualTo(simulated.CudaVersion));
        byte* text;
        Check(api.cuGetErrorName(CUDA_ERROR_ILLEGAL_ADDRESS, &text));
        Assert.That(Marshal.PtrToStringUTF8((nint)text), Is.EqualTo("CUDA_ERROR_ILLEGAL_ADDRESS"));
        Check(api.cuGetErrorString(CUDA_ERROR_ILLEGAL_ADDRESS, &text));
        Assert.That(Marshal.PtrToStringUTF8((nint)text), Does.Contain("illegal address"));
        Assert.That(api.cuGetErrorName((CUresult)12345, &text), Is.EqualTo(CUDA_ERROR_INVALID_VALUE));
        void* address;
        CUdriverProcAddressQueryResult status;
        fixed (byte* name = "cuMemAlloc\0"u8)
        {
            Check(api.cuGetProcAddress_v2(name, &address, 3020, 0, &status));
            Assert.That((nint)address, Is.EqualTo((nint)api.cuMemAlloc_v2));
            Assert.That(api.cuGetProcAddress_v2(name, &address, 2000, 0, &status), Is.EqualTo(CUDA_ERROR_NOT_FOUND));
            Assert.That(status, Is.EqualTo(CUdriverProcAddressQueryResult.CU_GET_PROC_ADDRESS_VERSION_NOT_SUFFICIENT));
        }
        Check(api.cuDeviceGetCount(&number));
        Assert.That(number, Is.EqualTo(1));
        Assert.That(api.cuDeviceGet(&device, 1), Is.EqualTo(CUDA_ERROR_INVALID_DEVICE));
        Check(api.cuDeviceGet(&device, 0));
        byte* buffer = stackalloc byte[8];
        Check(api.cuDeviceGetName(buffer, 8, device));
        Assert.That(Marshal.PtrToStringUTF8((nint)buffer), Is.EqualTo("NVIDIA "));
        CUuuid uuid;
        Check(api.cuDeviceGetUuid_v2(&uuid, device));
        nuint bytes;
        Check(api.cuDeviceTotalMem_v2(&bytes, device));
        Assert.That((ulong)bytes, Is.EqualTo(DeviceProfile.H100.MemoryBytes));
        foreach (CUdevice_attribute attribute in Enum.GetValues<CUdevice_attribute>())
            Check(api.cuDeviceGetAttribute(&number, attribute, device));
        return device;
    }

    private static CUcontext Contexts(in DriverTable api, CUdevice device)
    {
        CUcontext primary, made, current;
        uint flags;
        int active, least, greatest;
        CUdevice its;
        Check(api.cuDevicePrimaryCtxGetState(device, &flags, &active));
        Assert.That(active, Is.Zero);
        Check(api.cuDevicePrimaryCtxRetain(&primary, device));
        Check(api.cuDevicePrimaryCtxGetState(device, &flags, &active));
        Assert.That(active, Is.EqualTo(1));
        Check(api.cuCtxGetCurrent(&current));
        Assert.That(current, Is.EqualTo(default(CUcontext)));
        Assert.That(api.cuCtxSynchronize(), Is.EqualTo(CUDA_ERROR_INVALID_CONTEXT));
        CUctxCreateParams parameters = default;
        Check(api.cuCtxCreate_v4(&made, &parameters, 0, device));
        Check(api.cuCtxPushCurrent_v2(primary));
        Check(api.cuCtxGetCurrent(&current));
        Assert.That(current, Is.EqualTo(primary));
        Check(api.cuCtxPopCurrent_v2(&current));
        Assert.That(current, Is.EqualTo(primary));
        Check(api.cuCtxSetCurrent(made));
        Check(api.cuCtxGetDevice(&its));
        Assert.That(its, Is.EqualTo(device));
        Check(api.cuCtxSynchronize());
        Check(api.cuCtxGetStreamPriorityRange(&least, &greatest));
        Assert.That(greatest, Is.LessThan(least));
        return made;
    }

    private static CUstream Streams(in DriverTable api, CUcontext context)
    {
        CUstream stream;
        CUcontext home;
        CUevent first, last;
        float milliseconds;
        Check(api.cuStreamCreateWithPriority(&stream, 1, -1));
        Check(api.cuStreamGetCtx(stream, &home));
        Assert.That(home, Is.EqualTo(context));
        Check(api.cuEventCreate(&first, 0));
        Check(api.cuEventCreate(&last, 0));
        Check(api.cuEventRecord(first, stream));
        s_called = 0;
        Check(api.cuLaunchHostFunc(stream, &Count, null));
        Check(api.cuEventRecord(last, stream));
        Check(api.cuStreamWaitEvent(stream, last, 0));
        Assert.That(api.cuStreamQuery(stream), Is.EqualTo(CUDA_ERROR_NOT_READY));
        Assert.That(api.cuEventQuery(last), Is.EqualTo(CUDA_ERROR_NOT_READY));
        Check(api.cuEventSynchronize(last));
        Check(api.cuStreamSynchronize(stream));
        Assert.That(s_called, Is.EqualTo(1));
        Check(api.cuEventQuery(last));
        Check(api.cuStreamQuery(stream));
        Check(api.cuEventElapsedTime_v2(&milliseconds, first, last));
        Assert.That(milliseconds, Is.GreaterThanOrEqualTo(0f));
        Check(api.cuEventDestroy_v2(first));
        Check(api.cuEventDestroy_v2(last));
        Assert.That(api.cuEventDestroy_v2(last), Is.EqualTo(CUDA_ERROR_INVALID_HANDLE), "a stale handle is seen");
        return stream;
    }

    private static void Memory(in DriverTable api, CUdevice device, CUstream stream)
    {
        nuint free, total;
        CUdeviceptr plain, async, pooled;
        CUmemoryPool pool, normal;
        ulong value = 1 << 20;
        int* host = stackalloc int[16];
        Check(api.cuMemAlloc_v2(&plain, 64));
        Check(api.cuMemAllocAsync(&async, 64, stream));
        CUmemPoolProps properties = default;
        properties.allocType = CUmemAllocationType.CU_MEM_ALLOCATION_TYPE_PINNED;
        properties.location = new() { type = CUmemLocationType.CU_MEM_LOCATION_TYPE_DEVICE, id = device.Value };
        Check(api.cuMemPoolCreate(&pool, &properties));
        Check(api.cuDeviceGetDefaultMemPool(&normal, device));
        Check(api.cuMemPoolSetAttribute(pool, CUmemPool_attribute.CU_MEMPOOL_ATTR_RELEASE_THRESHOLD, &value));
        Check(api.cuMemAllocFromPoolAsync(&pooled, 64, pool, stream));
        Check(api.cuMemPoolGetAttribute(pool, CUmemPool_attribute.CU_MEMPOOL_ATTR_USED_MEM_CURRENT, &value));
        Assert.That(value, Is.EqualTo(64));
        Check(api.cuMemGetInfo_v2(&free, &total));
        Assert.That((ulong)(total - free), Is.EqualTo(192));
        void* pinned;
        Check(api.cuMemHostAlloc(&pinned, 64, 0));
        Check(api.cuMemHostRegister_v2(host, 64, 0));
        Assert.That(api.cuMemHostRegister_v2(host, 64, 0), Is.EqualTo(CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED));
        CUdeviceptr mapped;
        Assert.That(api.cuMemHostGetDevicePointer_v2(&mapped, pinned, 0), Is.EqualTo(CUDA_ERROR_NOT_SUPPORTED));
        Check(api.cuMemHostUnregister(host));
        CUmemorytype type;
        Check(api.cuPointerGetAttribute(&type, CUpointer_attribute.CU_POINTER_ATTRIBUTE_MEMORY_TYPE, plain));
        Assert.That(type, Is.EqualTo(CUmemorytype.CU_MEMORYTYPE_DEVICE));
        for (int i = 0; i < 16; i++)
            host[i] = i;
        Check(api.cuMemcpyHtoD_v2(plain, host, 64));
        Check(api.cuMemcpyDtoDAsync_v2(async, plain, 64, stream));
        Check(api.cuMemsetD32Async(async, 77, 1, stream));
        Check(api.cuMemsetD8Async(new(async.Value + 4), 1, 4, stream));
        Check(api.cuMemcpyDtoHAsync_v2(pinned, async, 64, stream));
        Check(api.cuStreamSynchronize(stream));
        Assert.That(new Span<int>(pinned, 16).ToArray(), Is.EqualTo(new[] { 77, 0x01010101 }.Concat(Enumerable.Range(2, 14))));
        Check(api.cuMemcpyHtoDAsync_v2(pooled, pinned, 64, stream));
        Check(api.cuStreamSynchronize(stream));
        Check(api.cuMemcpyDtoH_v2(host, pooled, 64));
        Assert.That((host[0], host[15]), Is.EqualTo((77, 15)));
        Assert.That(api.cuMemcpyDtoH_v2(host, new(pooled.Value + 1), 64), Is.EqualTo(CUDA_ERROR_ILLEGAL_ADDRESS), "beyond the end");
        Check(api.cuMemFreeHost(pinned));
        Check(api.cuMemFreeAsync(async, stream));
        Check(api.cuMemFree_v2(pooled));
        Check(api.cuMemFree_v2(plain));
        Check(api.cuMemPoolTrimTo(pool, 0));
        Check(api.cuMemPoolDestroy(pool));
    }

    private static void Modules(in DriverTable api, CUstream stream)
    {
        CUmodule module;
        CUfunction add, none;
        CUdeviceptr variable, x;
        nuint bytes;
        int value, blocks, threads;
        fixed (byte* ptx = Encoding.ASCII.GetBytes(Kernels.Ptx + "\0"))
            Check(api.cuModuleLoadDataEx(&module, ptx, 0, null, null));
        fixed (byte* name = "add\0"u8, missing = "none\0"u8, bias = "bias\0"u8)
        {
            Check(api.cuModuleGetFunction(&add, module, name));
            Assert.That(api.cuModuleGetFunction(&none, module, missing), Is.EqualTo(CUDA_ERROR_NOT_FOUND));
            Check(api.cuModuleGetGlobal_v2(&variable, &bytes, module, bias));
            Assert.That((ulong)bytes, Is.EqualTo(16));
        }
        foreach (CUfunction_attribute attribute in Enum.GetValues<CUfunction_attribute>().Where(a => a != CUfunction_attribute.CU_FUNC_ATTRIBUTE_NON_PORTABLE_CLUSTER_SIZE_ALLOWED))
            Check(api.cuFuncGetAttribute(&value, attribute, add));
        Check(api.cuFuncSetAttribute(add, CUfunction_attribute.CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, 65536));
        Check(api.cuOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(&blocks, add, 256, 0, 0));
        Assert.That(blocks, Is.EqualTo(8));
        Check(api.cuOccupancyMaxPotentialBlockSize(&blocks, &threads, add, null, 0, 0));
        Assert.That((blocks, threads), Is.EqualTo((2 * DeviceProfile.H100.Multiprocessors, 1024)));
        Check(api.cuOccupancyAvailableDynamicSMemPerBlock(&bytes, add, 2, 256));
        Assert.That((ulong)bytes, Is.EqualTo((ulong)(DeviceProfile.H100.SharedPerMultiprocessor / 2 - 1024)));
        CUlaunchAttribute cluster = new() { id = CUlaunchAttributeID.CU_LAUNCH_ATTRIBUTE_CLUSTER_DIMENSION };
        cluster.value.clusterDim = new() { x = 2, y = 1, z = 1 };
        CUlaunchConfig config = new() { gridDimX = 4, gridDimY = 1, gridDimZ = 1, blockDimX = 32, blockDimY = 1, blockDimZ = 1, hStream = stream, attrs = &cluster, numAttrs = 1 };
        Check(api.cuOccupancyMaxActiveClusters(&value, add, &config));
        Assert.That(value, Is.EqualTo(32 * DeviceProfile.H100.Multiprocessors / 2));

        Check(api.cuMemAlloc_v2(&x, 512));
        Check(api.cuMemsetD32Async(x, 0, 128, stream));
        uint count = 128;
        float amount = 1;
        void** parameters = stackalloc void*[] { &x, &count, &amount };
        Check(api.cuLaunchKernel(add, 4, 1, 1, 32, 1, 1, 0, stream, parameters, null));
        Check(api.cuLaunchKernelEx(&config, add, parameters, null));
        byte* packed = stackalloc byte[16];
        *(CUdeviceptr*)packed = x;
        *(uint*)(packed + 8) = count;
        *(float*)(packed + 12) = 8;
        nuint size = 16;
        void** extra = stackalloc void*[] { (void*)1, packed, (void*)2, &size, null };
        Check(api.cuLaunchKernel(add, 4, 1, 1, 32, 1, 1, 0, stream, null, extra));
        Assert.That(api.cuLaunchKernel(add, 0, 1, 1, 32, 1, 1, 0, stream, parameters, null), Is.EqualTo(CUDA_ERROR_INVALID_VALUE));
        Graphs(api, stream, add, parameters);
        float* back = stackalloc float[128];
        Check(api.cuMemcpyDtoHAsync_v2(back, x, 512, stream));
        Assert.That((back[0], back[127]), Is.EqualTo((12f, 12f)), "1 + 1 + 8, and the graph's 1 + 1");
        Check(api.cuMemFree_v2(x));
        Check(api.cuModuleUnload(module));
    }

    private static void Graphs(in DriverTable api, CUstream stream, CUfunction add, void** parameters)
    {
        CUstreamCaptureStatus status;
        ulong id;
        CUgraph graph;
        CUgraphExec exec;
        nuint count = 0;
        CUstreamCaptureMode mode = CUstreamCaptureMode.CU_STREAM_CAPTURE_MODE_RELAXED;
        Check(api.cuThreadExchangeStreamCaptureMode(&mode));
        Check(api.cuThreadExchangeStreamCaptureMode(&mode));
        Check(api.cuStreamBeginCapture_v2(stream, CUstreamCaptureMode.CU_STREAM_CAPTURE_MODE_THREAD_LOCAL));
        Check(api.cuStreamIsCapturing(stream, &status));
        Assert.That(status, Is.EqualTo(CUstreamCaptureStatus.CU_STREAM_CAPTURE_STATUS_ACTIVE));
        Check(api.cuStreamGetCaptureInfo_v3(stream, &status, &id, null, null, null, null));
        Assert.That(id, Is.Not.Zero);
        Check(api.cuLaunchKernel(add, 4, 1, 1, 32, 1, 1, 0, stream, parameters, null));
        Check(api.cuStreamEndCapture(stream, &graph));
        Check(api.cuGraphGetNodes(graph, null, &count));
        Assert.That((int)count, Is.EqualTo(1));
        Check(api.cuGraphInstantiateWithFlags(&exec, graph, 0));
        CUgraphExecUpdateResultInfo info;
        Check(api.cuGraphExecUpdate_v2(exec, graph, &info));
        Check(api.cuGraphDestroy(graph));
        Check(api.cuGraphUpload(exec, stream));
        Check(api.cuGraphLaunch(exec, stream));
        Check(api.cuGraphLaunch(exec, stream));
        Check(api.cuStreamSynchronize(stream));
        Check(api.cuGraphExecDestroy(exec));
    }

    private static void Check(CUresult result, [System.Runtime.CompilerServices.CallerArgumentExpression(nameof(result))] string call = "") =>
        Assert.That(result, Is.EqualTo(CUDA_SUCCESS), $"{call} ({SimulatedDriver.Ambient?.LastError})");

    [UnmanagedCallersOnly]
    private static void Count(void* argument) => s_called++;
}
