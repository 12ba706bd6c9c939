using System.Diagnostics;
using System.Globalization;
using Acm.Bench.Counts;
using Acm.Native.Compile;
using Acm.Runtime;
using Acm.Runtime.Backends.Cuda;
using Acm.Simulator;

namespace Acm.Bench.Kernels;

/// <summary>Times of getting all kernels of a model's forward at batch 1, as cubins for sm_80: compiled on two threads, and from the cache's folder. The driver's own load is not in them.</summary>
internal static class LoadReport
{
    private const int ColdRounds = 5, WarmRounds = 21;

    /// <summary>Prints a table.</summary>
    public static int Run()
    {
        if (CompilerSearch.Result.Compiler is not { } compiler)
        {
            Console.Error.WriteLine("Loading kernels needs a compiler: see `acm doctor`.");
            return 3;
        }
        Console.WriteLine($"{compiler.Name}, {Environment.ProcessorCount} processors\n");
        Console.WriteLine($"| model | precision | kernels | compiled, ms (median of {ColdRounds}) | from the cache, ms (median of {WarmRounds}) |\n| --- | --- | --- | --- | --- |");
        foreach (VitShape shape in new[] { VitShape.Chars, VitShape.Base })
            foreach (Precision precision in new[] { Precision.Float32, Precision.BFloat16 })
            {
                CompileRequest[] requests = Requests(shape, precision);
                List<double> cold = [], warm = [];
                for (int round = 0; round < ColdRounds; round++)
                {
                    string folder = Directory.CreateTempSubdirectory("acm-load-").FullName;
                    try
                    {
                        cold.Add(Milliseconds(requests, new KernelCache(folder), compiler));
                        for (int again = 0; again < (WarmRounds + ColdRounds - 1) / ColdRounds; again++)
                            warm.Add(Milliseconds(requests, new KernelCache(folder), compiler));
                    }
                    finally
                    {
                        Directory.Delete(folder, recursive: true);
                    }
                }
                Console.WriteLine($"| {shape.Name} | {precision} | {requests.Length} | {Median(cold)} | {Median(warm.Take(WarmRounds))} |");
            }
        return 0;
    }

    private static CompileRequest[] Requests(VitShape shape, Precision precision)
    {
        using AcmModel model = AcmModel.Load(RandomVit.Package(shape, acm: true));
        using CountedModel device = new(model, DeviceProfile.A100, precision, batch: 1);
        return [.. device.Backend.Kernels.Asked.Select(static asked =>
            new CompileRequest(KernelSources.Get(asked.Family + ".cu"), "80", KernelImageKind.Cubin) { Defines = asked.Defines })];
    }

    private static double Milliseconds(CompileRequest[] requests, KernelCache cache, IKernelCompiler compiler)
    {
        long start = Stopwatch.GetTimestamp();
        Parallel.ForEach(requests, new ParallelOptions { MaxDegreeOfParallelism = 2 }, request => cache.Get(request, compiler));
        return Stopwatch.GetElapsedTime(start).TotalMilliseconds;
    }

    private static string Median(IEnumerable<double> times)
    {
        double[] sorted = [.. times.Order()];
        return sorted[sorted.Length / 2].ToString("F1", CultureInfo.InvariantCulture);
    }
}
