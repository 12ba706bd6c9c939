namespace Acm.Runtime.Backends.Cuda;

/// <summary>Puts a matrix into the order the kernels' tiles read it: blocks of 16 columns by one k-step, a lane's part 16 bytes (docs/kernels.md).</summary>
internal static class WeightPacking
{
    /// <summary>Up to a multiple of 64: what depths, widths and pitches are padded to.</summary>
    public static int Pad64(int n) => (n + 63) & ~63;

    /// <summary>Up to a multiple of 8.</summary>
    public static int Pad8(int n) => (n + 7) & ~7;

    /// <summary>k-steps of a depth.</summary>
    public static int Steps(int depth, ElementType type) => Pad64(depth) * type.Bytes() / 32;

    /// <summary>Packs w [depth, columns], given by element.</summary>
    public static byte[] Pack(Func<int, int, float> w, int depth, int columns, ElementType type)
    {
        int size = type.Bytes(), steps = Steps(depth, type), blocks = Pad64(columns) / 16;
        byte[] packed = new byte[(long)Pad64(columns) * Pad64(depth) * size];
        for (int q = 0; q < blocks; q++)
            for (int s = 0; s < steps; s++)
                for (int lane = 0; lane < 32; lane++)
                {
                    Span<byte> chunk = packed.AsSpan((q * steps + s) * 512 + (lane ^ ((lane >> 3) & 3)) * 16, 16);
                    int g = lane / 4, t = lane % 4;
                    for (int h = 0; h < 2; h++)
                    {
                        int column = q / 2 * 32 + (g >> 1) * 8 + (q % 2 * 2 + h) * 2 + (g & 1);
                        ReadOnlySpan<int> rows = size == 2
                            ? [16 * s + 2 * t, 16 * s + 2 * t + 1, 16 * s + 2 * t + 8, 16 * s + 2 * t + 9]
                            : [8 * s + t, 8 * s + t + 4];
                        for (int i = 0; i < rows.Length; i++)
                            if (rows[i] < depth && column < columns)
                                type.Write(chunk[((h * rows.Length + i) * size)..], w(rows[i], column));
                    }
                }
        return packed;
    }
}
