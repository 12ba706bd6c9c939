using System.Buffers.Binary;

namespace Acm.Runtime;

/// <summary>How a WAV file writes one sample; little-endian throughout.</summary>
internal enum SampleFormat { Unsigned8, Signed16, Signed24, Signed32, Float32, Float64 }

internal static class SampleFormats
{
    /// <summary>Bytes of one sample.</summary>
    public static int Bytes(this SampleFormat format) => format switch
    {
        SampleFormat.Unsigned8 => 1,
        SampleFormat.Signed16 => 2,
        SampleFormat.Signed24 => 3,
        SampleFormat.Signed32 or SampleFormat.Float32 => 4,
        _ => 8,
    };

    /// <summary>The sample at the front of <paramref name="bytes"/>; integers over 2^(bits - 1).</summary>
    public static double Sample(this SampleFormat format, ReadOnlySpan<byte> bytes) => format switch
    {
        SampleFormat.Unsigned8 => (bytes[0] - 128) / 128.0,
        SampleFormat.Signed16 => BinaryPrimitives.ReadInt16LittleEndian(bytes) / 32768.0,
        SampleFormat.Signed24 => (bytes[0] | bytes[1] << 8 | (sbyte)bytes[2] << 16) / 8388608.0,
        SampleFormat.Signed32 => BinaryPrimitives.ReadInt32LittleEndian(bytes) / 2147483648.0,
        SampleFormat.Float32 => BinaryPrimitives.ReadSingleLittleEndian(bytes),
        _ => BinaryPrimitives.ReadDoubleLittleEndian(bytes),
    };
}
