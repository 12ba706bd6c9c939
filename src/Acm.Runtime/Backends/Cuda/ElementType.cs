using System.Buffers.Binary;

namespace Acm.Runtime.Backends.Cuda;

/// <summary>The precision of a forward's products: <c>PRECISION</c> of the kernels.</summary>
internal enum ElementType { Float32 = 0, TF32 = 1, Float16 = 2, BFloat16 = 3 }

internal static class ElementTypes
{
    /// <summary>Bytes of one stored value.</summary>
    public static int Bytes(this ElementType type) => type >= ElementType.Float16 ? 2 : 4;

    /// <summary>Writes a value as the kernels read it: nearest, ties to even; TF32 to nearest, ties away, ten fraction bits.</summary>
    public static void Write(this ElementType type, Span<byte> to, float value)
    {
        switch (type)
        {
            case ElementType.Float16:
                BinaryPrimitives.WriteHalfLittleEndian(to, (Half)value);
                break;
            case ElementType.BFloat16:
                BinaryPrimitives.WriteUInt16LittleEndian(to, ToBFloat16(value));
                break;
            case ElementType.TF32 when float.IsFinite(value):
                BinaryPrimitives.WriteUInt32LittleEndian(to, (BitConverter.SingleToUInt32Bits(value) + 0x1000) & 0xFFFFE000);
                break;
            default:
                BinaryPrimitives.WriteSingleLittleEndian(to, value);
                break;
        }
    }

    private static ushort ToBFloat16(float value)
    {
        uint bits = BitConverter.SingleToUInt32Bits(value);
        return float.IsNaN(value) ? (ushort)(bits >> 16 | 0x40) : (ushort)((bits + 0x7FFF + (bits >> 16 & 1)) >> 16);
    }
}
