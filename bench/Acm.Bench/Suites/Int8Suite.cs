using System.Runtime.Intrinsics.X86;
using Acm.Bench.Int8;
using Acm.Runtime;
using Acm.Runtime.Backends.Cpu;
using Acm.Runtime.Plan;
using Buffer = Acm.Runtime.Plan.Buffer;

namespace Acm.Bench.Suites;

/// <summary>What products in int8 would gain and cost: a prototype's speed next to the float32 products, and the sample models' answers.</summary>
internal static unsafe class Int8Suite
{
    private static readonly int[] s_rows = [1, 16, 197, 1576];
    private static readonly (string Name, int Depth, int Columns)[] s_weights = [("B q/k/v", 768, 2304), ("B o", 768, 768), ("B mlp up", 768, 3072), ("B mlp down", 3072, 768)];

    /// <summary>Speeds on one thread; answers of the sample models, where they are.</summary>
    public static void Run(double seconds)
    {
        if (Avx512BW.IsSupported)
            Speeds(seconds);
        else
            Console.Error.WriteLine("The int8 prototype needs AVX-512.");
        string models = Path.Combine(Repo.Shared, "models"), goldens = Path.Combine(Repo.Shared, "golden");
        if (Directory.Exists(models) && Directory.Exists(goldens))
            Answers(models, goldens);
        else
            Console.Error.WriteLine($"{Repo.Shared}: the sample models and their goldens are not there; no answers to compare.");
    }

    private static void Speeds(double seconds)
    {
        var report = new Report("int8", "Products in int8: a prototype",
            "Weights int8 by channel, activations int8 by token, rounding included, sums by vpmaddwd (512 bits: two terms of 16 sums an instruction) and, where .NET has it, by "
            + "AVX-VNNI's vpdpbusd (256 bits: four terms of 8 sums; AvxVnni.IsSupported here: " + AvxVnni.IsSupported + "); one thread, weights in cache. Ratio: float32's time over "
            + "int8's, median of interleaved rounds; spread: of the time before it. Error: largest difference from float32 over the largest value; both ways must have the same bits.",
            "product", "rows", "float32 ms", "vpmaddwd ms", "ratio", "spread", "AVX-VNNI ms", "ratio", "spread", "error", "rounds");
        foreach (var (name, depth, columns) in s_weights)
            foreach (int rows in s_rows)
                Speed(report, name, rows, depth, columns, seconds);
        report.Save();
    }

    private static void Speed(Report report, string name, int rows, int depth, int columns, double seconds)
    {
        var nothing = new Buffer("none", RowSpace.Sequence, 1);
        using var backend = new CpuBackend(new ForwardPlan(InputKind.Samples, 1, [], nothing, "none", [], RowSpace.Sequence, 0, false), 1);
        using var forward = new CpuForward(backend);
        var random = new Random(1);
        float[] weight = [.. Enumerable.Range(0, depth * columns).Select(_ => random.NextSingle() - 0.5f)];
        using var packed = PackedMatrix.FromInputMajor(weight, depth, columns);
        using var madd = new MaddProduct(weight, depth, columns);
        using VnniProduct? vnni = AvxVnni.IsSupported ? new(weight, depth, columns) : null;
        PackedMatrix[] weights = [packed];
        int pitch = depth % 1024 == 0 ? depth + 16 : depth;
        Memory<float> a = Aligned.Floats(rows * pitch), c = Aligned.Floats(rows * columns), d = Aligned.Floats(rows * columns), e = Aligned.Floats(rows * columns);
        foreach (ref float value in a.Span)
            value = random.NextSingle() - 0.5f;
        float* from = Aligned.Pointer(a), to = Aligned.Pointer(c), byMadd = Aligned.Pointer(d), byVnni = Aligned.Pointer(e);
        void Ours()
        {
            forward.ClearBlocks();
            forward.AddRows(from, pitch, 0, rows, depth);
            forward.Multiply(new GemmCall { Weights = weights, Stride = pitch, Epilogue = new Epilogue { Out = to, OutStride = columns } });
        }
        List<(string Name, Action Run)> contestants = [("float32", Ours), ("vpmaddwd", () => madd.Multiply(from, pitch, rows, byMadd))];
        if (vnni is not null)
            contestants.Add(("AVX-VNNI", () => vnni.Multiply(from, pitch, rows, byVnni)));
        Times[] times = Interleaved.Run(seconds, 9, [.. contestants]);
        double worst = 0, scale = 0;
        for (int i = 0; i < c.Length; i++)
            (worst, scale) = (Math.Max(worst, Math.Abs(c.Span[i] - d.Span[i])), Math.Max(scale, Math.Abs(c.Span[i])));
        Agreement.Check($"{name} x {rows}", d.Span, c.Span, 0.05);
        if (vnni is not null)
            Agreement.Check($"{name} x {rows}, AVX-VNNI", e.Span, d.Span, 0);
        string[] cells = [name, $"{rows}", Report.Number(times[0].Median, "0.000")];
        foreach (Times time in times[1..])
            cells = [.. cells, Report.Number(time.Median, "0.000"), Report.Number(Interleaved.Ratio(times[0], time)), Report.Number(time.Spread, "0.0 %")];
        if (vnni is null)
            cells = [.. cells, "-", "-", "-"];
        report.Add([.. cells, Report.Number(worst / scale, "0.0 %"), $"{times[0].Milliseconds.Length}"]);
    }

