using Acm.Runtime.Backends.Cuda;
using Acm.Runtime.Plan;
using Acm.Simulator.Driver;

namespace Acm.Bench.Counts;

/// <summary>What a launch must do at least.</summary>
/// <param name="What">The kernel and whose work it does.</param>
/// <param name="Layer">Of the transformer; -1 outside the layers.</param>
/// <param name="Useful">Operations of the model's own products, two a multiply-add: no padding, no rows that nobody asked for.</param>
/// <param name="Unique">Different bytes that memory must give and take: each weight some token needs, each activation, once.</param>
/// <param name="Weights">Those of them that lie in memory before the forward begins or after it ends: weights, pixels, logits.</param>
/// <param name="Sectors">32-byte sectors that its tiles need: each tile on its own, each byte of it once.</param>
internal sealed record LaunchNeeds(string What, int Layer, double Useful, double Unique, double Weights, double Sectors);

/// <summary>Follows a run of the CUDA backend launch by launch, with the plan and the learner counts it was run with.</summary>
/// <param name="plan">The model.</param>
/// <param name="element">The run's precision.</param>
/// <param name="sequences">Sequences of the run.</param>
/// <param name="learnersOf">k of each token in an ACM.</param>
internal sealed class NeedsOfRun(ForwardPlan plan, ElementType element, int sequences, Func<AcmSite, ReadOnlyMemory<int>> learnersOf)
{
    private readonly int _length = plan.Tokens.RowsOf(1);
    private int _next;

    private int Tokens => sequences * _length;

    private int Bytes => element.Bytes();

    /// <summary>What each launch needs, in order.</summary>
    public IReadOnlyList<LaunchNeeds> Of(IReadOnlyList<KernelRun> runs)
    {
        List<LaunchNeeds> needs = [.. runs.Select(Of)];
        Skip();
        return _next == plan.Ops.Count ? needs : throw new InvalidOperationException($"{plan.Ops.Count - _next} ops of the plan had no launch, from {plan.Ops[_next]} on");
    }

    private LaunchNeeds Of(KernelRun run)
    {
        Skip();
        return run.Kernel switch
        {
            "patch" => Patch(Take<PatchEmbed>(), run),
            "norm_gate" => NormGate(plan.Ops[_next] as LayerNorm),
            "acm_up" => Up(Sites(run, keep: true), run),
            "acm_down" => Down(Sites(run, keep: false), run),
            "acm_project" => Project(Sites(run, keep: false), run),
            "dense" => Dense([.. Enumerable.Range(0, (int)run.Geometry.GridZ).Select(_ => Take<Linear>())], run),
            "attention" => Attention(Take<Attention>()),
            _ => throw new InvalidOperationException($"no account of {run.Kernel}"),
        };
    }

    private void Skip()
    {
        while (_next < plan.Ops.Count && plan.Ops[_next] is Tap or SelectFirst)
            _next++;
    }

    private T Take<T>() where T : Op => (T)plan.Ops[_next++];

    private AcmLayer[] Sites(KernelRun run, bool keep)
    {
        AcmLayer[] layers = [.. Enumerable.Range(_next, (int)run.Geometry.GridZ).Select(i => (AcmLayer)plan.Ops[i])];
        _next += keep ? 0 : layers.Length;
        return layers;
    }

    private static string Name(string kernel, AcmLayer[] layers) => $"{kernel}, {(layers.Length > 1 ? "q k v" : layers[0].Site.Kind[0] == 'm' ? "mlp" : "o")}";

    // ---- products

    private LaunchNeeds Patch(PatchEmbed op, KernelRun run)
    {
        int depth = op.Channels * op.PatchSize * op.PatchSize, width = op.Out.Width, patches = Tokens - sequences;
        TileShape tile = Shape(run, width);
        double sectors = 0;
        foreach (int rows in TileRows(Tokens, tile.M))
            sectors += width / (double)tile.N * (Sector(rows * depth * 4.0) + Sector(tile.N * (double)depth * Bytes) + (2 * Sector(rows * tile.N * 4.0)));
        double given = (patches * depth * 4.0) + ((double)depth * width * Bytes) + (_length * width * 4.0);
        return new("patch", -1, 2.0 * patches * depth * width, given + (Tokens * width * 4.0), given, sectors);
    }

