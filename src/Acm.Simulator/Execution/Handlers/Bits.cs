namespace Acm.Simulator.Execution.Handlers;

/// <summary>Bit fields, permutes and dot products as the PTX ISA defines them.</summary>
internal static class Bits
{
    public static uint Reverse(uint a)
    {
        a = ((a >> 1) & 0x55555555) | ((a & 0x55555555) << 1);
        a = ((a >> 2) & 0x33333333) | ((a & 0x33333333) << 2);
        a = ((a >> 4) & 0x0f0f0f0f) | ((a & 0x0f0f0f0f) << 4);
        return System.Buffers.Binary.BinaryPrimitives.ReverseEndianness(a);
    }

    public static ulong ExtractU(ulong a, uint position, uint length, uint width)
    {
        if (position >= width || length == 0)
            return 0;
        a >>= (int)position;
        return length >= 64 ? a : a & ((1UL << (int)length) - 1);
    }

    public static long ExtractS(long a, uint position, uint length, uint width)
    {
        if (length == 0)
            return 0;
        int top = (int)Math.Min(position + length - 1, width - 1);
        long sign = (a >> top) & 1; // the field's top bit, or the number's if the field reaches beyond it
        ulong field = ExtractU(width == 32 ? (uint)a : (ulong)a, position, length, width);
        uint inside = position >= width ? 0 : Math.Min(length, width - position);
        if (sign != 0 && inside < 64)
            field |= ulong.MaxValue << (int)inside;
        return (long)field;
    }

    public static ulong Insert(ulong a, ulong b, uint position, uint length, uint width)
    {
        position &= 255;
        length &= 255;
        if (position >= width || length == 0)
            return b;
        ulong mask = (length >= 64 ? ulong.MaxValue : (1UL << (int)length) - 1) << (int)position;
        return (b & ~mask) | ((a << (int)position) & mask);
    }

    public static uint Mask(uint position, uint length, bool clamp)
    {
        if (clamp && position > 31)
            return 0;
        ulong ones = length > 31 ? uint.MaxValue : (1UL << (int)length) - 1;
        return (uint)(ones << (int)position);
    }

    public static uint FindNth(uint mask, uint from, int offset)
    {
        if (from > 31)
            return uint.MaxValue;
        if (offset == 0)
            return (mask >> (int)from & 1) != 0 ? from : uint.MaxValue;
        int step = offset > 0 ? 1 : -1;
        long count = Math.Abs((long)offset) - 1;
        for (int at = (int)from; at is >= 0 and < 32; at += step)
        {
            if ((mask >> at & 1) != 0 && count-- == 0)
                return (uint)at;
        }

        return uint.MaxValue;
    }

    public static uint Permute(uint a, uint b, uint selector)
    {
        ulong bytes = ((ulong)b << 32) | a;
        uint result = 0;
        for (int i = 0; i < 4; i++)
        {
            uint pick = selector >> (4 * i);
            uint value = (uint)(bytes >> (int)(8 * (pick & 7))) & 255;
            if ((pick & 8) != 0)
                value = (value & 0x80) != 0 ? 255u : 0;
            result |= value << (8 * i);
        }

        return result;
    }

    public static uint Lop3(uint a, uint b, uint c, int table)
    {
        uint result = 0;
        for (int i = 0; i < 8; i++)
        {
            if ((table >> i & 1) != 0)
                result |= ((i & 4) != 0 ? a : ~a) & ((i & 2) != 0 ? b : ~b) & ((i & 1) != 0 ? c : ~c);
        }

        return result;
    }

    public static uint Dot4(uint a, uint b, uint c, bool signedA, bool signedB)
    {
        int sum = (int)c;
        for (int i = 0; i < 32; i += 8)
        {
            int x = signedA ? (sbyte)(a >> i) : (byte)(a >> i), y = signedB ? (sbyte)(b >> i) : (byte)(b >> i);
            sum += x * y;
        }

        return (uint)sum;
    }

    public static uint Dot2(uint a, uint b, uint c, bool signedA, bool signedB, bool high)
    {
        int sum = (int)c;
        for (int i = 0; i < 2; i++)
        {
            int x = signedA ? (short)(a >> (16 * i)) : (ushort)(a >> (16 * i));
            int shift = (8 * i) + (high ? 16 : 0);
            int y = signedB ? (sbyte)(b >> shift) : (byte)(b >> shift);
            sum += x * y;
        }

        return (uint)sum;
    }
}
