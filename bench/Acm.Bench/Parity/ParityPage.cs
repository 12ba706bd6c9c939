using System.Text;
using Acm.Bench.Counts;
using Acm.Runtime;
using Acm.Runtime.Backends.Cuda;
using Acm.Simulator;

namespace Acm.Bench.Parity;

/// <summary>docs/kernel-parity.md: ViT-B/16 on the simulated device with forced routing, next to a straightforward computation in the same precision, both against double.</summary>
internal static class ParityPage
{
    private static readonly (Precision Precision, ElementType Element, string Name)[] Precisions =
    [
        (Precision.Float32, ElementType.Float32, "fp32"), (Precision.TF32, ElementType.TF32, "tf32"), (Precision.Float16, ElementType.Float16, "fp16"),
        (Precision.BFloat16, ElementType.BFloat16, "bf16"),
    ];

    /// <summary>Writes the page; 1 where an error is more than twice the straightforward one's, or fp32's is above 1e-4.</summary>
    /// <param name="budgets">Budgets of shared/bench; empty: all of them.</param>
    public static int Run(string[] budgets)
    {
        VitShape shape = VitShape.Base;
        Random random = new(3);
        float[] pixels = [.. Enumerable.Range(0, shape.Pixels).Select(_ => (2 * random.NextSingle()) - 1)];
        using AcmModel model = AcmModel.Load(RandomVit.Package(shape, acm: true));
        StringBuilder page = new();
        page.AppendLine("# Parity of ViT-B/16 with forced routing").AppendLine();
        page.AppendLine("Written by `dotnet run -c Release --project bench/Acm.Bench -- parity`. One image, random weights (stored as fp32), k as a trained model chose it (shared/bench), forced. *ours*: the");
        page.AppendLine("CUDA kernels on the simulated A100, its tensor cores' own arithmetic. *plain*: a straightforward computation: operands of every product rounded to the precision, everything");
        page.AppendLine("else fp32. Errors: root of summed squares against the reference in double, over that of its values. The limit is twice *plain*'s error.").AppendLine();
        int missed = 0;
        foreach (string budget in budgets.Length > 0 ? budgets : RealRouting.Budgets)
        {
            Dictionary<string, ReadOnlyMemory<int>> forced = RealRouting.For(model, shape.Layers, budget, shape.Tokens)
                ?? throw new FileNotFoundException("Parity needs real routing: bench/k-vit-chars.safetensors in the shared folder (ACM_SHARED).");
            RunOptions options = new() { ForcedK = forced };
            using InferenceSession reference = model.CreateSession(new SessionOptions { Backend = BackendKind.Reference, MaxBatch = 1 });
            InferenceResult want = reference.CreateResult(hidden: true);
            reference.Run(ModelInput.Pixels(pixels), want, options);
            List<(string Name, double[] Ours, double[] Plain)> errors = [];
            foreach (var (precision, element, name) in Precisions)
            {
                using CountedModel device = new(model, DeviceProfile.A100, precision, 1);
                InferenceResult got = device.CreateResult(hidden: true);
                device.Run(ModelInput.Pixels(pixels), got, options);
                (float[] logits, List<float[]> states) = new PlainForward(device.Backend.Plan, element, site => forced[site.Path]).Run(pixels);
                double[] ours = [.. Enumerable.Range(0, want.HiddenCount).Select(i => Error(got.Hidden(i), want.ExactHidden(i))), Error(got.Output, want.ExactOutput)];
                double[] plain = [.. Enumerable.Range(0, want.HiddenCount).Select(i => Error(states[i], want.ExactHidden(i))), Error(logits, want.ExactOutput)];
                errors.Add((name, ours, plain));
                Console.Error.WriteLine($"{budget} {name}: {ours[^1]:E2}, plain {plain[^1]:E2}");
                missed += ours[^1] > 2 * plain[^1] || (element == ElementType.Float32 && ours[^1] > 1e-4) ? 1 : 0;
            }
            Table(page, budget, errors);
        }
        page.AppendLine(missed == 0 ? "No limit is missed." : $"**{missed} limits are missed.**");
        File.WriteAllText(Path.Combine(Repo.Root, "docs", "kernel-parity.md"), page.ToString());
        return missed == 0 ? 0 : 1;
    }

    private static void Table(StringBuilder page, string budget, List<(string Name, double[] Ours, double[] Plain)> errors)
    {
        page.AppendLine($"## Budget {budget}").AppendLine();
        page.AppendLine("| | " + string.Join(" | ", errors.Select(static e => $"{e.Name} ours | plain | ratio")) + " |");
        page.AppendLine("| --- |" + string.Concat(Enumerable.Repeat(" --- |", errors.Count * 3)));
        int rows = errors[0].Ours.Length;
        for (int i = 0; i < rows; i++)
            page.AppendLine($"| {(i == 0 ? "embeddings" : i == rows - 1 ? "**logits**" : $"layer {i - 1}")} | "
                + string.Join(" | ", errors.Select(e => FormattableString.Invariant($"{e.Ours[i]:E1} | {e.Plain[i]:E1} | {e.Ours[i] / e.Plain[i]:F2}"))) + " |");
        page.AppendLine();
    }

    private static double Error(ReadOnlySpan<float> got, ReadOnlySpan<double> want)
    {
        double off = 0, all = 0;
        for (int i = 0; i < want.Length; i++)
            (off, all) = (off + ((got[i] - want[i]) * (got[i] - want[i])), all + (want[i] * want[i]));
        return Math.Sqrt(off / all);
    }
}
