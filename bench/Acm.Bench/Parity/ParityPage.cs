using System.Diagnostics;
using System.Globalization;
using System.Text;
using Acm.Runtime;
using Acm.Runtime.Backends;
using Acm.Runtime.Backends.Cuda;

namespace Acm.Bench.Parity;

/// <summary>docs/parity.md: vit-chars and ViT-B/16's shape on the simulated device in every precision, piece by piece; what earlier calls have found is kept.</summary>
internal static class ParityPage
{
    private static readonly (Precision Precision, ElementType Element, string Name)[] s_precisions =
    [
        (Precision.Float32, ElementType.Float32, "fp32"), (Precision.TF32, ElementType.TF32, "tf32"), (Precision.Float16, ElementType.Float16, "fp16"),
        (Precision.BFloat16, ElementType.BFloat16, "bf16"),
    ];

    private static readonly string[] s_checks = ["forced", "free", "checked", "batch", "seeds"];

    /// <summary>Carries out what is not on record of the present kernels, and writes the page anew after every piece.</summary>
    /// <param name="words">Only pieces whose names contain each of these, or one of "a,b"; "again": also what is on record.</param>
    /// <returns>1 where a piece failed.</returns>
    public static int Run(string[] words)
    {
        bool again = words.Contains("again");
        words = [.. words.Where(static word => word != "again")];
        foreach (ParityCase @case in ParityCase.All())
        {
            string[] wanted = [.. PiecesOf(@case).Where(piece => words.All(word => word.Split(',').Any(piece.Contains)) && (again || ParityRecord.Load().GetValueOrDefault(piece)?.Kernels != ParityRecord.Present))];
            if (wanted.Length > 0)
                CarryOut(@case, wanted);
        }
        Write();
        return ParityRecord.Load().Values.All(static record => record.Passed) ? 0 : 1;
    }

    private static IEnumerable<string> PiecesOf(ParityCase @case) =>
        from check in s_checks
        where check != "free" || @case.FreeImages > 0
        from precision in s_precisions
        select $"{@case.Name} {precision.Name} {check}";

    private static void CarryOut(ParityCase @case, string[] pieces)
    {
        using AcmModel model = @case.Load();
        Dictionary<string, ReadOnlyMemory<int>> routing = @case.Routing(model);
        Dictionary<string, ParityChecks> checks = [];
        Lazy<Oracle> forced = new(() => Oracle.Run(model.Plan, @case.Pixels()[..model.Plan.InputWidth], new RoutingRule(0, null, [.. model.Sites.Select(site => (ReadOnlyMemory<int>?)routing[site.Path][..model.Plan.Tokens.RowsOf(1)])])));
        Lazy<Oracle> free = new(() => Oracle.Run(model.Plan, @case.Pixels()[..(@case.FreeImages * model.Plan.InputWidth)], new RoutingRule(@case.Lambda, null, null)));
        foreach (string piece in pieces)
        {
            string[] parts = piece.Split(' ');
            var (precision, element, name) = s_precisions.Single(p => p.Name == parts[^2]);
            if (!checks.TryGetValue(name, out ParityChecks? of))
                checks[name] = of = new ParityChecks(@case, model, routing, precision, element);
            Stopwatch watch = Stopwatch.StartNew();
            double[] ours = [], plain = [];
            (bool passed, string text) = (true, "");
            switch (parts[^1])
            {
                case "forced":
                    (passed, text, ours, plain) = of.Forced(forced.Value);
                    break;
                case "free":
                    (passed, text) = of.Free(free.Value, @case.FreeImages);
                    break;
                case "checked":
                    (passed, text) = of.Checked();
                    break;
                case "batch":
                    (passed, text) = of.Batch();
                    break;
                default:
                    (passed, text) = of.Orders(ParityChecks.Seeds);
                    break;
            }
            new ParityRecord(piece, passed, text, ours, plain, Math.Round(watch.Elapsed.TotalSeconds, 1), ParityRecord.Present).Append();
            Console.Error.WriteLine($"{piece}: {(passed ? "" : "FAILED ")}{text}{(ours.Length > 0 ? $"{ours[^1]:0.0e-0}, plain {plain[^1]:0.0e-0}" : "")}, {watch.Elapsed.TotalSeconds:F0} s");
            Write();
        }
    }

