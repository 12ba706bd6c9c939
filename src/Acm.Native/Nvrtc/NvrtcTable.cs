using Acm.Native.Driver;

namespace Acm.Native.Nvrtc;

/// <summary>NVRTC's entry points, under their exported names; <see cref="NvrtcEntries"/> lists them in the same order.</summary>
internal unsafe struct NvrtcTable
{
    public delegate* unmanaged<int*, int*, nvrtcResult> nvrtcVersion;
    public delegate* unmanaged<nvrtcResult, byte*> nvrtcGetErrorString;
    public delegate* unmanaged<int*, nvrtcResult> nvrtcGetNumSupportedArchs;
    public delegate* unmanaged<int*, nvrtcResult> nvrtcGetSupportedArchs;
    public delegate* unmanaged<nvrtcProgram*, byte*, byte*, int, byte**, byte**, nvrtcResult> nvrtcCreateProgram;
    public delegate* unmanaged<nvrtcProgram*, nvrtcResult> nvrtcDestroyProgram;
    public delegate* unmanaged<nvrtcProgram, int, byte**, nvrtcResult> nvrtcCompileProgram;
    public delegate* unmanaged<nvrtcProgram, nuint*, nvrtcResult> nvrtcGetPTXSize;
    public delegate* unmanaged<nvrtcProgram, byte*, nvrtcResult> nvrtcGetPTX;
    public delegate* unmanaged<nvrtcProgram, nuint*, nvrtcResult> nvrtcGetCUBINSize;
    public delegate* unmanaged<nvrtcProgram, byte*, nvrtcResult> nvrtcGetCUBIN;
    public delegate* unmanaged<nvrtcProgram, nuint*, nvrtcResult> nvrtcGetProgramLogSize;
    public delegate* unmanaged<nvrtcProgram, byte*, nvrtcResult> nvrtcGetProgramLog;
    public delegate* unmanaged<nvrtcProgram, byte*, nvrtcResult> nvrtcAddNameExpression;
    public delegate* unmanaged<nvrtcProgram, byte*, byte**, nvrtcResult> nvrtcGetLoweredName;
}

internal readonly record struct nvrtcProgram(nint Value);

/// <summary>The entries of <see cref="NvrtcTable"/>, in the order of its fields. NVRTC has no versions to ask for: exports only.</summary>
internal static class NvrtcEntries
{
    public static readonly TableEntry[] All =
    [
        new("nvrtcVersion", "nvrtcVersion", 7000),
        new("nvrtcGetErrorString", "nvrtcGetErrorString", 7000),
        new("nvrtcGetNumSupportedArchs", "nvrtcGetNumSupportedArchs", 11020),
        new("nvrtcGetSupportedArchs", "nvrtcGetSupportedArchs", 11020),
        new("nvrtcCreateProgram", "nvrtcCreateProgram", 7000),
        new("nvrtcDestroyProgram", "nvrtcDestroyProgram", 7000),
        new("nvrtcCompileProgram", "nvrtcCompileProgram", 7000),
        new("nvrtcGetPTXSize", "nvrtcGetPTXSize", 7000),
        new("nvrtcGetPTX", "nvrtcGetPTX", 7000),
        new("nvrtcGetCUBINSize", "nvrtcGetCUBINSize", 11010),
        new("nvrtcGetCUBIN", "nvrtcGetCUBIN", 11010),
        new("nvrtcGetProgramLogSize", "nvrtcGetProgramLogSize", 7000),
        new("nvrtcGetProgramLog", "nvrtcGetProgramLog", 7000),
        new("nvrtcAddNameExpression", "nvrtcAddNameExpression", 8000),
        new("nvrtcGetLoweredName", "nvrtcGetLoweredName", 8000),
    ];
}
