using System.Diagnostics;
using Acm.Native.Compile;

namespace Acm.Native.Tests.Compile;

/// <summary>What the tests' own program does when it is started as a process of its own: 16 threads compile the same kernels into one cache.</summary>
internal static class CacheChild
{
    public const int Kernels = 6;

    private const string Marker = "--cache-child";

    public static IEnumerable<CompileRequest> Requests() => Enumerable.Range(0, Kernels).Select(i => Compilers.Request() with { Defines = [$"VARIANT={i}"] });

    public static Process Start(string folder, string nvrtc) =>
        Process.Start(new ProcessStartInfo("dotnet", ["exec", typeof(CacheChild).Assembly.Location, Marker, folder, nvrtc]) { RedirectStandardOutput = true })!;

    public static int Main(string[] arguments)
    {
        if (arguments is not [Marker, string folder, string path])
            return 1;
        NvrtcCompiler nvrtc = NvrtcCompiler.TryOpen(path, out _)!;
        KernelCache cache = new(folder);
        CompileRequest[] requests = [.. Requests()];
        Parallel.For(0, 16, new() { MaxDegreeOfParallelism = 16 }, t =>
        {
            for (int i = 0; i < requests.Length; i++)
                if (cache.Get(requests[(i + t) % requests.Length], nvrtc).Image.Length == 0)
                    throw new InvalidOperationException("an empty kernel");
        });
        Console.WriteLine(cache.Compilations);
        return 0;
    }
}
