using Acm.Native.Driver;

namespace Acm.Native;

/// <summary>A CUDA driver call failed.</summary>
public class CudaException : Exception
{
    internal CudaException(string call, CUresult code, string text, string? context = null)
        : base($"{call} failed: {code} ({(int)code}): {text}{(context is null ? "" : $" [{context}]")}")
    {
        Call = call;
        Result = code;
        Text = text;
    }

    /// <summary>The driver's function, e.g. <c>cuMemcpyHtoDAsync_v2</c>.</summary>
    public string Call { get; }

    /// <summary>The error's number.</summary>
    public int Code => (int)Result;

    /// <summary>The error's name, e.g. <c>CUDA_ERROR_ILLEGAL_ADDRESS</c>.</summary>
    public string Name => Result.ToString();

    /// <summary>The driver's description of the error.</summary>
    public string Text { get; }

    internal CUresult Result { get; }

    /// <summary>Whether the error leaves the context unusable: every later call in it fails.</summary>
    public bool IsSticky => Result is CUresult.CUDA_ERROR_ECC_UNCORRECTABLE or CUresult.CUDA_ERROR_NVLINK_UNCORRECTABLE or CUresult.CUDA_ERROR_ILLEGAL_ADDRESS
        or CUresult.CUDA_ERROR_LAUNCH_TIMEOUT or CUresult.CUDA_ERROR_ASSERT or CUresult.CUDA_ERROR_HARDWARE_STACK_ERROR
        or CUresult.CUDA_ERROR_ILLEGAL_INSTRUCTION or CUresult.CUDA_ERROR_MISALIGNED_ADDRESS or CUresult.CUDA_ERROR_INVALID_ADDRESS_SPACE
        or CUresult.CUDA_ERROR_INVALID_PC or CUresult.CUDA_ERROR_LAUNCH_FAILED or CUresult.CUDA_ERROR_CONTEXT_IS_DESTROYED or CUresult.CUDA_ERROR_TENSOR_MEMORY_LEAK;
}

/// <summary>The device (or the pinned host memory) has not enough left.</summary>
public sealed class CudaOutOfMemoryException : CudaException
{
    internal CudaOutOfMemoryException(string call, string text, long asked, long free, string? need = null)
        : base(call, CUresult.CUDA_ERROR_OUT_OF_MEMORY, text, $"asked {asked} bytes, free {free} bytes{(need is null ? "" : $"; {need}")}")
    {
        AskedBytes = asked;
        FreeBytes = free;
    }

    /// <summary>The same, with what the caller needs in all and what would need less.</summary>
    internal CudaOutOfMemoryException With(string need) => new(Call, Text, AskedBytes, FreeBytes, need);

    /// <summary>Bytes that were asked for.</summary>
    public long AskedBytes { get; }

    /// <summary>Bytes free on the device when the call failed.</summary>
    public long FreeBytes { get; }
}

/// <summary>A kernel could not be launched.</summary>
public sealed class CudaLaunchException : CudaException
{
    internal CudaLaunchException(string call, CUresult code, string text, string kernel, in LaunchShape shape)
        : base(call, code, text, $"kernel {kernel}, {shape}")
    {
        Kernel = kernel;
        Shape = shape;
    }

    /// <summary>The kernel's name.</summary>
    public string Kernel { get; }

    /// <summary>Grid, block and dynamic shared bytes of the launch.</summary>
    public LaunchShape Shape { get; }
}

/// <summary>The driver refused a module: PTX that does not assemble, or a binary for another device.</summary>
public sealed class CudaModuleException : CudaException
{
    internal CudaModuleException(string call, CUresult code, string text, string module, string log)
        : base(call, code, text, log.Length == 0 ? $"module {module}" : $"module {module}: {log}")
    {
        Module = module;
        Log = log;
    }

    /// <summary>The module's name, as given at load.</summary>
    public string Module { get; }

    /// <summary>The driver's log, or empty.</summary>
    public string Log { get; }
}
