namespace Acm.Simulator.Memory;

/// <summary>Where the spaces lie in the 64-bit generic address space, and what a byte of shadow says.</summary>
internal static class AddressMap
{
    /// <summary>First address of global memory.</summary>
    public const ulong Global = 0x7000_0000_0000;

    /// <summary>log2 of the size of a page of the table that translates addresses.</summary>
    public const int PageShift = 21;

    /// <summary>Pages of the table: 2 TiB of addresses; those of large buffers are never given out twice.</summary>
    public const int PageCount = 1 << 20;

    /// <summary>Generic addresses of kernel parameters, local and shared memory; each window is 16 MiB wide.</summary>
    public const ulong ParamWindow = 0x7ffc_0000_0000, LocalWindow = 0x7ffd_0000_0000, SharedWindow = 0x7ffe_0000_0000;

    /// <summary>Addresses of functions: the first, and the distance to the next.</summary>
    public const ulong FunctionWindow = 0x7ffb_0000_0000, FunctionStep = 256;

    /// <summary>Address of the function of that number in its module.</summary>
    public static ulong Function(int number) => FunctionWindow + ((ulong)number * FunctionStep);

    /// <summary>Bytes of a window.</summary>
    public const ulong WindowSize = 1 << 24;

    /// <summary>Every allocation starts at a multiple of this and is followed by at least as many bytes that belong to nobody.</summary>
    public const int Granule = 256;

    /// <summary>What memory holds that nobody has written: NaN in every float format.</summary>
    public const byte Poison = 0xff;

    /// <summary>Shadow: the byte belongs to somebody; it has been written; an asynchronous copy to it is under way.</summary>
    public const byte Owned = 1, Written = 2, Pending = 4;
}
