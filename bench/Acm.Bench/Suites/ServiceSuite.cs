using System.Diagnostics;
using Acm.Runtime;

namespace Acm.Bench.Suites;

/// <summary>What a service meets besides steady speed: load, first call, memory allocated per call, many callers at once.</summary>
internal static class ServiceSuite
{
    public static void Run()
    {
        var report = new Report("service", "Load, first call, allocation, many callers", "ViT-S/16 with ACMs, random weights, free routing; all threads.", "what", "figure");
        VitShape shape = VitShape.Small;
        string package = RandomVit.Package(shape, acm: true);
        float[] pixels = new float[8 * shape.Pixels];
        var random = new Random(5);
        for (int i = 0; i < pixels.Length; i++)
            pixels[i] = 2 * random.NextSingle() - 1;

        // The first of all compiles the code; and a virtual machine may be given memory page by page as it first touches it.
        double empty = Megabytes();
        long began = Stopwatch.GetTimestamp();
        using var model = AcmModel.Load(package);
        using var session = model.CreateSession(new SessionOptions { Backend = BackendKind.Cpu, MaxBatch = 8 });
        ReportLoad(report, shape, "the first in the process", Stopwatch.GetElapsedTime(began).TotalMilliseconds);
        double loaded = Megabytes();
        report.Add("memory: loaded and packed", $"{Report.Number(loaded - empty, "0")} MB, {Report.Number(Size(shape) / 1e6, "0")} MB of file");

        session.WarmUp();
        var result = session.CreateResult();
        float[] one = pixels[..shape.Pixels];
        double first = Milliseconds(() => session.Run(ModelInput.Pixels(one), result));
        // Methods met often are compiled again beside the first seconds' work, on a core that the second thread then lacks.
        for (long start = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(start) < TimeSpan.FromSeconds(3);)
            session.Run(ModelInput.Pixels(one), result);
        double steady = Steady(() => session.Run(ModelInput.Pixels(one), result), 30);
        report.Add("first call after WarmUp over steady", $"{Report.Number(first / steady)} ({Report.Number(steady, "0.0")} ms steady)");

        // The second time: what is allocated once, by asking too, is none of a call's.
        long allocated = 0;
        for (int pass = 0; pass < 2; pass++)
        {
            long before = GC.GetTotalAllocatedBytes(precise: true);
            for (int i = 0; i < 100; i++)
                session.Run(ModelInput.Pixels(one), result);
            allocated = GC.GetTotalAllocatedBytes(precise: true) - before;
        }
        report.Add("bytes allocated per call", Report.Number(allocated / 100.0, "0.0"));

        double single = double.MaxValue;
        var batched = session.CreateResult();
        foreach (int batch in (int[])[1, 2, 4, 8])
        {
            float[] images = pixels[..(batch * shape.Pixels)];
            single = Math.Min(single, Steady(() => session.Run(ModelInput.Pixels(images), batched), 10) / batch);
        }
        double alone = Megabytes();
        report.Add("memory: runs at batches up to 8, one caller", $"{Report.Number(alone - loaded, "0")} MB");
        var latencies = new List<double>();
        double many = Callers(session, one, 8, 15, latencies);
        report.Add("8 callers: throughput over best single caller's", Report.Number(single / many));
        report.Add("8 callers: latency p50 / p99", $"{Report.Number(new Times("", [.. latencies]).Quantile(0.5), "0.0")} / {Report.Number(new Times("", [.. latencies]).Quantile(0.99), "0.0")} ms");
        report.Add("memory: 8 callers more", $"{Report.Number(Megabytes() - alone, "0")} MB");
        foreach (VitShape again in new[] { shape, VitShape.Base })
        {
            double[] loads = [.. Enumerable.Range(0, 6).Select(_ => Milliseconds(() =>
            {
                using var once = AcmModel.Load(RandomVit.Package(again, acm: true));
                using var open = once.CreateSession(new SessionOptions { Backend = BackendKind.Cpu, MaxBatch = 8 });
            }))];
            ReportLoad(report, again, again == shape ? "its second" : "its first", loads[0]);
            ReportLoad(report, again, "median of the next 5", new Times("", loads[1..]).Median);
        }
        report.Save();
    }

    private static void ReportLoad(Report report, VitShape shape, string which, double milliseconds)
    {
        report.Add($"load, checked and packed: {shape.Name}, {which}", $"{Report.Number(milliseconds, "0")} ms, {Report.Number(Size(shape) / 1e6 / milliseconds)} GB/s of file");
    }

    // Bytes of the weights' file.
    private static double Size(VitShape shape) => new FileInfo(Path.Combine(RandomVit.Package(shape, acm: true), "model.safetensors")).Length;

    // What the process holds beside files: what it has touched of it, where the system tells.
    private static double Megabytes()
    {
        GC.Collect();
        string? touched = OperatingSystem.IsLinux() ? File.ReadLines("/proc/self/status").FirstOrDefault(static line => line.StartsWith("RssAnon:", StringComparison.Ordinal)) : null;
        return touched is null ? Process.GetCurrentProcess().PrivateMemorySize64 / 1e6 : 1024 * double.Parse(touched.Split(' ', StringSplitOptions.RemoveEmptyEntries)[^2]) / 1e6;
    }

    // Milliseconds per image with several threads calling one session.
    private static double Callers(InferenceSession session, float[] image, int callers, int calls, List<double> latencies)
    {
        long start = 0;
        using var gate = new Barrier(callers, _ => start = Stopwatch.GetTimestamp());
        Thread[] threads = [.. Enumerable.Range(0, callers).Select(_ => new Thread(() =>
        {
            var result = session.CreateResult();
            session.Run(ModelInput.Pixels(image), result);
            gate.SignalAndWait();
            for (int i = 0; i < calls; i++)
            {
                double took = Milliseconds(() => session.Run(ModelInput.Pixels(image), result));
                lock (latencies)
                    latencies.Add(took);
            }
        }))];
        foreach (Thread thread in threads)
            thread.Start();
        foreach (Thread thread in threads)
            thread.Join();
        return Stopwatch.GetElapsedTime(start).TotalMilliseconds / (callers * calls);
    }

    private static double Steady(Action run, int calls) => new Times("", [.. Enumerable.Range(0, calls).Select(_ => Milliseconds(run))]).Median;

    private static double Milliseconds(Action run)
    {
        long start = Stopwatch.GetTimestamp();
        run();
        return Stopwatch.GetElapsedTime(start).TotalMilliseconds;
    }
}
