using System.Runtime.InteropServices;
using System.Text;
using Acm.Native.Driver;
using static Acm.Native.Driver.CUresult;

namespace Acm.Simulator.Driver;

/// <summary>Modules, functions, occupancy and launches.</summary>
internal static unsafe partial class SimulatedEntries
{
    [UnmanagedCallersOnly]
    private static CUresult cuModuleLoadDataEx(CUmodule* module, void* image, uint count, CUjit_option* options, void** values) => InContext(nameof(cuModuleLoadDataEx), c =>
    {
        RefuseCapture(c);
        ReadOnlySpan<byte> start = new(image, 4);
        Require(!start.SequenceEqual("\u007fELF"u8), CUDA_ERROR_NO_BINARY_FOR_GPU, "the simulated device runs PTX, not binaries");
        try
        {
            *module = new(c.Driver.Register(new DriverModule(c, c.Device.Engine.Load(Text((byte*)image)))).Handle);
        }
        catch (DriverError e)
        {
            WriteLog(e.Message, count, options, values);
            throw;
        }
    });

    [UnmanagedCallersOnly]
    private static CUresult cuModuleUnload(CUmodule module) => InContext(nameof(cuModuleUnload), c =>
    {
        DriverModule gone = c.Driver.Find<DriverModule>(module.Value);
        RefuseCapture(c);
        RunAll(c);
        gone.Module.Dispose();
        foreach (DriverFunction function in gone.Functions.Values)
            c.Driver.Forget(function);
        c.Driver.Forget(gone);
    }, releases: true);

    [UnmanagedCallersOnly]
    private static CUresult cuModuleGetFunction(CUfunction* function, CUmodule module, byte* name) => InContext(nameof(cuModuleGetFunction), c =>
    {
        DriverModule home = c.Driver.Find<DriverModule>(module.Value);
        string text = Text(name);
        if (!home.Functions.TryGetValue(text, out DriverFunction? found))
        {
            IEngineKernel kernel = home.Module.Kernel(text) ?? throw new DriverError(CUDA_ERROR_NOT_FOUND, $"no kernel {text}");
            home.Functions.Add(text, found = c.Driver.Register(new DriverFunction(home, kernel)));
        }
        *function = new(found.Handle);
    });

    [UnmanagedCallersOnly]
    private static CUresult cuModuleGetGlobal_v2(CUdeviceptr* pointer, nuint* bytes, CUmodule module, byte* name) => InContext(nameof(cuModuleGetGlobal_v2), c =>
    {
        (ulong Address, ulong Bytes)? found = c.Driver.Find<DriverModule>(module.Value).Module.Global(Text(name));
        Require(found is not null, CUDA_ERROR_NOT_FOUND);
        if (pointer != null)
            *pointer = new(found!.Value.Address);
        if (bytes != null)
            *bytes = (nuint)found!.Value.Bytes;
    });

    [UnmanagedCallersOnly]
    private static CUresult cuFuncGetAttribute(int* value, CUfunction_attribute attribute, CUfunction function) => InContext(nameof(cuFuncGetAttribute), c =>
    {
        DriverFunction asked = c.Driver.Find<DriverFunction>(function.Value);
        *value = attribute switch
        {
            CUfunction_attribute.CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK => asked.Kernel.MaximumThreads,
            CUfunction_attribute.CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES => asked.Kernel.StaticSharedBytes,
            CUfunction_attribute.CU_FUNC_ATTRIBUTE_LOCAL_SIZE_BYTES => asked.Kernel.LocalBytes,
            CUfunction_attribute.CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES => asked.DynamicSharedLimit,
            CUfunction_attribute.CU_FUNC_ATTRIBUTE_PREFERRED_SHARED_MEMORY_CARVEOUT => asked.Carveout,
            // PTX names as many registers as it likes; only an assembler could say how many it takes.
            CUfunction_attribute.CU_FUNC_ATTRIBUTE_NUM_REGS or CUfunction_attribute.CU_FUNC_ATTRIBUTE_CONST_SIZE_BYTES => 0,
            CUfunction_attribute.CU_FUNC_ATTRIBUTE_PTX_VERSION or CUfunction_attribute.CU_FUNC_ATTRIBUTE_BINARY_VERSION =>
                Figure(c, CUdevice_attribute.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR) * 10 + Figure(c, CUdevice_attribute.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR),
            _ => throw new DriverError(CUDA_ERROR_INVALID_VALUE),
        };
    });

