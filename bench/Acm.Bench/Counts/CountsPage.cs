using System.Globalization;
using System.Text;
using Acm.Runtime;
using Acm.Simulator;

namespace Acm.Bench.Counts;

/// <summary>docs/kernel-counts.md: what a forward of ViT-B/16 does on the simulated device, next to its limits; bounds; and the peers.</summary>
internal static class CountsPage
{
    private const string A100 = "NVIDIA A100-SXM4-80GB";

    /// <summary>Writes the page; <paramref name="only"/> <c>1</c> leaves batch 8 out and prints. Returns 1 where a limit is missed.</summary>
    public static int Run(string? only)
    {
        if (only == "peers")
        {
            StringBuilder peers = new();
            PeerCounts.Write(peers);
            Console.WriteLine(peers);
            return 0;
        }
        if (only == "text")
        {
            StringBuilder text = new();
            TextAndSpeechCounts.Write(text);
            Console.WriteLine(text);
            return 0;
        }
        if (only == "small")
        {
            StringBuilder small = new();
            SmallModel(small);
            Console.WriteLine(small);
            return 0;
        }
        int[] batches = only == "1" ? [1] : [1, 8];
        List<ForwardCounts> forwards = [];
        foreach (int batch in batches)
            foreach (string budget in RealRouting.Budgets)
                forwards.Add(Measure(DeviceProfile.A100, batch, budget));
        List<ForwardCounts> devices = [];
        foreach (int batch in batches)
            foreach (DeviceProfile profile in DeviceProfile.All)
                devices.Add(profile.Name == A100 ? forwards.First(f => f.Batch == batch && f.Budget == "0.44") : Measure(profile, batch, "0.44"));

        StringBuilder page = new();
        page.AppendLine("# Counts of a forward, next to their limits").AppendLine();
        page.AppendLine("Written by `dotnet run -c Release --project bench/Acm.Bench -- counts`. Everything here is a count of the simulated device, or a bound made of counts:");
        page.AppendLine("no time was measured. ViT-B/16 at 224 (12 layers, 197 tokens an image), random weights, bf16 (T4: fp16), k of every token and ACM as a trained model chose it");
        page.AppendLine("(shared/bench), forced; whole forwards, every launch counted.").AppendLine();
        int missed = Limits(page, forwards);
        Kernels(page, forwards.First(f => f.Budget == "0.44" && f.Batch == batches[^1]));
        Skewed(page, forwards);
        SmallModel(page);
        Bounds(page, devices);
        PeerCounts.Write(page);
        TextAndSpeechCounts.Write(page);
        string whole = page.ToString();
        if (only is null)
            File.WriteAllText(Path.Combine(Repo.Root, "docs", "kernel-counts.md"), whole);
        else
            Console.WriteLine(whole);
        return missed == 0 ? 0 : 1;
    }

    /// <summary>The sample model's shape, whose projections go in one launch for q, k and v and one for o.</summary>
    private static void SmallModel(StringBuilder page)
    {
        page.AppendLine("## A small model").AppendLine();
        page.AppendLine("vit-chars' shape (6 layers, width 192, projections of 4 learners x 24) at 44 % of the learners. *Projections*: all launches of q, k, v and o, in one launch or two as the choice has it.").AppendLine();
        page.AppendLine("| device | batch | launches a layer | projections: kernels | blocks | useful / issued | sectors, M | over the tiles' need | wavefronts, M | excess | warp instructions, M |");
        page.AppendLine("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |");
        foreach (int batch in new[] { 1, 8 })
            foreach (DeviceProfile profile in DeviceProfile.All)
            {
                ForwardCounts forward = Measure(VitShape.Chars, profile, batch, "0.44");
                CountedLaunch[] projections = [.. forward.Launches.Where(static l => l.Needs.What.EndsWith(" q k v", StringComparison.Ordinal) || l.Needs.What.EndsWith(" o", StringComparison.Ordinal))];
                page.AppendLine($"| {profile.Name} | {batch} | {N(forward.LaunchesPerLayer, 1)} | {string.Join(", ", projections.Select(static l => l.Run.Kernel).Distinct())} | {N(projections.Average(static l => l.Did.Blocks), 0)} | "
                    + $"{N(projections.Sum(static l => l.Needs.Useful) / projections.Sum(static l => l.Did.MatrixFlops), 3)} | {N(projections.Sum(static l => l.Sectors) / 1e6, 3)} | "
                    + $"{N(projections.Sum(static l => l.Sectors) / projections.Sum(static l => l.Needs.Sectors), 3)} | {N(projections.Sum(static l => l.Did.SharedWavefronts) / 1e6, 3)} | "
                    + $"{projections.Sum(static l => l.Did.SharedExcessWavefronts)} | {N(projections.Sum(static l => l.Did.WarpInstructions) / 1e6, 3)} |");
            }
        page.AppendLine();
    }

