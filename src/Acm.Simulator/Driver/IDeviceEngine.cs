using Acm.Native.Driver;

namespace Acm.Simulator.Driver;

/// <summary>What the simulated driver drives: memory and the execution of PTX. The driver calls it from one thread at a time.</summary>
internal interface IDeviceEngine : IDisposable
{
    string Name { get; }

    ulong MemoryBytes { get; }

    ulong UsedBytes { get; }

    /// <summary>A figure of the device; null for one that it does not know.</summary>
    int? Attribute(CUdevice_attribute attribute);

    /// <exception cref="DriverError">No room.</exception>
    ulong Allocate(ulong bytes);

    /// <exception cref="DriverError">Not the start of a live buffer.</exception>
    void Free(ulong address);

    /// <summary>The live buffer that an address lies in.</summary>
    bool TryFind(ulong address, out ulong start, out ulong bytes);

    void Write(ulong address, ReadOnlySpan<byte> bytes);

    void Read(ulong address, Span<byte> bytes);

    void Copy(ulong to, ulong from, ulong bytes);

    void Fill(ulong address, uint value, int elementBytes, ulong count);

    /// <exception cref="DriverError">The text is refused; the message says where and why.</exception>
    IEngineModule Load(string ptx);

    /// <summary>Runs a kernel to its end.</summary>
    /// <exception cref="DriverError">A shape that cannot be, or the launch was stopped.</exception>
    void Launch(IEngineKernel kernel, in LaunchGeometry geometry, ReadOnlySpan<byte> parameters);
}

internal interface IEngineModule : IDisposable
{
    IEngineKernel? Kernel(string name);

    (ulong Address, ulong Bytes)? Global(string name);
}

internal interface IEngineKernel
{
    string Name { get; }

    /// <summary>Offset and size of each parameter in the parameter block.</summary>
    IReadOnlyList<(int Offset, int Bytes)> Parameters { get; }

    int ParameterBytes { get; }

    int StaticSharedBytes { get; }

    int LocalBytes { get; }

    int MaximumThreads { get; }
}

/// <summary>Grid and block in x, y, z, and the dynamic shared bytes.</summary>
internal readonly record struct LaunchGeometry(uint GridX, uint GridY, uint GridZ, uint BlockX, uint BlockY, uint BlockZ, uint SharedBytes);

/// <summary>A call, or something enqueued, fails with this code.</summary>
internal sealed class DriverError(CUresult result, string message = "") : Exception(message.Length == 0 ? result.ToString() : message)
{
    public CUresult Result { get; } = result;
}
