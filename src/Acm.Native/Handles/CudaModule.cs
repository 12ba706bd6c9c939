using System.Text;
using Acm.Native.Compile;
using Acm.Native.Driver;

namespace Acm.Native;

/// <summary>Loaded code: PTX, which the driver assembles, or a binary for the device's architecture. Thread-safe.</summary>
public sealed unsafe class CudaModule : CudaContextResource
{
    private const int LogBytes = 16384;

    /// <summary>Loads code.</summary>
    /// <param name="context">Where.</param>
    /// <param name="image">PTX text or a cubin.</param>
    /// <param name="name">A name for messages.</param>
    /// <exception cref="CudaModuleException">The driver refused it; its log is in the exception.</exception>
    public CudaModule(CudaContext context, ReadOnlySpan<byte> image, string name)
        : base(context)
    {
        Name = name;
        // PTX ends with a zero byte; behind a binary it does no harm.
        byte[] terminated = new byte[image.Length + 1];
        image.CopyTo(terminated);
        byte[] log = new byte[LogBytes];
        CUjit_option* options = stackalloc CUjit_option[] { CUjit_option.CU_JIT_ERROR_LOG_BUFFER, CUjit_option.CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES };
        using CudaContext.Current current = context.Enter();
        CUmodule handle;
        CUresult result;
        fixed (byte* code = terminated, logStart = log)
        {
            void** values = stackalloc void*[] { logStart, (void*)LogBytes };
            result = Api.cuModuleLoadDataEx(&handle, code, 2, options, values);
        }
        if (result != CUresult.CUDA_SUCCESS)
        {
            string text = Encoding.UTF8.GetString(log, 0, Math.Max(0, Array.IndexOf(log, (byte)0))).Trim();
            throw context.Remember(new CudaModuleException(nameof(DriverTable.cuModuleLoadDataEx), result, context.Driver.Describe(result), name, text));
        }
        Handle = handle;
        context.Adopt(this);
    }

    /// <summary>Loads compiled code; the version of PTX is lowered to what the driver takes, where the text needs nothing newer.</summary>
    /// <exception cref="CudaModuleException">The driver refused it; its log is in the exception.</exception>
    /// <exception cref="PtxTooNewException">The PTX needs a newer driver.</exception>
    public static CudaModule Load(CudaContext context, CompiledKernel kernel, string name) =>
        new(context, kernel.Kind == KernelImageKind.Ptx ? Encoding.UTF8.GetBytes(PtxVersion.Lower(Encoding.UTF8.GetString(kernel.Image), context.Driver.CudaVersion)) : kernel.Image, name);

    /// <summary>The name given at load.</summary>
    public string Name { get; }

    internal CUmodule Handle { get; }

    /// <summary>A kernel by its name in the code (the lowered one, for C++).</summary>
    /// <exception cref="CudaException">There is none of that name.</exception>
    public CudaKernel Kernel(string name)
    {
        using CudaContext.Current current = Context.Enter();
        using Lease lease = Use();
        CUfunction function;
        fixed (byte* text = Encoding.UTF8.GetBytes(name + '\0'))
            Named(Api.cuModuleGetFunction(&function, Handle, text), nameof(DriverTable.cuModuleGetFunction), name);
        return new(this, name, function);
    }

    /// <summary>The memory of a global variable, valid as long as the module.</summary>
    /// <exception cref="CudaException">There is none of that name.</exception>
    public DeviceSlice Global(string name)
    {
        using CudaContext.Current current = Context.Enter();
        using Lease lease = Use();
        CUdeviceptr pointer;
        nuint bytes;
        fixed (byte* text = Encoding.UTF8.GetBytes(name + '\0'))
            Named(Api.cuModuleGetGlobal_v2(&pointer, &bytes, Handle, text), nameof(DriverTable.cuModuleGetGlobal_v2), name);
        return DeviceMemory.Wrap(Context, pointer.Value, (long)bytes).All;
    }

    private protected override void ReleaseInContext() => Context.CheckRelease(Api.cuModuleUnload(Handle));

    private void Named(CUresult result, string call, string name)
    {
        if (result != CUresult.CUDA_SUCCESS)
            throw Context.Remember(new CudaException(call, result, Context.Driver.Describe(result), $"{name} in module {Name}"));
    }
}
