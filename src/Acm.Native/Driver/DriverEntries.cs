namespace Acm.Native.Driver;

/// <summary>One entry of a function table: how it is exported and since when.</summary>
/// <param name="Export">The exported symbol, also the name of the table's field.</param>
/// <param name="Symbol">The name that cuGetProcAddress knows it by.</param>
/// <param name="Since">The CUDA version (1000 * major + 10 * minor) that introduced this form of it.</param>
/// <param name="Required">Whether a table without it is of no use.</param>
/// <param name="OlderExport">An older export of the same signature, taken where the driver lacks the new one.</param>
/// <param name="OlderSince">The CUDA version that introduced the older export.</param>
internal sealed record TableEntry(string Export, string Symbol, int Since, bool Required = true, string? OlderExport = null, int OlderSince = 0);

/// <summary>The entries of <see cref="DriverTable"/>, in the order of its fields.</summary>
internal static class DriverEntries
{
    /// <summary>The oldest driver served: CUDA 12.0, the first with cuGetProcAddress_v2 and cuGraphExecUpdate_v2 (R525).</summary>
    public const int OldestDriver = 12000;

    public static readonly TableEntry[] All =
    [
        // Start, versions, errors.
        new("cuInit", "cuInit", 2000),
        new("cuDriverGetVersion", "cuDriverGetVersion", 2020),
        new("cuGetErrorName", "cuGetErrorName", 6000),
        new("cuGetErrorString", "cuGetErrorString", 6000),
        new("cuGetProcAddress_v2", "cuGetProcAddress", 12000, Required: false),
        // Devices.
        new("cuDeviceGetCount", "cuDeviceGetCount", 2000),
        new("cuDeviceGet", "cuDeviceGet", 2000),
        new("cuDeviceGetName", "cuDeviceGetName", 2000),
        new("cuDeviceGetUuid_v2", "cuDeviceGetUuid", 11040),
        new("cuDeviceTotalMem_v2", "cuDeviceTotalMem", 3020),
        new("cuDeviceGetAttribute", "cuDeviceGetAttribute", 2000),
        // Contexts.
        new("cuDevicePrimaryCtxRetain", "cuDevicePrimaryCtxRetain", 7000),
        new("cuDevicePrimaryCtxRelease_v2", "cuDevicePrimaryCtxRelease", 11000),
        new("cuDevicePrimaryCtxGetState", "cuDevicePrimaryCtxGetState", 7000),
        new("cuCtxCreate_v4", "cuCtxCreate", 12050, Required: false),
        new("cuCtxDestroy_v2", "cuCtxDestroy", 4000),
        new("cuCtxPushCurrent_v2", "cuCtxPushCurrent", 4000),
        new("cuCtxPopCurrent_v2", "cuCtxPopCurrent", 4000),
        new("cuCtxSetCurrent", "cuCtxSetCurrent", 4000),
        new("cuCtxGetCurrent", "cuCtxGetCurrent", 4000),
        new("cuCtxGetDevice", "cuCtxGetDevice", 2000),
        new("cuCtxSynchronize", "cuCtxSynchronize", 2000),
        new("cuCtxGetStreamPriorityRange", "cuCtxGetStreamPriorityRange", 5050),
        // Streams and events.
        new("cuStreamCreateWithPriority", "cuStreamCreateWithPriority", 5050),
        new("cuStreamDestroy_v2", "cuStreamDestroy", 4000),
        new("cuStreamQuery", "cuStreamQuery", 2000),
        new("cuStreamSynchronize", "cuStreamSynchronize", 2000),
        new("cuStreamWaitEvent", "cuStreamWaitEvent", 3020),
        new("cuStreamGetCtx", "cuStreamGetCtx", 9020),
        new("cuLaunchHostFunc", "cuLaunchHostFunc", 10000),
        new("cuEventCreate", "cuEventCreate", 2000),
        new("cuEventDestroy_v2", "cuEventDestroy", 4000),
        new("cuEventRecord", "cuEventRecord", 2000),
        new("cuEventQuery", "cuEventQuery", 2000),
        new("cuEventSynchronize", "cuEventSynchronize", 2000),
        new("cuEventElapsedTime_v2", "cuEventElapsedTime", 12080, OlderExport: "cuEventElapsedTime", OlderSince: 2000),
        // Memory.
        new("cuMemGetInfo_v2", "cuMemGetInfo", 3020),
        new("cuMemAlloc_v2", "cuMemAlloc", 3020),
        new("cuMemFree_v2", "cuMemFree", 3020),
        new("cuMemAllocAsync", "cuMemAllocAsync", 11020),
        new("cuMemFreeAsync", "cuMemFreeAsync", 11020),
        new("cuMemAllocFromPoolAsync", "cuMemAllocFromPoolAsync", 11020),
        new("cuDeviceGetDefaultMemPool", "cuDeviceGetDefaultMemPool", 11020),
        new("cuMemPoolCreate", "cuMemPoolCreate", 11020),
        new("cuMemPoolDestroy", "cuMemPoolDestroy", 11020),
        new("cuMemPoolTrimTo", "cuMemPoolTrimTo", 11020),
        new("cuMemPoolSetAttribute", "cuMemPoolSetAttribute", 11020),
        new("cuMemPoolGetAttribute", "cuMemPoolGetAttribute", 11020),
        new("cuMemHostAlloc", "cuMemHostAlloc", 2020),
        new("cuMemFreeHost", "cuMemFreeHost", 2000),
        new("cuMemHostRegister_v2", "cuMemHostRegister", 6050),
        new("cuMemHostUnregister", "cuMemHostUnregister", 4000),
        new("cuMemHostGetDevicePointer_v2", "cuMemHostGetDevicePointer", 3020),
        new("cuPointerGetAttribute", "cuPointerGetAttribute", 4000),
        // Copies and fills.
        new("cuMemcpyHtoD_v2", "cuMemcpyHtoD", 3020),
        new("cuMemcpyDtoH_v2", "cuMemcpyDtoH", 3020),
        new("cuMemcpyHtoDAsync_v2", "cuMemcpyHtoDAsync", 3020),
        new("cuMemcpyDtoHAsync_v2", "cuMemcpyDtoHAsync", 3020),
        new("cuMemcpyDtoDAsync_v2", "cuMemcpyDtoDAsync", 3020),
        new("cuMemsetD8Async", "cuMemsetD8Async", 3020),
        new("cuMemsetD32Async", "cuMemsetD32Async", 3020),
        // Modules and functions.
        new("cuModuleLoadDataEx", "cuModuleLoadDataEx", 2010),
        new("cuModuleUnload", "cuModuleUnload", 2000),
        new("cuModuleGetFunction", "cuModuleGetFunction", 2000),
        new("cuModuleGetGlobal_v2", "cuModuleGetGlobal", 3020),
        new("cuFuncGetAttribute", "cuFuncGetAttribute", 2020),
        new("cuFuncSetAttribute", "cuFuncSetAttribute", 9000),
        // Occupancy.
        new("cuOccupancyMaxActiveBlocksPerMultiprocessorWithFlags", "cuOccupancyMaxActiveBlocksPerMultiprocessorWithFlags", 7000),
        new("cuOccupancyMaxPotentialBlockSize", "cuOccupancyMaxPotentialBlockSize", 6050),
        new("cuOccupancyAvailableDynamicSMemPerBlock", "cuOccupancyAvailableDynamicSMemPerBlock", 10020),
        new("cuOccupancyMaxActiveClusters", "cuOccupancyMaxActiveClusters", 11070),
        // Launches.
        new("cuLaunchKernel", "cuLaunchKernel", 4000),
        new("cuLaunchKernelEx", "cuLaunchKernelEx", 11060),
        // Capture and graphs.
        new("cuStreamBeginCapture_v2", "cuStreamBeginCapture", 10010),
        new("cuStreamEndCapture", "cuStreamEndCapture", 10000),
        new("cuStreamIsCapturing", "cuStreamIsCapturing", 10000),
        new("cuStreamGetCaptureInfo_v3", "cuStreamGetCaptureInfo", 12030, Required: false),
        new("cuThreadExchangeStreamCaptureMode", "cuThreadExchangeStreamCaptureMode", 10010),
        new("cuGraphInstantiateWithFlags", "cuGraphInstantiateWithFlags", 11040),
        new("cuGraphGetNodes", "cuGraphGetNodes", 10000),
        new("cuGraphUpload", "cuGraphUpload", 11010),
        new("cuGraphLaunch", "cuGraphLaunch", 10000),
        new("cuGraphExecUpdate_v2", "cuGraphExecUpdate", 12000),
        new("cuGraphExecDestroy", "cuGraphExecDestroy", 10000),
        new("cuGraphDestroy", "cuGraphDestroy", 10000),
    ];
}