    private LaunchNeeds Dense(Linear[] ops, KernelRun run)
    {
        (int depth, int width) = (ops[0].In.Width, ops[0].Out.Width);
        int rows = ops[0].In.Rows == RowSpace.Sequence ? sequences : Tokens, outBytes = ReferenceEquals(ops[0].Out, plan.Output) || ops[0].Residual is not null ? 4 : Bytes;
        int times = ops[0].Residual is null ? 1 : 2;
        TileShape tile = Shape(run, width);
        double sectors = 0;
        foreach (int r in TileRows(rows, tile.M))
            sectors += Pad(width, tile.N) / tile.N * (Sector(r * (double)depth * Bytes) + Sector(tile.N * (double)depth * Bytes) + Sector(tile.N * 4.0)) + (times * Sector(r * (double)width * outBytes));
        return new(ReferenceEquals(ops[0].Out, plan.Output) ? "dense, head" : "dense", -1, 2.0 * rows * depth * width * ops.Length,
            ops.Length * (((double)depth * width * Bytes) + (rows * (double)depth * Bytes / ops.Length) + (width * 4.0) + (times * rows * (double)width * outBytes)),
            ops.Length * (((double)depth * width * Bytes) + (width * 4.0)), sectors * ops.Length);
    }

    private LaunchNeeds Up(AcmLayer[] layers, KernelRun run)
    {
        double useful = 0, unique = 0, given = 0, sectors = 0;
        TileShape tile = Shape(run, layers[0].Site.Learners * layers[0].Site.LearnerSize);
        bool[] read = new bool[Tokens];
        foreach (AcmLayer layer in layers)
        {
            AcmSite site = layer.Site;
            (int[] rows, ReadOnlySpan<int> k) = Stairs(site);
            double rowBytes = site.InputWidth * (double)Bytes;
            useful += 2.0 * rows.Skip(1).Sum() * site.LearnerSize * site.InputWidth;
            for (int t = 0; t < k.Length; t++)
                read[t] |= k[t] > 0;
            int units = Most(rows) * site.LearnerSize;
            given += units * (rowBytes + 4);
            unique += (rows[1] * 4.0) + (rows.Skip(1).Sum() * (double)site.LearnerSize * Bytes);
            for (int column = 0; column < units; column += tile.N)
                foreach (int r in TileRows(rows[Math.Min(column / site.LearnerSize, site.Learners - 1) + 1], tile.M))
                    sectors += Sector(r * rowBytes) + Sector(tile.N * rowBytes) + Sector(r * 4) + Sector(tile.N * 4) + Sector(r * tile.N * (double)Bytes);
        }
        return new(Name("acm_up", layers), layers[0].Site.Layer, useful, given + unique + (read.Count(static r => r) * (double)layers[0].Site.InputWidth * Bytes), given, sectors);
    }

    private LaunchNeeds Down(AcmLayer[] layers, KernelRun run)
    {
        double useful = 0, unique = 0, given = 0, sectors = 0;
        TileShape tile = Shape(run, layers[0].Site.OutputWidth);
        foreach (AcmLayer layer in layers)
        {
            AcmSite site = layer.Site;
            (int[] rows, _) = Stairs(site);
            int pairs = rows.Skip(1).Sum(), stored = layer.Residual is null ? Tokens : rows[1], outBytes = layer.Residual is null ? Bytes : 8;
            useful += 2.0 * pairs * site.LearnerSize * site.OutputWidth;
            given += Most(rows) * site.LearnerSize * (double)site.OutputWidth * Bytes;
            unique += (pairs * (double)site.LearnerSize * Bytes) + (stored * 4.0) + (stored * (double)site.OutputWidth * outBytes);
            for (int first = 0; first < stored; first += tile.M)
            {
                int r = Math.Min(tile.M, stored - first), most = Enumerable.Range(1, site.Learners).Count(n => rows[n] > first);
                int terms = Enumerable.Range(1, site.Learners).Sum(n => Math.Clamp(rows[n] - first, 0, r)) * site.LearnerSize;
                sectors += Pad(site.OutputWidth, tile.N) / tile.N * (Sector(terms * (double)Bytes) + Sector(Pad(most * site.LearnerSize, tile.StageBytes / Bytes) * (double)tile.N * Bytes)
                    + Sector(r * 4) + Sector(r * (double)tile.N * outBytes));
            }
        }
        return new(Name("acm_down", layers), layers[0].Site.Layer, useful, given + unique, given, sectors);
    }