    [UnmanagedCallersOnly]
    private static CUresult cuFuncSetAttribute(CUfunction function, CUfunction_attribute attribute, int value) => InContext(nameof(cuFuncSetAttribute), c =>
    {
        DriverFunction target = c.Driver.Find<DriverFunction>(function.Value);
        switch (attribute)
        {
            case CUfunction_attribute.CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES:
                Require(value >= 0 && value + target.Kernel.StaticSharedBytes <= Figure(c, CUdevice_attribute.CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN));
                target.DynamicSharedLimit = value;
                break;
            case CUfunction_attribute.CU_FUNC_ATTRIBUTE_PREFERRED_SHARED_MEMORY_CARVEOUT:
                Require(value is >= -1 and <= 100);
                target.Carveout = value;
                break;
            default:
                throw new DriverError(CUDA_ERROR_INVALID_VALUE);
        }
    });

    [UnmanagedCallersOnly]
    private static CUresult cuOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(int* blocks, CUfunction function, int threads, nuint shared, uint flags) =>
        InContext(nameof(cuOccupancyMaxActiveBlocksPerMultiprocessorWithFlags), c =>
        {
            Require(threads > 0);
            *blocks = Occupancy(c, c.Driver.Find<DriverFunction>(function.Value), threads, shared);
        });

    [UnmanagedCallersOnly]
    private static CUresult cuOccupancyMaxPotentialBlockSize(int* grid, int* block, CUfunction function, delegate* unmanaged<int, nuint> sharedOf, nuint shared, int limit) =>
        InContext(nameof(cuOccupancyMaxPotentialBlockSize), c =>
        {
            DriverFunction asked = c.Driver.Find<DriverFunction>(function.Value);
            int most = limit > 0 ? Math.Min(limit, asked.Kernel.MaximumThreads) : asked.Kernel.MaximumThreads;
            (int Threads, int Blocks) best = (0, 0);
            for (int threads = most / 32 * 32; threads >= 32; threads -= 32)
            {
                int blocks = Occupancy(c, asked, threads, sharedOf == null ? shared : sharedOf(threads));
                if (blocks * threads > best.Blocks * best.Threads)
                    best = (threads, blocks);
            }
            *block = best.Threads;
            *grid = best.Blocks * Figure(c, CUdevice_attribute.CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT);
        });

    [UnmanagedCallersOnly]
    private static CUresult cuOccupancyAvailableDynamicSMemPerBlock(nuint* bytes, CUfunction function, int blocks, int threads) =>
        InContext(nameof(cuOccupancyAvailableDynamicSMemPerBlock), c =>
        {
            DriverFunction asked = c.Driver.Find<DriverFunction>(function.Value);
            Require(blocks > 0 && threads > 0 && Occupancy(c, asked, threads, 0) >= blocks);
            int each = Figure(c, CUdevice_attribute.CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_MULTIPROCESSOR) / blocks
                - Figure(c, CUdevice_attribute.CU_DEVICE_ATTRIBUTE_RESERVED_SHARED_MEMORY_PER_BLOCK);
            *bytes = (nuint)Math.Max(0, Math.Min(each, Figure(c, CUdevice_attribute.CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN)) - asked.Kernel.StaticSharedBytes);
        });

    [UnmanagedCallersOnly]
    private static CUresult cuOccupancyMaxActiveClusters(int* clusters, CUfunction function, CUlaunchConfig* config) => InContext(nameof(cuOccupancyMaxActiveClusters), c =>
    {
        DriverFunction asked = c.Driver.Find<DriverFunction>(function.Value);
        Require(Figure(c, CUdevice_attribute.CU_DEVICE_ATTRIBUTE_CLUSTER_LAUNCH) != 0, CUDA_ERROR_INVALID_CLUSTER_SIZE);
        int blocks = Occupancy(c, asked, (int)(config->blockDimX * config->blockDimY * config->blockDimZ), config->sharedMemBytes);
        *clusters = blocks * Figure(c, CUdevice_attribute.CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT) / Attributes(c, *config).Cluster;
    });

