using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Acm.Simulator;

namespace Acm.Bench.Suites;

/// <summary>How fast the simulated device is: a dense product of a peer (Triton, 128x128x32 tiles, 8 warps) at the size of ViT-B's first MLP layer, batch 8.</summary>
internal static class SimulatorSuite
{
    private const int Rows = 1576, Depth = 768, Columns = 3072, Tile = 128, Shared = 49152;

    public static void Run(string peers, int rounds, int[] threads)
    {
        string ptx = File.ReadAllText(Path.Combine(peers, "dense_mlp", "up_bf16_128x128x32_w8s4.ptx"));
        var report = new Report("simulator", "The simulated device",
            $"`up_bf16_128x128x32_w8s4` of the peers at {Rows} x {Depth} x {Columns}: seconds of one launch, median of the rounds, fast and checked execution by turns in one process.",
            "execution", "threads", "seconds", "fastest", "M warp instructions/s", "mma GFLOP/s", "against fast", "rounds");
        foreach (int count in threads)
        {
            List<double> fast = [], strict = [];
            LaunchReport last = Once(ptx, ExecutionMode.Fast, count); // compiles the device's code
            for (int round = 0; round < rounds; round++)
            {
                fast.Add((last = Once(ptx, ExecutionMode.Fast, count)).Elapsed.TotalSeconds);
                if (round < (rounds + 1) / 2)
                    strict.Add(Once(ptx, ExecutionMode.Checked, count).Elapsed.TotalSeconds);
            }

            Line(report, "fast", count, fast, last, Median(fast));
            Line(report, "checked", count, strict, last, Median(fast));
        }

        report.Save();
    }

    private static void Line(Report report, string name, int threads, List<double> seconds, LaunchReport launch, double fast)
    {
        double median = Median(seconds);
        report.Add(name, $"{threads}", Report.Number(median), Report.Number(seconds.Min()), Report.Number(launch.Counters.WarpInstructions / median / 1e6),
            Report.Number(launch.Counters.MatrixFlops / median / 1e9), Report.Number(median / fast), $"{seconds.Count}");
    }

    private static double Median(List<double> values) => values.Order().ElementAt(values.Count / 2);

    private static LaunchReport Once(string ptx, ExecutionMode mode, int threads)
    {
        using SimulatedDevice device = new(new SimulatorOptions { Mode = mode, Threads = threads });
        using SimulatedModule module = device.Load(ptx);
        var random = new Random(3);
        byte[] parameters = new byte[64];
        ulong[] buffers = [Draw(Rows * Depth), Draw(Depth * Columns), Draw(Columns), device.Allocate(Rows * Columns * 2, "h")];
        for (int i = 0; i < buffers.Length; i++)
            BinaryPrimitives.WriteUInt64LittleEndian(parameters.AsSpan(8 * i), buffers[i]);
        int[] sizes = [Rows, Columns, Depth];
        for (int i = 0; i < sizes.Length; i++)
            BinaryPrimitives.WriteInt32LittleEndian(parameters.AsSpan(32 + (4 * i)), sizes[i]);
        int grid = (Rows + Tile - 1) / Tile * (Columns / Tile);
        return device.Launch(module.GetKernel("linear_kernel"), new Dim3(grid), new Dim3(256), Shared, parameters);

        ulong Draw(int count)
        {
            var values = new ushort[count];
            for (int i = 0; i < count; i++)
                values[i] = (ushort)(BitConverter.SingleToUInt32Bits(random.NextSingle() - 0.5f) >> 16);
            ulong address = device.Allocate((ulong)count * 2);
            device.Write(address, MemoryMarshal.AsBytes<ushort>(values));
            return address;
        }
    }
}
