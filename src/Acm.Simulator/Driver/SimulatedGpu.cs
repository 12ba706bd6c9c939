using Acm.Native.Driver;
using Acm.Simulator.Memory;
using Acm.Simulator.Parser;
using static Acm.Native.Driver.CUdevice_attribute;

namespace Acm.Simulator.Driver;

/// <summary>A kernel that the driver has run: its name, the launch's shape and what it did.</summary>
internal sealed record KernelRun(string Kernel, LaunchGeometry Geometry, LaunchReport Report);

/// <summary>A <see cref="SimulatedDevice"/> as the driver drives it: its faults become error codes, its profile becomes attributes.</summary>
internal sealed class SimulatedGpu(SimulatorOptions options) : IDeviceEngine
{
    private const int ReservedSharedPerBlock = 1024;

    private readonly SimulatedDevice _device = new(options);

    /// <summary>Told of every kernel run, for counters.</summary>
    public Action<KernelRun>? Ran { get; set; }

    public string Name => Profile.Name;

    public ulong MemoryBytes => Profile.MemoryBytes;

    public ulong UsedBytes => _device.Memory.Used;

    /// <summary>The device itself.</summary>
    public SimulatedDevice Device => _device;

    private DeviceProfile Profile => _device.Options.Profile;

    public int? Attribute(CUdevice_attribute attribute) => attribute switch
    {
        CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_BLOCK or CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_X or CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_Y => DeviceProfile.MaxThreadsPerBlock,
        CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_Z => 64,
        CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_X => int.MaxValue,
        CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_Y or CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_Z => 65535,
        CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK => DeviceProfile.SharedPerBlock,
        CU_DEVICE_ATTRIBUTE_TOTAL_CONSTANT_MEMORY or CU_DEVICE_ATTRIBUTE_MAX_REGISTERS_PER_BLOCK or CU_DEVICE_ATTRIBUTE_MAX_REGISTERS_PER_MULTIPROCESSOR => 65536,
        CU_DEVICE_ATTRIBUTE_WARP_SIZE => 32,
        CU_DEVICE_ATTRIBUTE_CLOCK_RATE => Profile.ClockKilohertz,
        CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT => Profile.Multiprocessors,
        CU_DEVICE_ATTRIBUTE_INTEGRATED or CU_DEVICE_ATTRIBUTE_COMPUTE_MODE or CU_DEVICE_ATTRIBUTE_ECC_ENABLED => 0,
        CU_DEVICE_ATTRIBUTE_MEMORY_CLOCK_RATE => Profile.MemoryClockKilohertz,
        CU_DEVICE_ATTRIBUTE_GLOBAL_MEMORY_BUS_WIDTH => Profile.MemoryBusBits,
        CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE => (int)Profile.L2Bytes,
        CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_MULTIPROCESSOR => Profile.ThreadsPerMultiprocessor,
        CU_DEVICE_ATTRIBUTE_ASYNC_ENGINE_COUNT => 2,
        CU_DEVICE_ATTRIBUTE_UNIFIED_ADDRESSING or CU_DEVICE_ATTRIBUTE_STREAM_PRIORITIES_SUPPORTED or CU_DEVICE_ATTRIBUTE_COOPERATIVE_LAUNCH or CU_DEVICE_ATTRIBUTE_MEMORY_POOLS_SUPPORTED => 1,
        CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR => Profile.Major,
        CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR => Profile.Minor,
        CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_MULTIPROCESSOR => Profile.SharedPerMultiprocessor,
        CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN => Profile.SharedPerBlockOptIn,
        CU_DEVICE_ATTRIBUTE_MAX_BLOCKS_PER_MULTIPROCESSOR => Profile.BlocksPerMultiprocessor,
        CU_DEVICE_ATTRIBUTE_RESERVED_SHARED_MEMORY_PER_BLOCK => Profile.Capability >= 80 ? ReservedSharedPerBlock : 0,
        CU_DEVICE_ATTRIBUTE_CLUSTER_LAUNCH or CU_DEVICE_ATTRIBUTE_TENSOR_MAP_ACCESS_SUPPORTED => Profile.Capability >= 90 ? 1 : 0,
        _ => null,
    };

    public ulong Allocate(ulong bytes)
    {
        try
        {
            return _device.Allocate(bytes);
        }
        catch (SimulatedOutOfMemoryException e)
        {
            throw new DriverError(CUresult.CUDA_ERROR_OUT_OF_MEMORY, e.Message);
        }
    }

    public void Free(ulong address) => Addressed(() => _device.Free(address));