    [UnmanagedCallersOnly]
    private static CUresult cuLaunchKernel(CUfunction function, uint gridX, uint gridY, uint gridZ, uint blockX, uint blockY, uint blockZ, uint shared, CUstream stream,
        void** parameters, void** extra) => InContext(nameof(cuLaunchKernel), c =>
            Launch(c, function, new(gridX, gridY, gridZ, blockX, blockY, blockZ, shared), stream, parameters, extra));

    [UnmanagedCallersOnly]
    private static CUresult cuLaunchKernelEx(CUlaunchConfig* config, CUfunction function, void** parameters, void** extra) => InContext(nameof(cuLaunchKernelEx), c =>
    {
        CUlaunchConfig given = *config;
        (int _, bool cooperative) = Attributes(c, given);
        LaunchGeometry geometry = new(given.gridDimX, given.gridDimY, given.gridDimZ, given.blockDimX, given.blockDimY, given.blockDimZ, given.sharedMemBytes);
        if (cooperative)
        {
            long resident = (long)Occupancy(c, c.Driver.Find<DriverFunction>(function.Value), (int)(given.blockDimX * given.blockDimY * given.blockDimZ), given.sharedMemBytes)
                * Figure(c, CUdevice_attribute.CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT);
            Require((long)given.gridDimX * given.gridDimY * given.gridDimZ <= resident, CUDA_ERROR_COOPERATIVE_LAUNCH_TOO_LARGE);
        }
        Launch(c, function, geometry, given.hStream, parameters, extra);
    });

    private static (int Cluster, bool Cooperative) Attributes(DriverContext context, CUlaunchConfig config)
    {
        bool hopper = Figure(context, CUdevice_attribute.CU_DEVICE_ATTRIBUTE_CLUSTER_LAUNCH) != 0, cooperative = false;
        uint cluster = 1;
        for (uint i = 0; i < config.numAttrs; i++)
        {
            CUlaunchAttribute attribute = config.attrs[i];
            switch (attribute.id)
            {
                case CUlaunchAttributeID.CU_LAUNCH_ATTRIBUTE_IGNORE or CUlaunchAttributeID.CU_LAUNCH_ATTRIBUTE_PRIORITY:
                    break;
                case CUlaunchAttributeID.CU_LAUNCH_ATTRIBUTE_COOPERATIVE:
                    cooperative = attribute.value.cooperative != 0;
                    break;
                case CUlaunchAttributeID.CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION:
                    bool asked = attribute.value.programmaticStreamSerializationAllowed != 0;
                    Require(hopper || !asked, CUDA_ERROR_NOT_SUPPORTED);
                    // Graphs have had programmatic edges since CUDA 12.3; what an older driver does is not written down, so it is refused.
                    Require(!asked || context.Driver.CudaVersion >= 12030 || Stream(context, config.hStream).Capture is null, CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED);
                    break;
                case CUlaunchAttributeID.CU_LAUNCH_ATTRIBUTE_CLUSTER_DIMENSION:
                    ClusterDimension size = attribute.value.clusterDim;
                    cluster = size.x * size.y * size.z;
                    Require(hopper && cluster is >= 1 and <= 8 && config.gridDimX % size.x == 0 && config.gridDimY % size.y == 0 && config.gridDimZ % size.z == 0, CUDA_ERROR_INVALID_CLUSTER_SIZE);
                    break;
                default:
                    throw new DriverError(CUDA_ERROR_INVALID_VALUE);
            }
        }
        return ((int)cluster, cooperative);
    }