    private static void Answers(string models, string goldens)
    {
        var report = new Report("int8-answers", "What int8 costs the sample models",
            "Dense layers and learners with operands rounded to 8 bits, weights by channel, activations by token; everything else in double; against the goldens, routing free. "
            + "vit-chars: 12 pictures, error: largest difference of a logit over the largest logit; minilm-acm: 40 sentences, error: 1 - cosine.",
            "model", "lambda", "weights", "activations", "k that differ", "pictures named as the golden does", "error, mean", "error, worst");
        foreach (var (weights, activations) in ((int, int)[])[(0, 0), (8, 0), (8, 8)])
            for (int lambda = 0; lambda < 3; lambda++)
            {
                Pictures(report, models, goldens, lambda, weights, activations);
                Sentences(report, models, goldens, lambda, weights, activations);
            }
        report.Save();
    }

    private static void Pictures(Report report, string models, string goldens, int lambda, int weights, int activations)
    {
        using var model = AcmModel.Load(Path.Combine(models, "vit-chars"));
        using var golden = SafeTensorsFile.Open(Path.Combine(goldens, "vit-chars", "golden.safetensors"));
        float[] inputs = Floats(golden, "inputs"), logits = Floats(golden, $"lambda{lambda}.logits"), lambdas = Floats(golden, "lambdas");
        int size = model.Plan.InputWidth, images = inputs.Length / size, classes = logits.Length / images;
        int[][] learners = [.. model.Sites.Select(site => Integers(golden, $"lambda{lambda}.{site.Path}.k"))];
        var forward = new QuantizedForward(model.Plan, weights, activations);
        (double[] Output, List<int> K)[] found = new (double[], List<int>)[images];
        Parallel.For(0, images, i => found[i] = forward.Run(inputs[(i * size)..((i + 1) * size)], [], size, lambdas[lambda]));
        double[] errors = new double[images];
        int same = 0, flips = 0, decisions = 0;
        for (int i = 0; i < images; i++)
        {
            float[] expected = logits[(i * classes)..((i + 1) * classes)];
            double scale = expected.Max(MathF.Abs);
            errors[i] = expected.Zip(found[i].Output, static (e, f) => Math.Abs(e - f)).Max() / scale;
            same += Array.IndexOf(expected, expected.Max()) == Array.IndexOf(found[i].Output, found[i].Output.Max()) ? 1 : 0;
            int tokens = learners[0].Length / images;
            for (int at = 0; at < found[i].K.Count; at++, decisions++)
                flips += found[i].K[at] != learners[at / tokens][(i * tokens) + (at % tokens)] ? 1 : 0;
        }
        report.Add("vit-chars", Report.Number(lambdas[lambda], "0.0"), Bits(weights), Bits(activations), $"{flips} of {decisions}", $"{same} of {images}",
            Error(errors.Average()), Error(errors.Max()));
    }

    private static void Sentences(Report report, string models, string goldens, int lambda, int weights, int activations)
    {
        using var model = AcmModel.Load(Path.Combine(models, "minilm-acm"));
        using var golden = SafeTensorsFile.Open(Path.Combine(goldens, "minilm-acm", "golden.safetensors"));
        int[] ids = Integers(golden, "ids"), lengths = Integers(golden, "length");
        float[] vectors = Floats(golden, $"embedding.{lambda}"), lambdas = Floats(golden, "lambda");
        ReadOnlySpan<byte> k = golden.Get($"k.mlp.{lambda}").Bytes;
        int longest = ids.Length / lengths.Length, width = vectors.Length / lengths.Length, flips = 0, decisions = 0;
        var forward = new QuantizedForward(model.Plan, weights, activations);
        (double[] Output, List<int> K)[] found = new (double[], List<int>)[lengths.Length];
        Parallel.For(0, lengths.Length, s => found[s] = forward.Run([], ids[(s * longest)..((s * longest) + lengths[s])], lengths[s], lambdas[lambda]));
        double[] errors = new double[lengths.Length];
        for (int s = 0; s < lengths.Length; s++)
        {
            double product = 0, a = 0, b = 0;
            for (int i = 0; i < width; i++)
            {
                double x = found[s].Output[i], y = vectors[(s * width) + i];
                (product, a, b) = (product + (x * y), a + (x * x), b + (y * y));
            }
            errors[s] = Math.Abs(1 - (product / Math.Sqrt(a * b)));
            for (int at = 0; at < found[s].K.Count; at++, decisions++)
                flips += found[s].K[at] != k[(((at / lengths[s] * lengths.Length) + s) * longest) + (at % lengths[s])] ? 1 : 0;
        }
        report.Add("minilm-acm", Report.Number(lambdas[lambda], "0.0"), Bits(weights), Bits(activations), $"{flips} of {decisions}", "", Error(errors.Average()), Error(errors.Max()));
    }

    private static float[] Floats(SafeTensorsFile file, string name)
    {
        float[] values = new float[file.Get(name).ElementCount];
        file.Get(name).CopyTo(values);
        return values;
    }

    private static int[] Integers(SafeTensorsFile file, string name)
    {
        int[] values = new int[file.Get(name).ElementCount];
        file.Get(name).CopyTo(values);
        return values;
    }

    private static string Bits(int bits) => bits == 0 ? "as they are" : $"{bits} bits";

    private static string Error(double value) => value.ToString("0.0E+0", System.Globalization.CultureInfo.InvariantCulture);
}
