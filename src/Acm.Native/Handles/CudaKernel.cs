using Acm.Native.Driver;
using static Acm.Native.Driver.CUfunction_attribute;

namespace Acm.Native;

/// <summary>A kernel of a module, ready to be launched. Valid as long as its module. Thread-safe.</summary>
public sealed unsafe class CudaKernel
{
    private const int MostArguments = 128;

    private readonly object _gate = new();
    private int _sharedLimit;

    internal CudaKernel(CudaModule module, string name, CUfunction function)
    {
        (Module, Name, Function) = (module, name, function);
        Registers = Attribute(CU_FUNC_ATTRIBUTE_NUM_REGS);
        StaticSharedBytes = Attribute(CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES);
        LocalBytes = Attribute(CU_FUNC_ATTRIBUTE_LOCAL_SIZE_BYTES);
        MaxThreads = Attribute(CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK);
        _sharedLimit = Attribute(CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES);
    }

    /// <summary>The module the kernel is in.</summary>
    public CudaModule Module { get; }

    /// <summary>The kernel's name in the code.</summary>
    public string Name { get; }

    /// <summary>Registers of a thread.</summary>
    public int Registers { get; }

    /// <summary>Shared memory of a block that the code itself declares, in bytes.</summary>
    public int StaticSharedBytes { get; }

    /// <summary>Local memory of a thread in bytes: spilled registers and arrays.</summary>
    public int LocalBytes { get; }

    /// <summary>Most threads of a block.</summary>
    public int MaxThreads { get; }

    internal CUfunction Function { get; }

    /// <summary>How many blocks of this shape a multiprocessor holds at once.</summary>
    /// <param name="threads">Threads of a block.</param>
    /// <param name="sharedBytes">Dynamic shared memory of a block, in bytes.</param>
    public int BlocksPerMultiprocessor(int threads, int sharedBytes)
    {
        using CudaContext.Current current = Module.Context.Enter();
        using CudaResource.Lease lease = Module.Use();
        AllowShared(sharedBytes);
        int blocks;
        Module.Context.Check(Module.Api.cuOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(&blocks, Function, threads, (nuint)sharedBytes, 0));
        return blocks;
    }

    /// <summary>Enqueues the kernel.</summary>
    /// <param name="stream">In which stream.</param>
    /// <param name="shape">Grid, block, dynamic shared bytes and attributes. More than 48 KiB of shared memory is asked for as needed.</param>
    /// <param name="arguments">In the order of the kernel's parameters, each of its parameter's size.</param>
    /// <exception cref="CudaLaunchException">The driver refused the launch.</exception>
    /// <exception cref="ObjectDisposedException">The stream, the module or an argument's memory is disposed.</exception>
    public void Launch(CudaStream stream, in LaunchShape shape, params ReadOnlySpan<KernelArgument> arguments)
    {
        if (arguments.Length > MostArguments)
            throw new ArgumentException($"{arguments.Length} arguments; at most {MostArguments} are served", nameof(arguments));
        using CudaContext.Current current = Module.Context.Enter();
        using CudaResource.Lease lease = Module.Use();
        using CudaResource.Lease streamLease = stream.Use();
        AllowShared(shape.SharedBytes);
        ulong* values = stackalloc ulong[arguments.Length];
        void** pointers = stackalloc void*[arguments.Length];
        int held = 0;
        try
        {
            for (; held < arguments.Length; held++)
            {
                arguments[held].Memory?.BeginUse();
                values[held] = arguments[held].Bits;
                pointers[held] = values + held;
            }
            Enqueue(stream.Handle, shape, pointers);
        }
        finally
        {
            while (--held >= 0)
                arguments[held].Memory?.EndUse();
        }
    }

