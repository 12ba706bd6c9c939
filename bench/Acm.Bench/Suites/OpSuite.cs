using System.Diagnostics;
using Acm.Runtime;
using Acm.Runtime.Backends;
using Acm.Runtime.Backends.Cpu;
using Acm.Runtime.Plan;

namespace Acm.Bench.Suites;

/// <summary>Where a forward's time goes: every step of the CPU backend timed, grouped by what it does, against its multiply-adds or its bytes.</summary>
internal static class OpSuite
{
    public static void Run(double seconds, VitShape[] shapes, int[] batches, int[] threads, string? only = null)
    {
        var report = new Report("ops", "Op by op",
            "Time of every step of the forward, medians over runs, summed over steps of one kind. Multiply-adds for products; for the rest, bytes read and written. "
            + "Peak share: of fused multiply-adds in registers, all threads, measured in the same process. `left` is what remains of the whole: copying in and out, and the clock.",
            "model", "budget", "batch", "threads", "op", "steps", "ms", "share", "GFLOP/s", "of peak", "GB/s");
        foreach (VitShape shape in shapes)
            foreach (int batch in batches)
                foreach (int count in threads)
                    foreach (string budget in (string[])["dense", "0.25", "0.44", "1", "free"])
                        if (only is null || only == budget)
                            One(report, shape, budget == "dense" ? null : budget, batch, count, seconds);
        report.Save();
    }

    private static void One(Report report, VitShape shape, string? budget, int batch, int threads, double seconds)
    {
        using var model = AcmModel.Load(RandomVit.Package(shape, acm: budget is not null));
        int tokens = batch * shape.Tokens;
        Dictionary<string, ReadOnlyMemory<int>>? forced = budget is null or "free" ? null : RealRouting.For(model, shape.Layers, budget, tokens);
        ReadOnlyMemory<int>?[] byIndex = [.. model.Plan.Sites.Select(site => forced?[site.Path])];
        int[] lengths = [.. Enumerable.Repeat(1, batch)], choices = new int[model.Plan.Sites.Count * tokens];
        var random = new Random(3);
        float[] pixels = [.. Enumerable.Range(0, batch * shape.Pixels).Select(_ => 2 * random.NextSingle() - 1)], output = new float[batch * shape.Labels];
        double peak = FmaPeak.Measure() * threads;

        using var backend = new CpuBackend(model.Plan, threads);
        using var forward = new CpuForward(backend);
        int steps = backend.Steps.Length;
        var samples = new List<double[]>();
        var wholes = new List<double>();
        long began = Stopwatch.GetTimestamp();
        for (int run = -3; run < 5 || Stopwatch.GetElapsedTime(began).TotalSeconds < seconds; run++)
        {
            forward.StepTicks = new long[steps];
            long start = Stopwatch.GetTimestamp();
            forward.Run(new ForwardRun
            {
                Lengths = lengths, Values = pixels, Routing = forced is null ? RoutingRule.AsTrained : new RoutingRule(0, null, byIndex),
                Output = output, Choices = choices,
            });
            double whole = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
            if (run < 0)
                continue;
            samples.Add([.. forward.StepTicks.Select(static ticks => 1000.0 * ticks / Stopwatch.Frequency)]);
            wholes.Add(whole);
        }
        double all = new Times("", [.. wholes]).Median, left = all;
        var groups = backend.Steps.Select((step, i) => (Cost: OpCost.Of(step.Ops, model.Plan, batch, choices, tokens), Time: new Times("", [.. samples.Select(sample => sample[i])]).Median))
            .GroupBy(static step => step.Cost.Name);
        foreach (var group in groups)
        {
            double time = group.Sum(static step => step.Time), macs = group.Sum(static step => step.Cost.Macs), bytes = group.Sum(static step => step.Cost.Bytes);
            double speed = 2e-6 * macs / time;
            left -= time;
            Line(group.Key, group.Count(), time, macs > 0 ? Report.Number(speed, "0") : "", macs > 0 ? Report.Number(speed / peak, "0 %") : "",
                macs > 0 ? "" : Report.Number(1e-6 * bytes / time, "0.0"));
        }
        Line("left", 0, left, "", "", "");
        double sum = groups.SelectMany(static group => group).Sum(static step => step.Cost.Macs);
        Line("whole", steps, all, Report.Number(2e-6 * sum / all, "0"), Report.Number(2e-6 * sum / all / peak, "0 %"), "");

        void Line(string op, int count, double time, string speed, string share, string bandwidth) => report.Add(
            shape.Name, budget ?? "dense", $"{batch}", $"{threads}", op, $"{count}", Report.Number(time), Report.Number(time / all, "0.0 %"), speed, share, bandwidth);
    }
}

/// <summary>What an op's time is held against.</summary>
internal readonly record struct OpCost(string Name, double Macs, double Bytes)
{
    /// <summary>Of ops that are one step.</summary>
    public static OpCost Of(IReadOnlyList<Op> ops, ForwardPlan plan, int batch, int[] choices, int tokens)
    {
        OpCost[] parts = [.. ops.Select(op => Of(op, plan, batch, choices, tokens))];
        string[] names = [.. parts.Select(static part => part.Name)];
        string name = names.Length > 1 && names.Distinct().Count() == 1 ? $"{names.Length} of {names[0]}" : string.Join(" + ", names).Replace(" + acm", ",", StringComparison.Ordinal);
        return new(name, parts.Sum(static part => part.Macs), parts.Sum(static part => part.Bytes));
    }

    /// <param name="op">The op.</param>
    /// <param name="plan">Its plan, of one row space besides the sequences'.</param>
    /// <param name="batch">Sequences, of length 1.</param>
    /// <param name="choices">[sites, tokens].</param>
    /// <param name="tokens">Rows of the whole batch.</param>
    private static OpCost Of(Op op, ForwardPlan plan, int batch, int[] choices, int tokens) => op switch
    {
        PatchEmbed o => new("patches", (double)(tokens - batch) * o.Weight.Count, 0),
        Linear o => new($"linear {o.In.Width} x {o.Out.Width}", (double)batch * o.Out.Rows.RowsOf(1) * o.Weight.Count, 0),
        AcmLayer o => new($"acm {o.Site.Kind}", (double)Learners(plan, o.Site, choices, tokens) * o.Site.MacsPerLearner, 0),
        Attention o => new("attention", 2.0 * batch * o.Q.Rows.RowsOf(1) * o.Q.Rows.RowsOf(1) * o.Q.Width, 0),
        LayerNorm o => new("norm", 0, 8.0 * batch * o.In.Rows.RowsOf(1) * o.In.Width),
        // Gates read their rows once, whatever their own few products cost.
        Route o => new("route", 0, 4.0 * tokens * o.In.Width),
        Tap => new("other", 0, 0),
        _ => new("other", 0, 0),
    };

    private static long Learners(ForwardPlan plan, AcmSite site, int[] choices, int tokens)
    {
        int index = plan.Sites.ToList().IndexOf(site);
        return choices.AsSpan(index * tokens, tokens).ToArray().Sum(static k => (long)k);
    }
}
