using Acm.Simulator.Arithmetic;

namespace Acm.Simulator.Tests.Arithmetic;

/// <summary>
/// Moves matrices in and out of a warp's register planes by the PTX ISA's own formulas (row and column of fragment element i
/// in lane l), written independently of the simulator's unpacking. Elements are raw bits.
/// </summary>
internal static class MmaRegisters
{
    /// <summary>A [m,k] row-major to planes.</summary>
    public static uint[] PackA(in MmaShape shape, ReadOnlySpan<ulong> a)
    {
        int bits = MmaShape.BitsOf(shape.A), perLane = shape.M * shape.K / 32;
        var planes = new uint[shape.RegistersA * 32];
        for (int lane = 0; lane < 32; lane++)
            for (int i = 0; i < perLane; i++)
            {
                int perWord = Math.Max(1, 32 / bits), word = i / perWord;
                int halves = shape.M / 8;
                int row = (lane >> 2) + (8 * (word % halves));
                int column = ((lane & 3) * perWord) + (i % perWord) + (4 * perWord * (word / halves));
                Put(planes, bits, lane, i, a[(row * shape.K) + column]);
            }
        return planes;
    }

    /// <summary>B [k,n] row-major to planes.</summary>
    public static uint[] PackB(in MmaShape shape, ReadOnlySpan<ulong> b)
    {
        int bits = MmaShape.BitsOf(shape.B), perLane = shape.K * shape.N / 32;
        var planes = new uint[shape.RegistersB * 32];
        for (int lane = 0; lane < 32; lane++)
            for (int i = 0; i < perLane; i++)
            {
                int perWord = Math.Max(1, 32 / bits);
                int row = ((lane & 3) * perWord) + (i % perWord) + (4 * perWord * (i / perWord)), column = lane >> 2;
                Put(planes, bits, lane, i, b[(row * shape.N) + column]);
            }
        return planes;
    }

    /// <summary>C [m,n] row-major to planes.</summary>
    public static uint[] PackC(in MmaShape shape, MmaType type, ReadOnlySpan<ulong> c)
    {
        int bits = MmaShape.BitsOf(type);
        var planes = new uint[shape.M * shape.N * bits / 32];
        for (int lane = 0; lane < 32; lane++)
            for (int i = 0; i < shape.M * shape.N / 32; i++)
                Put(planes, bits, lane, i, c[IndexC(lane, i)]);
        return planes;
    }

    /// <summary>Planes to D [m,n] row-major.</summary>
    public static ulong[] UnpackD(in MmaShape shape, ReadOnlySpan<uint> planes)
    {
        int bits = MmaShape.BitsOf(shape.D);
        var d = new ulong[shape.M * shape.N];
        for (int lane = 0; lane < 32; lane++)
            for (int i = 0; i < shape.M * shape.N / 32; i++)
            {
                if (bits == 64)
                {
                    int at = ((i * 32) + lane) * 2;
                    d[IndexC(lane, i)] = planes[at] | ((ulong)planes[at + 1] << 32);
                    continue;
                }

                int perWord = 32 / bits;
                d[IndexC(lane, i)] = (planes[(i / perWord * 32) + lane] >> (i % perWord * bits)) & (uint)((1UL << bits) - 1);
            }
        return d;
    }

    private static int IndexC(int lane, int i) => (((lane >> 2) + (8 * (i >> 1))) * 8) + ((lane & 3) * 2) + (i & 1);

    private static void Put(uint[] planes, int bits, int lane, int i, ulong value)
    {
        if (bits == 64)
        {
            int at = ((i * 32) + lane) * 2;
            planes[at] = (uint)value;
            planes[at + 1] = (uint)(value >> 32);
            return;
        }

        int perWord = 32 / bits;
        planes[(i / perWord * 32) + lane] |= (uint)(value & ((1UL << bits) - 1)) << (i % perWord * bits);
    }
}
