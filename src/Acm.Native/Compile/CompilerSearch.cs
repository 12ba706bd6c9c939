namespace Acm.Native.Compile;

/// <summary>A compiler, or why there is none, and what was tried.</summary>
/// <param name="Compiler">The first that works, or null.</param>
/// <param name="Attempts">Everything tried, in order.</param>
public sealed record CompilerSearchResult(IKernelCompiler? Compiler, IReadOnlyList<LoadAttempt> Attempts);

/// <summary>
/// Finds a compiler: NVRTC named by <c>ACM_NVRTC</c>, else on the loader's path or where the CUDA toolkit installs itself, else in the source
/// tree's unpacked compilers; clang otherwise.
/// </summary>
public static class CompilerSearch
{
    private static readonly Lazy<CompilerSearchResult> Found = new(Search);

    /// <summary>The machine's compiler. Looked for once per process.</summary>
    public static CompilerSearchResult Result => Found.Value;

    private static CompilerSearchResult Search()
    {
        List<LoadAttempt> attempts = [];
        foreach (string path in NvrtcCandidates())
        {
            NvrtcCompiler? nvrtc = NvrtcCompiler.TryOpen(path, out LoadAttempt attempt);
            attempts.Add(attempt);
            if (nvrtc is not null)
                return new(nvrtc, attempts);
        }
        foreach (string path in ClangCandidates())
        {
            ClangCompiler? clang = ClangCompiler.TryOpen(path, out LoadAttempt attempt);
            attempts.Add(attempt);
            if (clang is not null)
                return new(clang, attempts);
        }
        return new(null, attempts);
    }

    // Lazily: the unpacked compilers are asked for only where nothing is installed.
    private static IEnumerable<string> NvrtcCandidates()
    {
        string? named = Environment.GetEnvironmentVariable("ACM_NVRTC");
        if (!string.IsNullOrEmpty(named))
        {
            yield return named;
            yield break;
        }
        foreach (string name in Installed())
            yield return name;
        foreach (string path in SourceTreeCompilers.Nvrtc())
            yield return path;
    }

    /// <summary>Names on the loader's path, then the toolkit's own folder: its installer leaves that off the path, and says so.</summary>
    internal static IReadOnlyList<string> Installed(string toolkit = "/usr/local/cuda")
    {
        if (OperatingSystem.IsWindows())
            return ["nvrtc64_130_0.dll", "nvrtc64_120_0.dll"];
        string[] names = ["libnvrtc.so.13", "libnvrtc.so.12"];
        return [.. names, .. names.Select(name => Path.Combine(toolkit, "lib64", name))];
    }

    private static IEnumerable<string> ClangCandidates()
    {
        string? named = Environment.GetEnvironmentVariable("ACM_CLANG");
        return string.IsNullOrEmpty(named) ? ["clang", "clang-20", "clang-19", "clang-18", "clang-17", "clang-16", "clang-15", "clang-14"] : [named];
    }
}