    /// <summary>Enqueues a kernel that takes one struct by value. The memory whose addresses are in it is the caller's to keep.</summary>
    /// <param name="stream">In which stream.</param>
    /// <param name="shape">Grid, block, dynamic shared bytes and attributes.</param>
    /// <param name="argument">The struct, laid out as the kernel declares it.</param>
    /// <exception cref="CudaLaunchException">The driver refused the launch.</exception>
    public void LaunchStruct<T>(CudaStream stream, in LaunchShape shape, in T argument)
        where T : unmanaged
    {
        using CudaContext.Current current = Module.Context.Enter();
        using CudaResource.Lease lease = Module.Use();
        using CudaResource.Lease streamLease = stream.Use();
        AllowShared(shape.SharedBytes);
        fixed (T* pointer = &argument)
        {
            void* only = pointer;
            Enqueue(stream.Handle, shape, &only);
        }
    }

    private void Enqueue(CUstream stream, in LaunchShape shape, void** pointers)
    {
        CUresult result = shape.HasAttributes ? LaunchWithAttributes(stream, shape, pointers) : LaunchPlain(stream, shape, pointers);
        if (result != CUresult.CUDA_SUCCESS)
            throw Module.Context.Remember(new CudaLaunchException(shape.HasAttributes ? nameof(DriverTable.cuLaunchKernelEx) : nameof(DriverTable.cuLaunchKernel),
                result, Module.Context.Driver.Describe(result), Name, shape));
    }

    private CUresult LaunchPlain(CUstream stream, in LaunchShape shape, void** pointers) =>
        Module.Api.cuLaunchKernel(Function, (uint)shape.Grid.X, (uint)shape.Grid.Y, (uint)shape.Grid.Z, (uint)shape.Block.X, (uint)shape.Block.Y,
            (uint)shape.Block.Z, (uint)shape.SharedBytes, stream, pointers, null);

    private CUresult LaunchWithAttributes(CUstream stream, in LaunchShape shape, void** pointers)
    {
        CUlaunchAttribute* attributes = stackalloc CUlaunchAttribute[3];
        uint count = 0;
        if (shape.Cluster != default)
        {
            attributes[count] = new() { id = CUlaunchAttributeID.CU_LAUNCH_ATTRIBUTE_CLUSTER_DIMENSION };
            attributes[count++].value.clusterDim = new() { x = (uint)shape.Cluster.X, y = (uint)shape.Cluster.Y, z = (uint)shape.Cluster.Z };
        }
        if (shape.Programmatic)
        {
            attributes[count] = new() { id = CUlaunchAttributeID.CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION };
            attributes[count++].value.programmaticStreamSerializationAllowed = 1;
        }
        if (shape.Cooperative)
        {
            attributes[count] = new() { id = CUlaunchAttributeID.CU_LAUNCH_ATTRIBUTE_COOPERATIVE };
            attributes[count++].value.cooperative = 1;
        }
        CUlaunchConfig config = new()
        {
            gridDimX = (uint)shape.Grid.X, gridDimY = (uint)shape.Grid.Y, gridDimZ = (uint)shape.Grid.Z,
            blockDimX = (uint)shape.Block.X, blockDimY = (uint)shape.Block.Y, blockDimZ = (uint)shape.Block.Z,
            sharedMemBytes = (uint)shape.SharedBytes, hStream = stream, attrs = attributes, numAttrs = count,
        };
        return Module.Api.cuLaunchKernelEx(&config, Function, pointers, null);
    }

    // Blocks get 48 KiB without asking; beyond, the kernel's limit is raised once.
    private void AllowShared(int bytes)
    {
        if (bytes <= Volatile.Read(ref _sharedLimit))
            return;
        lock (_gate)
        {
            if (bytes <= _sharedLimit)
                return;
            CUresult result = Module.Api.cuFuncSetAttribute(Function, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, bytes);
            if (result != CUresult.CUDA_SUCCESS)
                throw Module.Context.Remember(new CudaException(nameof(DriverTable.cuFuncSetAttribute), result, Module.Context.Driver.Describe(result),
                    $"kernel {Name}, {bytes} dynamic shared bytes; the device has {Module.Context.Device.MaxSharedBytesPerBlock} per block"));
            Volatile.Write(ref _sharedLimit, bytes);
        }
    }

    private int Attribute(CUfunction_attribute attribute)
    {
        int value;
        Module.Context.Check(Module.Api.cuFuncGetAttribute(&value, attribute, Function));
        return value;
    }
}