    private LaunchNeeds Project(AcmLayer[] layers, KernelRun run)
    {
        double useful = 0, unique = 0, given = 0, sectors = 0;
        bool[] read = new bool[Tokens];
        foreach (AcmLayer layer in layers)
        {
            AcmSite site = layer.Site;
            (int[] rows, ReadOnlySpan<int> k) = Stairs(site);
            double weights = site.LearnerSize * (double)(site.InputWidth + site.OutputWidth) * Bytes;
            int stored = layer.Residual is null ? Tokens : rows[1], outBytes = layer.Residual is null ? Bytes : 8, m = TileRowsOf(run);
            for (int t = 0; t < k.Length; t++)
                read[t] |= k[t] > 0;
            useful += 2.0 * rows.Skip(1).Sum() * site.LearnerSize * (site.InputWidth + site.OutputWidth);
            given += Most(rows) * (weights + (site.LearnerSize * 4.0));
            unique += (stored * 4.0) + (stored * (double)site.OutputWidth * outBytes);
            for (int first = 0; first < stored; first += m)
            {
                int r = Math.Min(m, stored - first), most = Enumerable.Range(1, site.Learners).Count(n => rows[n] > first);
                sectors += Sector(Math.Clamp(rows[1] - first, 0, r) * (double)site.InputWidth * Bytes) + Sector(most * weights) + Sector(r * 4) + Sector(most * site.LearnerSize * 4.0)
                    + Sector(r * (double)site.OutputWidth * outBytes);
            }
        }
        return new(Name("acm_project", layers), layers[0].Site.Layer, useful, given + unique + (read.Count(static r => r) * (double)layers[0].Site.InputWidth * Bytes), given, sectors);
    }

    // ---- the rest

    private LaunchNeeds NormGate(LayerNorm? norm)
    {
        _next += norm is null ? 0 : 1;
        Skip();
        AcmSite[] sites = _next < plan.Ops.Count && plan.Ops[_next] is Route route ? [.. route.Gates.Select(static g => g.Site)] : [];
        _next += sites.Length > 0 ? 1 : 0;
        int width = norm?.In.Width ?? sites[0].InputWidth, rows = norm is not null && norm.In.Rows == RowSpace.Sequence ? sequences : Tokens, blocks = (rows + 7) / 8;
        double moved = rows * (double)width * (norm is null ? Bytes : 4 + Bytes), parameters = norm is null ? 0 : width * 8.0;
        foreach (AcmSite site in sites)
        {
            parameters += Outputs(site) * width * 4.0;
            moved += (rows * 5.0) + ((site.Learners + 1) * 4.0);       // k, order, counts
        }
        return new(norm is null ? "gate" : sites.Length > 0 ? "norm and gates" : "norm", sites.Length > 0 ? sites[0].Layer : -1, 0, moved + parameters, parameters, Sector(moved) + (blocks * Sector(parameters)));

        static int Outputs(AcmSite site) =>
            site.Gate.Layers.Count == 1 || site.Gate.Activation == Activation.Identity ? site.Learners + 1 - site.MinK : site.Gate.Layers[0].Bias.Count;
    }

    private LaunchNeeds Attention(Attention op)
    {
        double row = op.Q.Width * (double)Bytes, queries = element == ElementType.Float32 ? 4 : 64;
        double tiles = Math.Ceiling(_length / queries);
        return new("attention", -1, 4.0 * sequences * _length * _length * op.Q.Width, Tokens * row * 4, 0, Sector(sequences * ((2 * _length * row) + (tiles * 2 * _length * row))));
    }

    // ---- words

    /// <summary>rows[n]: tokens that get n learners or more; rows[0]: all.</summary>
    private (int[] Rows, int[] K) Stairs(AcmSite site)
    {
        int[] k = learnersOf(site).ToArray();
        return ([.. Enumerable.Range(0, site.Learners + 1).Select(n => k.Count(v => v >= n))], k);
    }

    private static int Most(int[] rows) => Enumerable.Range(1, rows.Length - 1).Count(n => rows[n] > 0);

    private static IEnumerable<int> TileRows(int rows, int each)
    {
        for (int first = 0; first < rows; first += each)
            yield return Math.Min(each, rows - first);
    }

    private static double Sector(double bytes) => Math.Ceiling(bytes / 32);

    private static int Pad(int n, int to) => (n + to - 1) / to * to;

    /// <summary>The shape a GEMM was launched with: the only one of its block, its shared memory and its grid.</summary>
    private static TileShape Shape(KernelRun run, int columns) => TileShape.Candidates.Append(TileShape.Plain).Single(shape =>
        shape.Threads == run.Geometry.BlockX && shape.SharedBytes == run.Geometry.SharedBytes && shape.N == WeightPacking.Pad64(columns) / run.Geometry.GridY);

    private int TileRowsOf(KernelRun run) => ProjectChoice.Candidates.First(shape => (Tokens + shape.M - 1) / shape.M == run.Geometry.GridX).M;
}
