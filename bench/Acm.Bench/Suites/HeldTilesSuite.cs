using System.Runtime.InteropServices;
using Acm.Bench.Held;
using Acm.Runtime.Backends.Cpu;

namespace Acm.Bench.Suites;

/// <summary>What a register tile takes with its weights held as float32, bfloat16 and float16: why float16 is not held.</summary>
internal static unsafe class HeldTilesSuite
{
    private const int Depth = 768, Columns = 3072, Copies = 28;

    /// <summary>One thread, ViT-B's mlp up: a weight in cache, and as many in turn as fill 256 MB as float32.</summary>
    public static void Run(double seconds)
    {
        var report = new Report("held-tiles", "Register tiles over float32, bfloat16 and float16",
            "Bare tiles over the panels of ViT-B's mlp up, one thread; weights of the values that all three hold. Cached: one weight again and again. Cold: as many in turn as fill "
            + "256 MB as float32. Ratios: float32's time over the other's, median of interleaved rounds.",
            "rows", "weights", "float32 ms", "bfloat16 ms", "ratio", "float16 ms", "ratio", "rounds");
        byte* wide = Held<AsFloat32>(static x => BitConverter.SingleToUInt32Bits(x)), bfloat16 = Held<AsBFloat16>(static x => BitConverter.SingleToUInt32Bits(x) >> 16);
        byte* half = Held<AsFloat16>(static x => BitConverter.HalfToUInt16Bits((Half)x));
        Memory<float> a = Aligned.Floats(8 * Depth);
        var random = new Random(2);
        foreach (ref float value in a.Span)
            value = random.NextSingle() - 0.5f;
        Memory<float>[] c = [.. Enumerable.Range(0, 3).Select(static _ => Aligned.Floats(Columns))];
        foreach (int rows in (int[])[1, 8])
            foreach (int copies in (int[])[1, Copies])
            {
                Times[] times = Interleaved.Run(seconds, 9,
                    ("float32", () => All<AsFloat32>(wide, rows, copies, a, c[0])), ("bfloat16", () => All<AsBFloat16>(bfloat16, rows, copies, a, c[1])),
                    ("float16", () => All<AsFloat16>(half, rows, copies, a, c[2])));
                Agreement.Check("bfloat16", c[1].Span, c[0].Span, 0);
                Agreement.Check("float16", c[2].Span, c[0].Span, 0);
                report.Add($"{rows}", copies == 1 ? "cached" : "cold", Milliseconds(0), Milliseconds(1), Ratio(1), Milliseconds(2), Ratio(2), $"{times[0].Milliseconds.Length}");

                string Milliseconds(int i) => Report.Number(times[i].Median / copies, "0.000");

                string Ratio(int i) => Report.Number(Interleaved.Ratio(times[0], times[i]));
            }
        foreach (byte* held in (byte*[])[wide, bfloat16, half])
            NativeMemory.AlignedFree(held);
        report.Save();
    }

    private static void All<T>(byte* weights, int rows, int copies, Memory<float> a, Memory<float> c)
        where T : struct, IHeld
    {
        float* from = Aligned.Pointer(a), to = Aligned.Pointer(c);
        for (int copy = 0; copy < copies; copy++)
            for (int column = 0; column < Columns; column += 64, weights += 2 * Depth * T.Line)
                if (rows == 1)
                    HeldTiles<T>.One(from, weights, Depth, to + column);
                else
                    HeldTiles<T>.Eight(from, weights, Depth, to + column);
    }

    // The same weight many times over: 8 significant bits and exponents that all three have.
    private static byte* Held<T>(Func<float, uint> bits)
        where T : struct, IHeld
    {
        int lines = Depth * Columns / 32;
        byte* data = (byte*)LargePages.Allocate((nuint)((long)Copies * lines * T.Line));
        var random = new Random(1);
        float[] line = new float[32];
        for (int i = 0; i < lines; i++)
        {
            for (int n = 0; n < line.Length; n++)
                line[n] = BitConverter.UInt32BitsToSingle(BitConverter.SingleToUInt32Bits(random.Next(-1 << 14, 1 << 14) / 32768f) & 0xFFFF0000);
            for (int n = 0; n < 16; n++)
                if (T.Line == 128)
                    (((float*)data)[i * 32 + n], ((float*)data)[i * 32 + n + 16]) = (line[n], line[n + 16]);
                else
                    ((uint*)data)[i * 16 + n] = bits(line[n]) | bits(line[n + 16]) << 16;
        }
        for (int copy = 1; copy < Copies; copy++)
            Buffer.MemoryCopy(data, data + (long)copy * lines * T.Line, (long)lines * T.Line, (long)lines * T.Line);
        return data;
    }
}
