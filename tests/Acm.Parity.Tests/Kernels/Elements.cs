namespace Acm.Parity.Tests.Kernels;

/// <summary>The four precisions of the kernels, as <c>PRECISION</c> numbers them.</summary>
internal enum KernelPrecision
{
    Float32,
    TF32,
    Float16,
    BFloat16,
}

/// <summary>What a precision stores, and the packing of weights as docs/kernels.md writes it down.</summary>
internal static class Elements
{
    public static int Bytes(KernelPrecision precision) => precision >= KernelPrecision.Float16 ? 2 : 4;

    /// <summary>Largest relative rounding of one stored value.</summary>
    public static double Rounding(KernelPrecision precision) => precision switch
    {
        KernelPrecision.Float32 => Math.Pow(2, -24),
        KernelPrecision.BFloat16 => Math.Pow(2, -8),
        _ => Math.Pow(2, -11),
    };

    public static int Pad64(int n) => (n + 63) / 64 * 64;

    /// <summary>The value as the precision keeps it.</summary>
    public static float Round(KernelPrecision precision, float value) => precision switch
    {
        KernelPrecision.Float16 => (float)(Half)value,
        KernelPrecision.BFloat16 => float.IsNaN(value) ? value : BitConverter.UInt32BitsToSingle(BFloatBits(value) << 16),
        KernelPrecision.TF32 => float.IsNaN(value) ? value : BitConverter.UInt32BitsToSingle((BitConverter.SingleToUInt32Bits(value) + 0x1000) & ~0x1FFFu),
        _ => value,
    };

    public static byte[] Store(KernelPrecision precision, ReadOnlySpan<float> values)
    {
        int size = Bytes(precision);
        byte[] bytes = new byte[values.Length * size];
        for (int i = 0; i < values.Length; i++)
        {
            float value = Round(precision, values[i]);
            uint bits = precision switch
            {
                KernelPrecision.Float16 => BitConverter.HalfToUInt16Bits((Half)value),
                KernelPrecision.BFloat16 => BitConverter.SingleToUInt32Bits(value) >> 16,
                _ => BitConverter.SingleToUInt32Bits(value),
            };
            for (int b = 0; b < size; b++)
                bytes[(i * size) + b] = (byte)(bits >> (8 * b));
        }

        return bytes;
    }

    public static float[] Load(KernelPrecision precision, ReadOnlySpan<byte> bytes)
    {
        int size = Bytes(precision);
        float[] values = new float[bytes.Length / size];
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = precision switch
            {
                KernelPrecision.Float16 => (float)BitConverter.ToHalf(bytes[(i * 2)..]),
                KernelPrecision.BFloat16 => BitConverter.UInt32BitsToSingle((uint)BitConverter.ToUInt16(bytes[(i * 2)..]) << 16),
                _ => BitConverter.ToSingle(bytes[(i * 4)..]),
            };
        }

        return values;
    }

    /// <summary>A matrix [rows, columns] (input-major) in the order the tiles read.</summary>
    public static byte[] Pack(KernelPrecision precision, ReadOnlySpan<float> matrix, int rows, int columns)
    {
        int size = Bytes(precision), paddedRows = Pad64(rows), paddedColumns = Pad64(columns), steps = paddedRows * size / 32;
        float[] packed = new float[paddedRows * paddedColumns];
        for (int q = 0; q < paddedColumns / 16; q++)
            for (int s = 0; s < steps; s++)
                for (int lane = 0; lane < 32; lane++)
                    PackChunk(packed.AsSpan(((((q * steps) + s) * 512) + ((lane ^ ((lane >> 3) & 3)) * 16)) / size, 16 / size), matrix, q, s, lane);
        return Store(precision, packed);

        void PackChunk(Span<float> chunk, ReadOnlySpan<float> w, int q, int s, int lane)
        {
            int g = lane / 4, t = lane % 4, half = chunk.Length / 2;
            for (int h = 0; h < 2; h++)
            {
                int column = (q / 2 * 32) + ((g >> 1) * 8) + ((((q % 2) * 2) + h) * 2) + (g & 1);
                ReadOnlySpan<int> k = size == 2 ? [(16 * s) + (2 * t), (16 * s) + (2 * t) + 1, (16 * s) + (2 * t) + 8, (16 * s) + (2 * t) + 9] : [(8 * s) + t, (8 * s) + t + 4];
                for (int i = 0; i < half; i++)
                    chunk[(h * half) + i] = k[i] < rows && column < columns ? w[(k[i] * columns) + column] : 0;
            }
        }
    }

    private static uint BFloatBits(float value)
    {
        uint bits = BitConverter.SingleToUInt32Bits(value);
        return (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16;
    }
}
