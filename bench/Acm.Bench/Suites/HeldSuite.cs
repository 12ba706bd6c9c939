using Acm.Runtime.Backends.Cpu;
using Acm.Runtime.Plan;
using Buffer = Acm.Runtime.Plan.Buffer;

namespace Acm.Bench.Suites;

/// <summary>The same bfloat16 weights held as float32 and as bfloat16: in cache, as a loop over one product has them, and out of it, as a model has them.</summary>
internal static unsafe class HeldSuite
{
    // Far more than a third-level cache: what is read next was driven out long ago.
    private const long ColdBytes = 256 << 20;

    private static readonly int[] s_rows = [1, 2, 4, 8, 16, 64, 197, 1576];
    private static readonly (string Name, int Depth, int Columns)[] s_weights = [("B q/k/v", 768, 2304), ("B o", 768, 768), ("B mlp up", 768, 3072), ("B mlp down", 3072, 768)];

    /// <summary>Every product, or those whose name has <paramref name="only"/> in it, at every number of rows or at <paramref name="onlyRows"/>.</summary>
    public static void Run(double seconds, int[] threads, string only = "", int onlyRows = 0)
    {
        string bandwidth = string.Join("; ", threads.Select(static count =>
            $"{count} thread(s) read {Report.Number(MemoryBandwidth.Measure(count), "0.0")} GB/s from memory, {Report.Number(MemoryBandwidth.Cached(count), "0")} GB/s from a buffer of 9 MB"));
        var report = new Report("held", "Weights held as float32 and as bfloat16",
            "Results are equal to the bit. Cached: one product again and again. Cold: products in turn whose weights fill 256 MB as float32, so that each comes from memory; "
            + "of memory: the weight's bytes a second over what was read from memory just before. Gain: float32's time over bfloat16's, median of interleaved rounds. "
            + $"Measured before: {bandwidth}.",
            "product", "rows", "threads", "cached f32 ms", "bf16 ms", "gain", "cold f32 ms", "of memory", "cold bf16 ms", "of memory", "gain", "rounds");
        foreach (int count in threads)
        {
            double memory = MemoryBandwidth.Measure(count);
            foreach (var (name, depth, columns) in s_weights.Where(weight => weight.Name.Contains(only, StringComparison.Ordinal)))
                foreach (int rows in onlyRows == 0 ? s_rows : [onlyRows])
                    One(report, name, rows, depth, columns, count, memory, seconds);
        }
        if (only.Length == 0 && onlyRows == 0)
            report.Save();
    }

    private static void One(Report report, string name, int rows, int depth, int columns, int threads, double memory, double seconds)
    {
        var nothing = new Buffer("none", RowSpace.Sequence, 1);
        using var backend = new CpuBackend(new ForwardPlan(InputKind.Samples, 1, [], nothing, "none", [], RowSpace.Sequence, 0, false), threads);
        using var forward = new CpuForward(backend);
        var random = new Random(1);
        float[] weight = [.. Enumerable.Range(0, depth * columns).Select(_ => BFloat16(random.NextSingle() - 0.5f))];
        int copies = rows > 64 ? 1 : (int)Math.Max(ColdBytes / (4L * depth * columns), 1);
        using WeightMemory wideMemory = Copies(weight, depth, columns, false, copies, out PackedMatrix[][] wide);
        using WeightMemory narrowMemory = Copies(weight, depth, columns, true, copies, out PackedMatrix[][] narrow);
        // Rows as the backend lays them out: never at a multiple of a page.
        int pitch = depth % 1024 == 0 ? depth + 16 : depth;
        Memory<float> a = Aligned.Floats(rows * pitch), c = Aligned.Floats(rows * columns), d = Aligned.Floats(rows * columns);
        foreach (ref float value in a.Span)
            value = random.NextSingle() - 0.5f;
        float* from = Aligned.Pointer(a), to = Aligned.Pointer(c), other = Aligned.Pointer(d);

        Times[] cached = Interleaved.Run(seconds, 9, ("f32", () => Multiply(wide[0], to)), ("bf16", () => Multiply(narrow[0], other)));
        Agreement.Check($"{name} x {rows}", d.Span, c.Span, 0);
        Times[]? cold = copies == 1 ? null : Interleaved.Run(seconds, 5, ("f32", () => All(wide, to)), ("bf16", () => All(narrow, other)));
        double bytes = 4.0 * depth * columns;
        report.Add(name, $"{rows}", $"{threads}", Milliseconds(cached[0].Median), Milliseconds(cached[1].Median), Report.Number(Interleaved.Ratio(cached[0], cached[1])),
            cold is null ? "" : Milliseconds(cold[0].Median / copies), cold is null ? "" : Share(cold[0], bytes),
            cold is null ? "" : Milliseconds(cold[1].Median / copies), cold is null ? "" : Share(cold[1], bytes / 2),
            cold is null ? "" : Report.Number(Interleaved.Ratio(cold[0], cold[1])), $"{cached[0].Milliseconds.Length}, {cold?[0].Milliseconds.Length}");

        void All(PackedMatrix[][] weights, float* result)
        {
            foreach (PackedMatrix[] packed in weights)
                Multiply(packed, result);
        }

        void Multiply(PackedMatrix[] packed, float* result)
        {
            forward.ClearBlocks();
            forward.AddRows(from, pitch, 0, rows, depth);
            forward.Multiply(new GemmCall { Weights = packed, Stride = pitch, Epilogue = new Epilogue { Out = result, OutStride = columns } });
        }

        string Share(Times times, double one) => Report.Number(one * copies / times.Median / 1e6 / memory, "0 %");

        static string Milliseconds(double value) => Report.Number(value, "0.000");
    }

    // As a model's weights lie: one after the other.
    private static WeightMemory Copies(float[] weight, int depth, int columns, bool bfloat16, int copies, out PackedMatrix[][] packed)
    {
        packed = [.. Enumerable.Range(0, copies).Select(_ => (PackedMatrix[])[new PackedMatrix(depth, columns, bfloat16)])];
        nint one = packed[0][0].Bytes;
        WeightMemory memory = new(copies * one);
        fixed (float* values = weight)
            for (int i = 0; i < copies; i++)
            {
                packed[i][0].Place(memory, i * one);
                packed[i][0].PutRows(values, 0, depth);
            }
        return memory;
    }

    private static float BFloat16(float value) => BitConverter.UInt32BitsToSingle(BitConverter.SingleToUInt32Bits(value) & 0xFFFF0000);
}
