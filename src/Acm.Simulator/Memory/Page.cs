namespace Acm.Simulator.Memory;

/// <summary>
/// What an address of one page translates to. Every field is a bias: add the device address (for <see cref="Dirty"/> the
/// address / 4096, for stamps see <see cref="GlobalMemory"/>) to get a host address. <see cref="Data"/> is 0 where there is nothing.
/// </summary>
internal struct Page
{
    public long Data;

    /// <summary>One byte per byte: <see cref="AddressMap.Owned"/> and so on.</summary>
    public long Shadow;

    /// <summary>One byte per byte: 1 where this launch has read.</summary>
    public long Reads;

    /// <summary>One byte per byte: 1 where this launch has written.</summary>
    public long Writes;

    /// <summary>One byte per 4096 bytes: 1 where <see cref="Reads"/> or <see cref="Writes"/> is not all zero.</summary>
    public long Dirty;

    /// <summary>The chunk's number.</summary>
    public int Chunk;
}