    private static ForwardCounts Measure(DeviceProfile profile, int batch, string budget) => Measure(VitShape.Base, profile, batch, budget);

    private static ForwardCounts Measure(VitShape shape, DeviceProfile profile, int batch, string budget)
    {
        ForwardCounts counts = ForwardCounts.Measure(shape, profile, profile.Capability < 80 ? Precision.Float16 : Precision.BFloat16, batch, budget);
        Console.Error.WriteLine($"{profile.Name}, batch {batch}, {budget}: {counts.Launches.Sum(static l => l.Run.Report.Elapsed.TotalSeconds):F0} s of simulation");
        return counts;
    }

    private static int Limits(StringBuilder page, List<ForwardCounts> forwards)
    {
        int missed = 0;
        List<string> misses = [];
        page.AppendLine("## Limits").AppendLine();
        page.AppendLine("Tiles as chosen for an A100. *useful / issued*: the model's own products over what `mma` issued. *bytes*: different bytes that the launches touch, over");
        page.AppendLine("the compulsory ones (each weight some token needs, each activation, once a launch). *sectors*: 32-byte sectors asked for, over what the chosen tiles need");
        page.AppendLine("at least (each tile on its own, each of its bytes once). *atomics*: on data; norm_gate counts its finished blocks with one a block. *host*: synchronisations");
        page.AppendLine("inside the forward; one more waits for the result.").AppendLine();
        page.AppendLine("| batch | learners | useful / issued | limit | bytes | worst launch | sectors | limit | excess wavefronts | atomics | host | launches a layer |");
        page.AppendLine("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |");
        foreach (ForwardCounts f in forwards)
        {
            double least = f.Batch == 1 ? f.Budget == "0.25" ? 0 : 0.80 : 0.95;
            CountedLaunch most = f.Launches.MaxBy(static l => l.Unique / l.Needs.Unique);
            double worst = most.Unique / most.Needs.Unique;
            string[] wrong =
            [
                f.Useful < least ? "useful / issued" : "", worst > 1.10 ? "bytes of a launch" : "", f.Sectors > 1.10 ? "sectors" : "", f.ExcessWavefronts > 0 ? "wavefronts" : "",
                f.AtomicsOnData > 0 ? "atomics" : "", f.Synchronisations > 1 ? "host" : "", f.LaunchesPerLayer > 10 ? "launches" : "",
            ];
            missed += wrong.Count(static w => w.Length > 0);
            page.AppendLine($"| {f.Batch} | {Percent(f.Budget)} | {N(f.Useful, 3)} | {(least == 0 ? "none" : ">= " + N(least, 2))} | {N(f.Unique, 3)} | {N(worst, 3)}, {most.Needs.What} | {N(f.Sectors, 3)} | <= 1.10 | "
                + $"{f.ExcessWavefronts} | {f.AtomicsOnData} | {f.Synchronisations - 1} | {N(f.LaunchesPerLayer, 1)} |");
            misses.AddRange(wrong.Where(static w => w.Length > 0).Select(what => $"batch {f.Batch}, {Percent(f.Budget)}: {what}"));
        }
        page.AppendLine().AppendLine(missed == 0 ? "No limit is missed." : $"**Limits missed: {missed}** ({string.Join("; ", misses)}).").AppendLine();
        page.AppendLine("*worst launch*: the launch that touches most beyond its compulsory bytes, which may be up to 1.10 times those.").AppendLine();
        return missed;
    }

    private static void Kernels(StringBuilder page, ForwardCounts forward)
    {
        page.AppendLine($"## By kernel: batch {forward.Batch}, {Percent(forward.Budget)} of the learners").AppendLine();
        page.AppendLine("| launches | what | blocks | mma GFLOP | useful / issued | MB touched | over compulsory | sectors, M | over the tiles' need | wavefronts, M | warp instructions, M |");
        page.AppendLine("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |");
        foreach (IGrouping<string, CountedLaunch> group in forward.Launches.GroupBy(static l => l.Needs.What))
        {
            double flops = group.Sum(static l => l.Did.MatrixFlops), unique = group.Sum(static l => l.Unique), sectors = group.Sum(static l => l.Sectors);
            page.AppendLine($"| {group.Count()} | {group.Key} | {N(group.Average(static l => l.Did.Blocks), 0)} | {N(flops / 1e9, 2)} | {(flops > 0 ? N(group.Sum(static l => l.Needs.Useful) / flops, 3) : "")} | "
                + $"{N(unique / 1e6, 1)} | {N(unique / group.Sum(static l => l.Needs.Unique), 3)} | {N(sectors / 1e6, 2)} | {N(sectors / group.Sum(static l => l.Needs.Sectors), 3)} | "
                + $"{N(group.Sum(static l => l.Did.SharedWavefronts) / 1e6, 2)} | {N(group.Sum(static l => l.Did.WarpInstructions) / 1e6, 2)} |");
        }
        page.AppendLine();
    }

