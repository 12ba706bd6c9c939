using Acm.Native.Driver;

namespace Acm.Native;

public sealed unsafe partial class CudaKernel
{
    /// <summary>Enqueues a kernel whose only parameter is a struct passed by value.</summary>
    /// <typeparam name="T">Laid out as the kernel's C declaration.</typeparam>
    /// <param name="stream">In which stream.</param>
    /// <param name="shape">Grid, block, dynamic shared bytes and attributes.</param>
    /// <param name="parameters">The struct. The memory its addresses point into must outlive the kernel's run: no lease is taken.</param>
    /// <exception cref="CudaLaunchException">The driver refused the launch.</exception>
    public void LaunchStruct<T>(CudaStream stream, in LaunchShape shape, T parameters)
        where T : unmanaged
    {
        using CudaContext.Current current = Module.Context.Enter();
        using CudaResource.Lease lease = Module.Use();
        using CudaResource.Lease streamLease = stream.Use();
        AllowShared(shape.SharedBytes);
        void* pointer = &parameters;
        CUresult result = shape.HasAttributes ? LaunchWithAttributes(stream.Handle, shape, &pointer) : LaunchPlain(stream.Handle, shape, &pointer);
        if (result != CUresult.CUDA_SUCCESS)
            throw Module.Context.Remember(new CudaLaunchException(shape.HasAttributes ? nameof(DriverTable.cuLaunchKernelEx) : nameof(DriverTable.cuLaunchKernel),
                result, Module.Context.Driver.Describe(result), Name, shape));
    }
}
