using System.Text;
using System.Text.Json;
using Acm.Native.Compile;
using Acm.Runtime;
using Acm.Runtime.Backends.Cuda;
using Acm.Simulator.Counters;

namespace Acm.Bench.Counts;

/// <summary>Our two kernels of an MLP next to the peers' (shared/peers): same tokens, same k, same device, results compared first.</summary>
internal static class PeerCounts
{
    private const int Tokens = 8 * 197, Slots = 4;
    private const int Width = MlpProblem.Width, Size = MlpProblem.Size, Units = MlpProblem.Units, Learners = MlpProblem.Learners;

    // Source layers whose mean share is 44 %, as that of all six.
    private static readonly int[] SourceLayers = [1, 2];

    // Tiles as the model of time chooses them, and as large as the peers'.
    private static readonly TileShape?[] Ours = [null, new TileShape(128, 128, 64, 64, 64, 4)];

    private static string Name(TileShape? tile) => tile is { } t ? $"{t.M} x {t.N}" : "as chosen";

    public static void Write(StringBuilder page)
    {
        if (CompilerSearch.Result.Compiler is not { } compiler)
            throw new InvalidOperationException("Counting our kernels needs a compiler: see `acm doctor`.");
        page.AppendLine("## Side by side with other designs").AppendLine();
        page.AppendLine($"The MLP of ViT-B/16, {Tokens} tokens, 4 learners x 768, means of two layers' real routing at the 44 % budget; dense: all learners. Peers: Triton kernels of shared/peers");
        page.AppendLine("(see its README for what they are), sm_80 PTX on the same simulated A100. Each peer's small case was checked first, and at this size its result against ours. Sorting tokens is");
        page.AppendLine("left out for everyone. *zeroed*: bytes that must be cleared before the launches.").AppendLine();
        page.AppendLine("| kernels | type | mma GFLOP | useful / issued | sectors, M | MB touched | shared wavefronts, M | warp instructions, M | launches | MB zeroed | atomics, M |");
        page.AppendLine("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |");
        foreach (ElementType type in new[] { ElementType.BFloat16, ElementType.Float16 })
        {
            List<(string Name, LaunchCounters Counters, long Zeroed, double Useful, int Times)> rows = [];
            foreach (int layer in SourceLayers)
            {
                int[] k = Routing(layer);
                double useful = 4.0 * k.Sum() * Size * Width;
                using MlpProblem problem = new(k, type);
                float[] y = [];
                foreach (TileShape? tile in Ours)
                {
                    (LaunchCounters ours, y) = problem.Ours(compiler, tile);
                    Add($"ours, 44 %, tiles {Name(tile)}", ours, 0, useful);
                }
                foreach (string name in type == ElementType.BFloat16 ? ["experts_atomic_acm_bf16_up128x64x64w4s4_down128x128x32w8s3"] : new[] { "experts_atomic_acm_f16_up64x64x64w4s4_down64x128x32w4s4" })
                    Add(name, Atomic(problem, new PeerKernels("experts_atomic", name), y), Tokens * Width * 2L, useful);
                if (type == ElementType.BFloat16)
                    foreach (string name in new[] { "experts_pairs_bf16_64x64x32_w4s3", "experts_pairs_bf16_128x128x32_w8s4" })
                        Add(name, Pairs(problem, new PeerKernels("experts_pairs", name), y), 0, useful);
            }
            using MlpProblem all = new([.. Enumerable.Repeat(Learners, Tokens)], type);
            float[] dense = [];
            foreach (TileShape? tile in Ours)
            {
                (LaunchCounters whole, dense) = all.Ours(compiler, tile);
                Add($"ours, all learners, tiles {Name(tile)}", whole, 0, 4.0 * Tokens * Units * Width);
            }
            string peer = type == ElementType.BFloat16 ? "dense_bf16_128x128x32_w8s4" : "dense_f16_128x128x32_w4s4";
            Add(peer, Dense(all, new PeerKernels("dense_mlp", peer), dense), 0, 4.0 * Tokens * Units * Width);
            foreach (var (name, c, zeroed, sum, times) in rows)
            {
                page.AppendLine($"| {name} | {(type == ElementType.BFloat16 ? "bf16" : "fp16")} | {Mean(c.MatrixFlops, 1e9, 2)} | {CountsPage.N(sum / c.MatrixFlops, 3)} | {Mean(c.GlobalLoadSectors + c.GlobalStoreSectors, 1e6, 2)} | "
                    + $"{Mean(c.UniqueBytesRead + c.UniqueBytesWritten, 1e6, 1)} | {Mean(c.SharedWavefronts, 1e6, 2)} | {Mean(c.WarpInstructions, 1e6, 2)} | {c.Launches / times} | {CountsPage.N(zeroed / 1e6, 1)} | {Mean(c.Atomics, 1e6, 2)} |");

                string Mean(long count, double unit, int digits) => CountsPage.N(count / unit / times, digits);
            }

            void Add(string name, LaunchCounters counters, long zeroed, double useful)
            {
                Console.Error.WriteLine($"{name}, {type}: {counters.MatrixFlops / 1e9:F2} GFLOP issued");
                int at = rows.FindIndex(r => r.Name == name);
                if (at < 0)
                {
                    rows.Add((name, counters, zeroed, useful, 1));
                    return;
                }
                var (_, before, _, sum, times) = rows[at];
                before.Add(counters);
                rows[at] = (name, before, zeroed, sum + useful, times + 1);
            }
        }
        page.AppendLine();
        (TileShape up, TileShape down) = MlpProblem.Chosen(Tokens);
        page.AppendLine($"Tiles as chosen are {Name(up)} and {Name(down)}: enough blocks for 108 multiprocessors, at the price of sectors and wavefronts, since a smaller tile reads more for what it multiplies. With 128 x 128");
        page.AppendLine("tiles, the peers' own size, ours is ahead of every peer in every column (bytes touched by the dense MLP: the same, all compulsory).");
    }