    public bool TryFind(ulong address, out ulong start, out ulong bytes)
    {
        Allocation? found = _device.Memory.Find(address);
        (start, bytes) = (found?.Address ?? 0, found?.Size ?? 0);
        return found is { IsFreed: false } && address - start < bytes;
    }

    public void Write(ulong address, ReadOnlySpan<byte> bytes)
    {
        try
        {
            _device.Write(address, bytes);
        }
        catch (SimulatedAddressException e)
        {
            throw Invalid(e);
        }
    }

    public void Read(ulong address, Span<byte> bytes)
    {
        try
        {
            _device.Read(address, bytes);
        }
        catch (SimulatedAddressException e)
        {
            throw Invalid(e);
        }
    }

    public void Copy(ulong to, ulong from, ulong bytes) => Addressed(() => _device.Copy(to, from, bytes));

    public void Fill(ulong address, uint value, int elementBytes, ulong count) => Addressed(() => _device.Fill(address, value, elementBytes, count));

    public IEngineModule Load(string ptx)
    {
        try
        {
            return new Module(_device.Load(ptx));
        }
        catch (PtxException e)
        {
            throw new DriverError(CUresult.CUDA_ERROR_INVALID_PTX, e.Message);
        }
        catch (SimulatedOutOfMemoryException e)
        {
            throw new DriverError(CUresult.CUDA_ERROR_OUT_OF_MEMORY, e.Message);
        }
    }

    public void Launch(IEngineKernel kernel, in LaunchGeometry geometry, ReadOnlySpan<byte> parameters)
    {
        try
        {
            LaunchReport report = _device.Launch(((Kernel)kernel).Target, new((int)geometry.GridX, (int)geometry.GridY, (int)geometry.GridZ),
                new((int)geometry.BlockX, (int)geometry.BlockY, (int)geometry.BlockZ), (int)geometry.SharedBytes, parameters);
            Ran?.Invoke(new(kernel.Name, geometry, report));
        }
        catch (DeviceFaultException e)
        {
            throw new DriverError(CodeOf(e.Kind), e.Message);
        }
        catch (ArgumentException e)
        {
            throw new DriverError(CUresult.CUDA_ERROR_INVALID_VALUE, e.Message);
        }
    }

    public void Dispose() => _device.Dispose();

    /// <summary>What a real device would answer to the fault; its strictest checks have no code of their own.</summary>
    private static CUresult CodeOf(FaultKind kind) => kind switch
    {
        FaultKind.OutOfBounds or FaultKind.AfterFree => CUresult.CUDA_ERROR_ILLEGAL_ADDRESS,
        FaultKind.Misaligned => CUresult.CUDA_ERROR_MISALIGNED_ADDRESS,
        FaultKind.IllegalInstruction => CUresult.CUDA_ERROR_ILLEGAL_INSTRUCTION,
        FaultKind.StackOverflow => CUresult.CUDA_ERROR_HARDWARE_STACK_ERROR,
        FaultKind.Deadlock or FaultKind.Livelock => CUresult.CUDA_ERROR_LAUNCH_TIMEOUT,
        _ => CUresult.CUDA_ERROR_LAUNCH_FAILED,
    };

    private static void Addressed(Action action)
    {
        try
        {
            action();
        }
        catch (SimulatedAddressException e)
        {
            throw Invalid(e);
        }
    }

    private static DriverError Invalid(SimulatedAddressException e) => new(CUresult.CUDA_ERROR_ILLEGAL_ADDRESS, e.Message);

    private sealed class Module(SimulatedModule module) : IEngineModule
    {
        public IEngineKernel? Kernel(string name) => module.Kernels.TryGetValue(name, out SimulatedKernel? kernel) ? new Kernel(kernel) : null;

        public (ulong Address, ulong Bytes)? Global(string name)
        {
            try
            {
                return module.GetGlobal(name);
            }
            catch (KeyNotFoundException)
            {
                return null;
            }
        }

        public void Dispose() => module.Dispose();
    }

    private sealed class Kernel(SimulatedKernel kernel) : IEngineKernel
    {
        public SimulatedKernel Target => kernel;

        public string Name => kernel.Name;

        public IReadOnlyList<(int Offset, int Bytes)> Parameters { get; } = [.. kernel.Parameters.Select(p => (p.Offset, p.Size))];

        public int ParameterBytes => kernel.ParameterBytes;

        public int StaticSharedBytes => kernel.StaticSharedBytes;

        public int LocalBytes => kernel.LocalBytes;

        public int MaximumThreads => Math.Min(kernel.MaximumThreads, DeviceProfile.MaxThreadsPerBlock);
    }
}
