using System.Runtime.CompilerServices;

namespace Acm.Native;

/// <summary>One argument of a launch: a number of at most 8 bytes, or memory. Converts by itself, so that a launch reads <c>[slice, 3, 1f]</c>.</summary>
public readonly struct KernelArgument
{
    internal readonly ulong Bits;
    internal readonly DeviceMemory? Memory;

    private KernelArgument(ulong bits, DeviceMemory? memory = null) => (Bits, Memory) = (bits, memory);

    /// <summary>The address of a slice. Its memory is held for the length of the call.</summary>
    public static implicit operator KernelArgument(DeviceSlice value) => new(value.Address, value.Memory);

    /// <summary>The address of a whole block of memory.</summary>
    public static implicit operator KernelArgument(DeviceMemory value) => new(value.Address, value);

    /// <summary>A 32-bit integer.</summary>
    public static implicit operator KernelArgument(int value) => new((uint)value);

    /// <summary>A 32-bit unsigned integer.</summary>
    public static implicit operator KernelArgument(uint value) => new(value);

    /// <summary>A 64-bit integer.</summary>
    public static implicit operator KernelArgument(long value) => new((ulong)value);

    /// <summary>A 64-bit unsigned integer, or an address.</summary>
    public static implicit operator KernelArgument(ulong value) => new(value);

    /// <summary>A float.</summary>
    public static implicit operator KernelArgument(float value) => new(BitConverter.SingleToUInt32Bits(value));

    /// <summary>A double.</summary>
    public static implicit operator KernelArgument(double value) => new(BitConverter.DoubleToUInt64Bits(value));

    /// <summary>The low bytes of any small value, as it lies in memory.</summary>
    public static KernelArgument From<T>(T value)
        where T : unmanaged
    {
        if (Unsafe.SizeOf<T>() > sizeof(ulong))
            throw new ArgumentException($"{typeof(T).Name} has more than 8 bytes", nameof(value));
        ulong bits = 0;
        Unsafe.WriteUnaligned(ref Unsafe.As<ulong, byte>(ref bits), value);
        return new(bits);
    }
}
