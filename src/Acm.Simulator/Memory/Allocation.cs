namespace Acm.Simulator.Memory;

/// <summary>A buffer of global memory, alive or freed.</summary>
internal sealed class Allocation(ulong address, ulong size, string name, int chunk)
{
    public ulong Address { get; } = address;

    /// <summary>Bytes asked for.</summary>
    public ulong Size { get; } = size;

    /// <summary>What to call it in messages.</summary>
    public string Name { get; set; } = name;

    public int Chunk { get; } = chunk;

    public bool IsFreed { get; set; }

    /// <summary>Whether this is a variable of a module, not of the user.</summary>
    public bool IsModuleVariable { get; init; }

    public override string ToString() => $"{Name} (0x{Address:x}, {Size} bytes{(IsFreed ? ", freed" : "")})";
}

/// <summary>The device has less memory left than was asked for.</summary>
internal sealed class SimulatedOutOfMemoryException(ulong asked, ulong free, ulong total)
    : Exception($"out of device memory: {asked} bytes asked, {free} of {total} free")
{
    public ulong Asked { get; } = asked;

    public ulong Free { get; } = free;
}

/// <summary>The host used an address that is no (live) buffer, or ran over its end.</summary>
internal sealed class SimulatedAddressException(string message) : Exception(message);