    /// <summary>MLPs in which almost no token gets a learner, next to the same launches with every learner.</summary>
    private static void Skewed(StringBuilder page, List<ForwardCounts> forwards)
    {
        page.AppendLine("## Layers that almost no token uses").AppendLine();
        page.AppendLine("A warp multiplies 16 rows at a time, so at batch 1 (197 rows) even two tokens issue 16 / 208 of a full layer's mma, and blocks whose other warps have no rows still copy the weights.");
        page.AppendLine("MLPs in which 8 % of the (token, learner) pairs or fewer are chosen; cost: up and down together, over the same launches with all learners. Weights of a learner that");
        page.AppendLine("any token needs are read whole, once for each tile of rows: that is what is left.").AppendLine();
        page.AppendLine("| batch | learners | layer | pairs chosen | mma | warp instructions | sectors | bytes touched |").AppendLine("| --- | --- | --- | --- | --- | --- | --- | --- |");
        foreach (ForwardCounts f in forwards.Where(static f => f.Budget != "1"))
        {
            ForwardCounts all = forwards.First(g => g.Batch == f.Batch && g.Budget == "1");
            for (int layer = 0; layer < f.Layers; layer++)
            {
                CountedLaunch[] mine = Mlp(f, layer), full = Mlp(all, layer);
                double pairs = mine.Sum(static l => l.Needs.Useful) / full.Sum(static l => l.Needs.Useful);
                if (pairs > 0.08)
                    continue;
                string Share(Func<CountedLaunch, double> of) => (100 * mine.Sum(of) / full.Sum(of)).ToString("0.0", CultureInfo.InvariantCulture) + " %";
                page.AppendLine($"| {f.Batch} | {Percent(f.Budget)} | {layer} | {N(100 * pairs, 1)} % | {Share(static l => l.Did.MatrixFlops)} | {Share(static l => l.Did.WarpInstructions)} | "
                    + $"{Share(static l => l.Sectors)} | {Share(static l => l.Unique)} |");
            }
        }
        page.AppendLine();

        static CountedLaunch[] Mlp(ForwardCounts f, int layer) => [.. f.Launches.Where(l => l.Needs.Layer == layer && l.Needs.What.EndsWith("mlp", StringComparison.Ordinal))];
    }

    private static void Bounds(StringBuilder page, List<ForwardCounts> devices)
    {
        page.AppendLine("## Lower bounds by device, 44 % of the learners").AppendLine();
        page.AppendLine("Microseconds of one forward if nothing but that resource were scarce: counts (tiles as chosen for the device) over the device's peak. Bounds, not times. No launch is");
        page.AppendLine("given more multiprocessors than it has blocks. DRAM: weights that some token needs, pixels, logits, at full bandwidth; activations are taken to stay in L2. L2: sectors at");
        page.AppendLine("its bandwidth. Shared: a wavefront a clock. Issue: four warp instructions a clock and multiprocessor. Launches: an assumed microsecond each. *In turn*: every launch's");
        page.AppendLine("own largest bound and its gap, summed. An H100's peak is that of wgmma, which these kernels do not use: mma.sync reaches about two thirds of it.").AppendLine();
        page.AppendLine("| device | batch | tensor math | DRAM | L2 | shared | issue | launches | binds | in turn |").AppendLine("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |");
        foreach (ForwardCounts f in devices)
        {
            Roofline bound = Roofline.Of(f);
            page.AppendLine($"| {f.Profile.Name} | {f.Batch} | {N(bound.Tensor, 0)} | {N(bound.Dram, 0)} | {N(bound.Cache, 0)} | {N(bound.Shared, 0)} | {N(bound.Issue, 0)} | {N(bound.Launches, 0)} | "
                + $"{bound.Binding.Name} | {N(bound.InTurn, 0)} |");
        }
        page.AppendLine();
    }

    internal static string N(double value, int digits) => value.ToString("F" + digits.ToString(CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);

    private static string Percent(string budget) => (double.Parse(budget, CultureInfo.InvariantCulture) * 100).ToString("0", CultureInfo.InvariantCulture) + " %";
}