    private static int[] Routing(int layer)
    {
        using SafeTensorsFile file = SafeTensorsFile.Open(Path.Combine(Repo.Shared, "bench", "k-vit-chars.safetensors"));
        byte[] counts = file.Get($"0.44.encoder.layers.encoder_layer_{layer}.mlp").Bytes.ToArray();
        return [.. Enumerable.Range(0, Tokens).Select(t => (int)counts[(145 + t) % counts.Length])];
    }

    private static LaunchCounters Dense(MlpProblem problem, PeerKernels peer, float[] want)
    {
        peer.Check();
        ulong y = problem.Allocate("y", Tokens * Width * 2L);
        Dictionary<string, ulong> values = new()
        {
            ["x"] = problem.Upload("x", Tokens * Width, problem.X), ["h"] = problem.Allocate("h", Tokens * (long)Units * 2), ["y"] = y, ["M"] = Tokens,
            ["w1"] = problem.Upload("w1", Width * Units, i => problem.W1(i / Units, i % Units)), ["w2"] = problem.Upload("w2", Units * Width, i => problem.W2(i / Width, i % Width)),
            ["b1"] = problem.Upload("b1", Units, static _ => 0),
        };
        LaunchCounters counters = peer.Run(problem.Device, (launch, m, n) =>
        {
            (int columns, int depth) = launch == 0 ? (Units, Width) : (Width, Units);
            return (new(Blocks(Tokens, m) * Blocks(columns, n)), new Dictionary<string, ulong>(values) { ["N"] = (ulong)columns, ["K"] = (ulong)depth });
        });
        return Agree(peer, counters, problem.Read(y), want);
    }

    private static LaunchCounters Atomic(MlpProblem problem, PeerKernels peer, float[] want)
    {
        peer.Check();
        int[] rows = new int[Learners * Tokens], count = new int[Learners];
        for (int t = 0; t < Tokens; t++)
            for (int e = 0; e < problem.K[t]; e++)
                rows[(e * Tokens) + count[e]++] = t;
        ulong y = problem.Allocate("y", Tokens * Width * 2L);
        problem.Device.Fill(y, 0, 1, Tokens * Width * 2);
        Dictionary<string, ulong> values = new()
        {
            ["x"] = problem.Upload("x", Tokens * Width, problem.X), ["h"] = problem.Allocate("h", Tokens * (long)Units * 2), ["y"] = y, ["T"] = Tokens, ["D"] = Width, ["E"] = Size,
            ["w1"] = problem.Upload("w1", Width * Units, i => problem.W1(i / Size % Width, (i / (Size * Width) * Size) + (i % Size))),
            ["w2"] = problem.Upload("w2", Units * Width, i => problem.W2(i / Width, i % Width)), ["b1"] = problem.Upload("b1", Units, static _ => 0),
            ["rows"] = problem.Upload<int>("rows", rows), ["count"] = problem.Upload<int>("count", count),
        };
        LaunchCounters counters = peer.Run(problem.Device, (launch, m, n) => (new(Blocks(Tokens, m) * Blocks(launch == 0 ? Size : Width, n), Learners), values));
        return Agree(peer, counters, problem.Read(y), want);
    }

