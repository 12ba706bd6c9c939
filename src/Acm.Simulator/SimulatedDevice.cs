using Acm.Simulator.Arithmetic;
using Acm.Simulator.Counters;
using Acm.Simulator.Execution;
using Acm.Simulator.Memory;

namespace Acm.Simulator;

/// <summary>What a launch did.</summary>
internal sealed record LaunchReport(LaunchCounters Counters, TimeSpan Elapsed);

/// <summary>A CUDA device in software. Safe to use from several threads; launches run one at a time.</summary>
internal sealed unsafe class SimulatedDevice : IDisposable
{
    private readonly Lock _launch = new();
    private int _launches;

    public SimulatedDevice(SimulatorOptions? options = null)
    {
        Options = options ?? new SimulatorOptions();
        Memory = new GlobalMemory(Options.Profile.MemoryBytes);
    }

    public SimulatorOptions Options { get; }

    public GlobalMemory Memory { get; }

    /// <summary>A new buffer, filled with poison and marked as never written.</summary>
    /// <exception cref="SimulatedOutOfMemoryException">No room.</exception>
    public ulong Allocate(ulong bytes, string? name = null) => Memory.Allocate(bytes, name);

    /// <exception cref="SimulatedAddressException">Not the start of a live buffer.</exception>
    public void Free(ulong address) => Memory.Free(address);

    /// <summary>Host to device.</summary>
    /// <exception cref="SimulatedAddressException">Outside a live buffer.</exception>
    public void Write(ulong address, ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(new Span<byte>(Memory.Host(address, (ulong)bytes.Length, "write"), bytes.Length));
        Memory.MarkWritten(address, (ulong)bytes.Length);
    }

    /// <summary>Device to host.</summary>
    /// <exception cref="SimulatedAddressException">Outside a live buffer.</exception>
    public void Read(ulong address, Span<byte> bytes) =>
        new ReadOnlySpan<byte>(Memory.Host(address, (ulong)bytes.Length, "read"), bytes.Length).CopyTo(bytes);

    /// <summary>Device to device; what was never written at the source is not written at the destination either.</summary>
    /// <exception cref="SimulatedAddressException">Outside a live buffer.</exception>
    public void Copy(ulong to, ulong from, ulong bytes)
    {
        byte* source = Memory.Host(from, bytes, "copy from"), target = Memory.Host(to, bytes, "copy to");
        Buffer.MemoryCopy(source, target, bytes, bytes);
        if (bytes > 0)
            Buffer.MemoryCopy(Memory.ShadowOf(from), Memory.ShadowOf(to), bytes, bytes);
    }

    /// <summary>Fills elements of 1, 2 or 4 bytes.</summary>
    /// <exception cref="SimulatedAddressException">Outside a live buffer.</exception>
    public void Fill(ulong address, uint value, int elementBytes, ulong count)
    {
        ulong bytes = count * (ulong)elementBytes;
        byte* host = Memory.Host(address, bytes, "fill");
        for (ulong i = 0; i < count; i++)
            Execution.Handlers.MemoryAccess.Write(host + (i * (ulong)elementBytes), elementBytes, value);
        Memory.MarkWritten(address, bytes);
    }

    /// <summary>Fills a range with poison and marks it as never written.</summary>
    public void Poison(ulong address, ulong bytes) => Memory.PoisonRange(address, bytes);

    /// <summary>Loads PTX.</summary>
    /// <exception cref="Parser.PtxException">The text is refused: line, text and reason.</exception>
    public SimulatedModule Load(string ptx) => new(this, ptx);

    /// <summary>Runs a kernel to its end. The parameters are a block laid out as <see cref="SimulatedKernel.Parameters"/> says.</summary>
    /// <exception cref="ArgumentException">A shape that the device or the kernel does not allow.</exception>
    /// <exception cref="DeviceFaultException">The launch was stopped.</exception>
    public LaunchReport Launch(SimulatedKernel kernel, Dim3 grid, Dim3 block, int dynamicShared, ReadOnlySpan<byte> parameters)
    {
        Validate(kernel, grid, block, dynamicShared, parameters.Length);
        lock (_launch)
        {
            long start = System.Diagnostics.Stopwatch.GetTimestamp();
            using Launch launch = new()
            {
                Kernel = kernel,
                Grid = grid,
                BlockSize = block,
                DynamicShared = dynamicShared,
                Memory = Memory,
                Options = Options,
                Arithmetic = Options.Arithmetic == MatrixArithmetic.Exact ? MmaArithmetic.Exact : Mma.HardwareOf(Options.Profile.Capability),
                Number = ++_launches,
            };
            launch.SetParameters(parameters);
            LaunchCounters counters = launch.Run();
            counters.PeakMemoryBytes = (long)Memory.Peak;
            return new LaunchReport(counters, System.Diagnostics.Stopwatch.GetElapsedTime(start));
        }
    }

    private void Validate(SimulatedKernel kernel, Dim3 grid, Dim3 block, int dynamicShared, int parameterBytes)
    {
        if (grid.X < 1 || grid.Y is < 1 or > 65535 || grid.Z is < 1 or > 65535 || grid.Count > int.MaxValue)
            throw new ArgumentException($"grid {grid} is out of range", nameof(grid));
        if (block.X < 1 || block.Y < 1 || block.Z is < 1 or > 64 || block.Count > Math.Min(DeviceProfile.MaxThreadsPerBlock, kernel.MaximumThreads))
            throw new ArgumentException($"block {block} is out of range for '{kernel.Name}' (at most {kernel.MaximumThreads} threads)", nameof(block));
        if (kernel.RequiredThreads is { } required && required != block)
            throw new ArgumentException($"'{kernel.Name}' requires blocks of {required}, not {block}", nameof(block));
        if (dynamicShared < 0 || kernel.StaticSharedBytes + (long)dynamicShared > Options.Profile.SharedPerBlockOptIn)
        {
            throw new ArgumentException(
                $"'{kernel.Name}' needs {kernel.StaticSharedBytes} + {dynamicShared} bytes of shared memory; a block may have {Options.Profile.SharedPerBlockOptIn}",
                nameof(dynamicShared));
        }

        if (parameterBytes < kernel.ParameterBytes)
            throw new ArgumentException($"'{kernel.Name}' takes {kernel.ParameterBytes} bytes of parameters, not {parameterBytes}", "parameters");
    }

    public void Dispose() => Memory.Dispose();
}
