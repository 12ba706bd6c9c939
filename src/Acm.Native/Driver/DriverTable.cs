namespace Acm.Native.Driver;

/// <summary>
/// The driver's entry points, under their exported names: filled from the driver's library (<see cref="DriverLoader"/>) or from a simulator's
/// <c>[UnmanagedCallersOnly]</c> methods, so that both get the very same blittable arguments. <see cref="DriverEntries"/> lists them in the same order.
/// </summary>
internal unsafe struct DriverTable
{
    // Start, versions, errors.
    public delegate* unmanaged<uint, CUresult> cuInit;
    public delegate* unmanaged<int*, CUresult> cuDriverGetVersion;
    public delegate* unmanaged<CUresult, byte**, CUresult> cuGetErrorName;
    public delegate* unmanaged<CUresult, byte**, CUresult> cuGetErrorString;
    public delegate* unmanaged<byte*, void**, int, ulong, CUdriverProcAddressQueryResult*, CUresult> cuGetProcAddress_v2;
    // Devices.
    public delegate* unmanaged<int*, CUresult> cuDeviceGetCount;
    public delegate* unmanaged<CUdevice*, int, CUresult> cuDeviceGet;
    public delegate* unmanaged<byte*, int, CUdevice, CUresult> cuDeviceGetName;
    public delegate* unmanaged<CUuuid*, CUdevice, CUresult> cuDeviceGetUuid_v2;
    public delegate* unmanaged<nuint*, CUdevice, CUresult> cuDeviceTotalMem_v2;
    public delegate* unmanaged<int*, CUdevice_attribute, CUdevice, CUresult> cuDeviceGetAttribute;
    // Contexts.
    public delegate* unmanaged<CUcontext*, CUdevice, CUresult> cuDevicePrimaryCtxRetain;
    public delegate* unmanaged<CUdevice, CUresult> cuDevicePrimaryCtxRelease_v2;
    public delegate* unmanaged<CUdevice, uint*, int*, CUresult> cuDevicePrimaryCtxGetState;
    public delegate* unmanaged<CUcontext*, CUctxCreateParams*, uint, CUdevice, CUresult> cuCtxCreate_v4;
    public delegate* unmanaged<CUcontext, CUresult> cuCtxDestroy_v2;
    public delegate* unmanaged<CUcontext, CUresult> cuCtxPushCurrent_v2;
    public delegate* unmanaged<CUcontext*, CUresult> cuCtxPopCurrent_v2;
    public delegate* unmanaged<CUcontext, CUresult> cuCtxSetCurrent;
    public delegate* unmanaged<CUcontext*, CUresult> cuCtxGetCurrent;
    public delegate* unmanaged<CUdevice*, CUresult> cuCtxGetDevice;
    public delegate* unmanaged<CUresult> cuCtxSynchronize;
    public delegate* unmanaged<int*, int*, CUresult> cuCtxGetStreamPriorityRange;
    // Streams and events.
    public delegate* unmanaged<CUstream*, uint, int, CUresult> cuStreamCreateWithPriority;
    public delegate* unmanaged<CUstream, CUresult> cuStreamDestroy_v2;
    public delegate* unmanaged<CUstream, CUresult> cuStreamQuery;
    public delegate* unmanaged<CUstream, CUresult> cuStreamSynchronize;
    public delegate* unmanaged<CUstream, CUevent, uint, CUresult> cuStreamWaitEvent;
    public delegate* unmanaged<CUstream, CUcontext*, CUresult> cuStreamGetCtx;
    public delegate* unmanaged<CUstream, delegate* unmanaged<void*, void>, void*, CUresult> cuLaunchHostFunc;
    public delegate* unmanaged<CUevent*, uint, CUresult> cuEventCreate;
    public delegate* unmanaged<CUevent, CUresult> cuEventDestroy_v2;
    public delegate* unmanaged<CUevent, CUstream, CUresult> cuEventRecord;
    public delegate* unmanaged<CUevent, CUresult> cuEventQuery;
    public delegate* unmanaged<CUevent, CUresult> cuEventSynchronize;
    public delegate* unmanaged<float*, CUevent, CUevent, CUresult> cuEventElapsedTime_v2;
    // Memory.
    public delegate* unmanaged<nuint*, nuint*, CUresult> cuMemGetInfo_v2;
    public delegate* unmanaged<CUdeviceptr*, nuint, CUresult> cuMemAlloc_v2;
    public delegate* unmanaged<CUdeviceptr, CUresult> cuMemFree_v2;
    public delegate* unmanaged<CUdeviceptr*, nuint, CUstream, CUresult> cuMemAllocAsync;
    public delegate* unmanaged<CUdeviceptr, CUstream, CUresult> cuMemFreeAsync;
    public delegate* unmanaged<CUdeviceptr*, nuint, CUmemoryPool, CUstream, CUresult> cuMemAllocFromPoolAsync;
    public delegate* unmanaged<CUmemoryPool*, CUdevice, CUresult> cuDeviceGetDefaultMemPool;
    public delegate* unmanaged<CUmemoryPool*, CUmemPoolProps*, CUresult> cuMemPoolCreate;
    public delegate* unmanaged<CUmemoryPool, CUresult> cuMemPoolDestroy;
    public delegate* unmanaged<CUmemoryPool, nuint, CUresult> cuMemPoolTrimTo;
    public delegate* unmanaged<CUmemoryPool, CUmemPool_attribute, void*, CUresult> cuMemPoolSetAttribute;
    public delegate* unmanaged<CUmemoryPool, CUmemPool_attribute, void*, CUresult> cuMemPoolGetAttribute;
    public delegate* unmanaged<void**, nuint, uint, CUresult> cuMemHostAlloc;
    public delegate* unmanaged<void*, CUresult> cuMemFreeHost;
    public delegate* unmanaged<void*, nuint, uint, CUresult> cuMemHostRegister_v2;
    public delegate* unmanaged<void*, CUresult> cuMemHostUnregister;
    public delegate* unmanaged<CUdeviceptr*, void*, uint, CUresult> cuMemHostGetDevicePointer_v2;
    public delegate* unmanaged<void*, CUpointer_attribute, CUdeviceptr, CUresult> cuPointerGetAttribute;
    // Copies and fills.
    public delegate* unmanaged<CUdeviceptr, void*, nuint, CUresult> cuMemcpyHtoD_v2;
    public delegate* unmanaged<void*, CUdeviceptr, nuint, CUresult> cuMemcpyDtoH_v2;
    public delegate* unmanaged<CUdeviceptr, void*, nuint, CUstream, CUresult> cuMemcpyHtoDAsync_v2;
    public delegate* unmanaged<void*, CUdeviceptr, nuint, CUstream, CUresult> cuMemcpyDtoHAsync_v2;
    public delegate* unmanaged<CUdeviceptr, CUdeviceptr, nuint, CUstream, CUresult> cuMemcpyDtoDAsync_v2;
    public delegate* unmanaged<CUdeviceptr, byte, nuint, CUstream, CUresult> cuMemsetD8Async;
    public delegate* unmanaged<CUdeviceptr, uint, nuint, CUstream, CUresult> cuMemsetD32Async;
    // Modules and functions.
    public delegate* unmanaged<CUmodule*, void*, uint, CUjit_option*, void**, CUresult> cuModuleLoadDataEx;
    public delegate* unmanaged<CUmodule, CUresult> cuModuleUnload;
    public delegate* unmanaged<CUfunction*, CUmodule, byte*, CUresult> cuModuleGetFunction;
    public delegate* unmanaged<CUdeviceptr*, nuint*, CUmodule, byte*, CUresult> cuModuleGetGlobal_v2;
    public delegate* unmanaged<int*, CUfunction_attribute, CUfunction, CUresult> cuFuncGetAttribute;
    public delegate* unmanaged<CUfunction, CUfunction_attribute, int, CUresult> cuFuncSetAttribute;
    // Occupancy.
    public delegate* unmanaged<int*, CUfunction, int, nuint, uint, CUresult> cuOccupancyMaxActiveBlocksPerMultiprocessorWithFlags;
    public delegate* unmanaged<int*, int*, CUfunction, delegate* unmanaged<int, nuint>, nuint, int, CUresult> cuOccupancyMaxPotentialBlockSize;
    public delegate* unmanaged<nuint*, CUfunction, int, int, CUresult> cuOccupancyAvailableDynamicSMemPerBlock;
    public delegate* unmanaged<int*, CUfunction, CUlaunchConfig*, CUresult> cuOccupancyMaxActiveClusters;
    // Launches.
    public delegate* unmanaged<CUfunction, uint, uint, uint, uint, uint, uint, uint, CUstream, void**, void**, CUresult> cuLaunchKernel;
    public delegate* unmanaged<CUlaunchConfig*, CUfunction, void**, void**, CUresult> cuLaunchKernelEx;
    // Capture and graphs.
    public delegate* unmanaged<CUstream, CUstreamCaptureMode, CUresult> cuStreamBeginCapture_v2;
    public delegate* unmanaged<CUstream, CUgraph*, CUresult> cuStreamEndCapture;
    public delegate* unmanaged<CUstream, CUstreamCaptureStatus*, CUresult> cuStreamIsCapturing;
    public delegate* unmanaged<CUstream, CUstreamCaptureStatus*, ulong*, CUgraph*, CUgraphNode**, CUgraphEdgeData**, nuint*, CUresult> cuStreamGetCaptureInfo_v3;
    public delegate* unmanaged<CUstreamCaptureMode*, CUresult> cuThreadExchangeStreamCaptureMode;
    public delegate* unmanaged<CUgraphExec*, CUgraph, ulong, CUresult> cuGraphInstantiateWithFlags;
    public delegate* unmanaged<CUgraph, CUgraphNode*, nuint*, CUresult> cuGraphGetNodes;
    public delegate* unmanaged<CUgraphExec, CUstream, CUresult> cuGraphUpload;
    public delegate* unmanaged<CUgraphExec, CUstream, CUresult> cuGraphLaunch;
    public delegate* unmanaged<CUgraphExec, CUgraph, CUgraphExecUpdateResultInfo*, CUresult> cuGraphExecUpdate_v2;
    public delegate* unmanaged<CUgraphExec, CUresult> cuGraphExecDestroy;
    public delegate* unmanaged<CUgraph, CUresult> cuGraphDestroy;
}