    private static void Launch(DriverContext context, CUfunction function, LaunchGeometry shape, CUstream stream, void** parameters, void** extra)
    {
        DriverFunction target = context.Driver.Find<DriverFunction>(function.Value);
        Require(shape is { GridX: > 0, GridY: > 0 and <= 65535, GridZ: > 0 and <= 65535, BlockX: > 0 and <= 1024, BlockY: > 0 and <= 1024, BlockZ: > 0 and <= 64 } && shape.GridX <= int.MaxValue);
        Require(shape.BlockX * shape.BlockY * shape.BlockZ <= 1024);
        Require(shape.BlockX * shape.BlockY * shape.BlockZ <= target.Kernel.MaximumThreads, CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES);
        Require(shape.SharedBytes <= target.DynamicSharedLimit);
        // Arguments are read before the call returns.
        byte[] block = new byte[target.Kernel.ParameterBytes];
        if (extra != null)
        {
            Require(parameters == null);
            ReadExtra(extra).CopyTo(block);
        }
        else if (target.Kernel.Parameters.Count > 0)
        {
            Require(parameters != null);
            for (int i = 0; i < target.Kernel.Parameters.Count; i++)
                new ReadOnlySpan<byte>(parameters[i], target.Kernel.Parameters[i].Bytes).CopyTo(block.AsSpan(target.Kernel.Parameters[i].Offset));
        }
        Enqueue(Stream(context, stream), new(OperationKind.Kernel, () =>
        {
            context.Driver.Counters.KernelLaunches++;
            context.Device.Engine.Launch(target.Kernel, shape, block);
        }));
    }

    private static ReadOnlySpan<byte> ReadExtra(void** extra)
    {
        const nint End = 0, Pointer = 1, Size = 2;
        void* start = null;
        nuint bytes = 0;
        for (; (nint)(*extra) != End; extra += 2)
            switch ((nint)(*extra))
            {
                case Pointer:
                    start = extra[1];
                    break;
                case Size:
                    bytes = *(nuint*)extra[1];
                    break;
                default:
                    throw new DriverError(CUDA_ERROR_INVALID_VALUE);
            }
        return new(start, (int)bytes);
    }

    // By threads, blocks and shared memory. Registers are not known before assembly, so a real device may hold fewer.
    private static int Occupancy(DriverContext context, DriverFunction function, int threads, nuint shared)
    {
        if (threads > function.Kernel.MaximumThreads || shared > (nuint)function.DynamicSharedLimit)
            return 0;
        int warps = (threads + 31) / 32, reserved = Figure(context, CUdevice_attribute.CU_DEVICE_ATTRIBUTE_RESERVED_SHARED_MEMORY_PER_BLOCK);
        long bytes = ((long)shared + function.Kernel.StaticSharedBytes + reserved + 127) / 128 * 128;
        int byThreads = Figure(context, CUdevice_attribute.CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_MULTIPROCESSOR) / 32 / warps;
        int byBlocks = Figure(context, CUdevice_attribute.CU_DEVICE_ATTRIBUTE_MAX_BLOCKS_PER_MULTIPROCESSOR);
        long byShared = bytes == 0 ? byBlocks : Figure(context, CUdevice_attribute.CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_MULTIPROCESSOR) / bytes;
        return (int)Math.Min(Math.Min(byThreads, byBlocks), byShared);
    }

    private static int Figure(DriverContext context, CUdevice_attribute attribute) => context.Device.Engine.Attribute(attribute) ?? throw new DriverError(CUDA_ERROR_INVALID_VALUE);

    private static void WriteLog(string message, uint count, CUjit_option* options, void** values)
    {
        byte* buffer = null;
        nuint size = 0;
        for (uint i = 0; i < count; i++)
            if (options[i] == CUjit_option.CU_JIT_ERROR_LOG_BUFFER)
                buffer = (byte*)values[i];
            else if (options[i] == CUjit_option.CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES)
                size = (nuint)values[i];
        if (buffer == null || size == 0)
            return;
        byte[] text = Encoding.UTF8.GetBytes(message);
        int written = Math.Min(text.Length, (int)size - 1);
        text.AsSpan(0, written).CopyTo(new(buffer, written));
        buffer[written] = 0;
    }
}