    private static void Write()
    {
        Dictionary<string, ParityRecord> records = ParityRecord.Load();
        StringBuilder page = new();
        page.AppendLine("""
            # Parity of whole vision models on the simulated device

            Written by `dotnet run -c Release --project bench/Acm.Bench -- parity` (pieces on record are kept: `docs/bench/parity.jsonl`). vit-chars is the trained model as it is, on images of its
            golden, k as its own gates choose in double; ViT-B/16 is that shape with random weights (stored as fp32), k as a trained model chose it (shared/bench). The device is a simulated A100 with
            its tensor cores' arithmetic; every run goes through the session and the CUDA backend, memory and results full of poison.

            *ours*: the root of summed squared errors against Reference (double), over that of its values; the first image, forced k. *plain*: the same of a straightforward computation in that
            precision: operands of every product rounded to it, sums in fp32 one term after the other, norms, softmax, GELU and the residual stream in fp32 (a model cast to half in PyTorch would
            round those too). Held: *ours* at most twice *plain*, in every row; fp32 at most 1e-4.

            """);
        foreach (ParityCase @case in ParityCase.All())
        {
            page.AppendLine($"## {@case.Name}").AppendLine();
            if (!PiecesOf(@case).Any(records.ContainsKey))
            {
                page.AppendLine("Not run.").AppendLine();
                continue;
            }
            ErrorTable(page, [.. s_precisions.Select(p => (p.Name, records.GetValueOrDefault($"{@case.Name} {p.Name} forced")))]);
            page.AppendLine("| | " + string.Join(" | ", s_precisions.Select(static p => p.Name)) + " |").AppendLine("| --- | --- | --- | --- | --- |");
            foreach ((string check, string label) in Labels(@case))
                page.AppendLine($"| {label} | " + string.Join(" | ", s_precisions.Select(p => records.GetValueOrDefault($"{@case.Name} {p.Name} {check}") is { } found ? (found.Passed ? "" : "**failed** ") + found.Text : "not run")) + " |");
            page.AppendLine();
        }
        int failed = records.Values.Count(static record => !record.Passed), all = ParityCase.All().SelectMany(PiecesOf).Count();
        page.AppendLine(CultureInfo.InvariantCulture, $"{records.Count} of {all} pieces carried out once each, {failed} failed, in {records.Values.Sum(static record => record.Seconds) / 60:F0} minutes on two cores shared with other work.");
        page.AppendLine("Kernels, by the SHA-256 of `kernels/`: " + string.Join("; ", records.Values.GroupBy(static record => record.Kernels).Select(static group => $"{group.Key}: {group.Count()} pieces")) + ".");
        File.WriteAllText(Path.Combine(Repo.Root, "docs", "parity.md"), page.ToString());
    }

    private static IEnumerable<(string Check, string Label)> Labels(ParityCase @case)
    {
        if (@case.FreeImages > 0)
            yield return ("free", $"free gates, {@case.FreeImages} image{(@case.FreeImages > 1 ? "s" : "")}: flips inside the margin (both of the spread of the gate's logits)");
        yield return ("checked", "checked execution of the whole forward reports");
        yield return ("batch", $"of a batch of {ParityCase.Images}, rows with the bits they have alone");
        yield return ("seeds", "orders of blocks and warps with the same bits");
    }

    private static void ErrorTable(StringBuilder page, (string Name, ParityRecord? Found)[] columns)
    {
        columns = [.. columns.Where(static column => column.Found is not null)];
        if (columns.Length == 0)
            return;
        page.AppendLine("| | " + string.Join(" | ", columns.Select(static c => $"{c.Name} ours | plain | ratio")) + " |");
        page.AppendLine("| --- |" + string.Concat(Enumerable.Repeat(" --- |", columns.Length * 3)));
        int rows = columns[0].Found!.Ours.Length;
        for (int i = 0; i < rows; i++)
            page.AppendLine($"| {(i == 0 ? "embeddings" : i == rows - 1 ? "**logits**" : $"layer {i - 1}")} | "
                + string.Join(" | ", columns.Select(c => FormattableString.Invariant($"{c.Found!.Ours[i]:0.0e-0} | {c.Found.Plain[i]:0.0e-0} | {c.Found.Ours[i] / c.Found.Plain[i]:F2}"))) + " |");
        page.AppendLine();
    }
}