    private static LaunchCounters Pairs(MlpProblem problem, PeerKernels peer, float[] want)
    {
        peer.Check();
        int pairs = Tokens * Slots;
        ulong y = problem.Allocate("y", Tokens * Width * 2L);
        Dictionary<string, ulong> common = new()
        {
            ["x"] = problem.Upload("x", Tokens * Width, problem.X), ["h"] = problem.Allocate("h", pairs * (long)Size * 2), ["c"] = problem.Allocate("c", pairs * (long)Width * 2), ["y"] = y,
            ["w1"] = problem.Upload("w1", Units * Width, i => problem.W1(i % Width, i / Width)),
            ["w2"] = problem.Upload("w2", Units * Width, i => problem.W2((i / (Size * Width) * Size) + (i % Size), i / Size % Width)),
            ["b1"] = problem.Upload("b1", Units, static _ => 0), ["P"] = (ulong)pairs, ["k"] = problem.Upload<int>("k", problem.K),
            ["slot"] = problem.Upload<int>("slot", [.. Enumerable.Range(0, pairs).Select(p => p % Slots < problem.K[p / Slots] ? p % Slots : -1)]),
        };
        int tileRows = 0;
        LaunchCounters counters = peer.Run(problem.Device, (launch, m, n) =>
        {
            if (launch == 0)
                tileRows = Sort(m);
            return launch switch
            {
                0 => (new(tileRows * Blocks(Size, n)), new Dictionary<string, ulong>(common) { ["N"] = Size, ["K"] = Width, ["GRID_ROWS"] = (ulong)tileRows }),
                1 => (new(pairs, Blocks(Size, 256)), new Dictionary<string, ulong>(common) { ["N"] = Size }),
                2 => (new(tileRows * Blocks(Width, n)), new Dictionary<string, ulong>(common) { ["N"] = Width, ["K"] = Size, ["GRID_ROWS"] = (ulong)tileRows }),
                _ => (new(Tokens, Blocks(Width, 256)), new Dictionary<string, ulong>(common) { ["N"] = Width }),
            };
        });
        return Agree(peer, counters, problem.Read(y), want);

        // Pairs by expert, each run filled up to whole tiles; rows of the worst case's grid.
        int Sort(int m)
        {
            int worst = Blocks(pairs + (Learners * (m - 1)), m);
            List<int> sorted = [], experts = [];
            for (int e = 0; e < Learners; e++)
            {
                int before = sorted.Count;
                sorted.AddRange(Enumerable.Range(0, Tokens).Where(t => problem.K[t] > e).Select(t => (t * Slots) + e));
                while (sorted.Count % m != 0)
                    sorted.Add(pairs);
                experts.AddRange(Enumerable.Repeat(e, (sorted.Count - before) / m));
            }
            common["n_padded"] = problem.Upload<int>("n_padded", [sorted.Count]);
            common["pair"] = problem.Upload<int>("pair", [.. sorted, .. Enumerable.Repeat(pairs, (worst * m) - sorted.Count)]);
            common["block_expert"] = problem.Upload<int>("block_expert", [.. experts, .. new int[worst - experts.Count]]);
            return worst;
        }
    }

    private static int Blocks(int count, int each) => (count + each - 1) / each;

    private static LaunchCounters Agree(PeerKernels peer, LaunchCounters counters, float[] got, float[] want)
    {
        double off = 0, all = 0;
        for (int i = 0; i < want.Length; i++)
            (off, all) = (off + Math.Pow(got[i] - want[i], 2), all + Math.Pow(want[i], 2));
        return Math.Sqrt(off / all) < 0.02 ? counters : throw new InvalidDataException($"{peer.Name} and ours differ by {Math.Sqrt(off / all):E2}");
    }
}
