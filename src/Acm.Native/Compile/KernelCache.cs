using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Acm.Native.Compile;

/// <summary>
/// Compiled kernels on disk, one file each, shared by threads and processes. A miss compiles, writes the file in a temporary folder, flushes it to the disk
/// and renames it into place: whoever loses that race discards its own. A corrupt file is a miss; a folder that cannot be written
/// still yields kernels. Killing a process at any point leaves at most a temporary file, swept a day later.
/// </summary>
public sealed class KernelCache
{
    private const string Extension = ".kernel";

    private readonly ConcurrentDictionary<string, Lazy<CompiledKernel>> _inProcess = new(StringComparer.Ordinal);
    private readonly IReadOnlyList<string> _prebuilt;
    private int _compilations;
    private int _swept;

    /// <summary>Makes a cache over a folder.</summary>
    /// <param name="folder">Where the kernels are; made when first needed.</param>
    /// <param name="prebuilt">Folders of the same form that are only read: what a package carries along.</param>
    public KernelCache(string folder, params IReadOnlyList<string> prebuilt) => (Folder, _prebuilt) = (folder, prebuilt);

    /// <summary>
    /// The user's cache: <c>ACM_KERNEL_CACHE</c>, else <c>kernels</c> in the user's cache folder; with it, what lies in <c>prebuilt-kernels</c> beside the program.
    /// </summary>
    public static KernelCache Default { get; } = new(DefaultFolder(), Path.Combine(AppContext.BaseDirectory, "prebuilt-kernels"));

    /// <summary>Where the kernels are.</summary>
    public string Folder { get; }

    /// <summary>How many compilations this cache has started in this process.</summary>
    public int Compilations => _compilations;

    /// <summary>Why a kernel could not be kept, the last that could not; null where all were.</summary>
    public string? LastWriteError { get; private set; }

    /// <summary>The compiled kernel: from this process, from disk, or compiled now. Compiled at most once per process.</summary>
    /// <param name="request">What to compile.</param>
    /// <param name="compiler">With what; null where there is no compiler and only prebuilt kernels serve, whoever compiled them.</param>
    /// <exception cref="KernelCompilationException">The source does not compile.</exception>
    /// <exception cref="CudaUnavailableException">There is no compiler, and the kernel is not prebuilt.</exception>
    public CompiledKernel Get(CompileRequest request, IKernelCompiler? compiler)
    {
        string key = $"{RequestKey(request)}-{(compiler is null ? "any" : Hash(compiler.Name)[..16])}";
        Lazy<CompiledKernel> entry = _inProcess.GetOrAdd(key, k => new(() => Load(k, request, compiler)));
        try
        {
            return entry.Value;
        }
        catch
        {
            // A failure is not remembered: what was wrong may be mended by the next call.
            _inProcess.TryRemove(new(key, entry));
            throw;
        }
    }

    /// <summary>Everything in the cache that can be read, with its file.</summary>
    public IEnumerable<(string File, CompiledKernel Kernel, string Request)> List()
    {
        foreach (string folder in _prebuilt.Prepend(Folder).Where(Directory.Exists))
            foreach (string file in Directory.EnumerateFiles(folder, "*" + Extension).Order(StringComparer.Ordinal))
                if (KernelFile.Read(file) is var (kernel, request))
                    yield return (file, kernel, request);
    }

    private static string DefaultFolder()
    {
        string? named = Environment.GetEnvironmentVariable("ACM_KERNEL_CACHE");
        return string.IsNullOrEmpty(named) ? Path.Combine(UserCache.Root, "kernels") : named;
    }

    private CompiledKernel Load(string key, CompileRequest request, IKernelCompiler? compiler)
    {
        if (compiler is null)
            return Ahead(request)
                ?? throw new CudaUnavailableException(new(CudaUnavailableReason.NoLibrary, $"{request} is not prebuilt and there is no compiler",
                "install NVRTC (pip install nvidia-cuda-nvrtc-cu12, or the CUDA toolkit) or set ACM_NVRTC to its path", CompilerSearch.Result.Attempts));
        foreach (string folder in _prebuilt.Prepend(Folder))
            if (KernelFile.Read(Path.Combine(folder, key + Extension)) is var (kernel, _))
                return kernel;
        Interlocked.Increment(ref _compilations);
        CompiledKernel compiled = compiler.Compile(request);
        Keep(key, compiled, request);
        return compiled;
    }

    /// <summary>What was compiled ahead, by whichever compiler, for the architecture asked for or else the nearest whose PTX it runs; null: nothing.</summary>
    internal CompiledKernel? Ahead(CompileRequest request) => Equivalents(request).Select(AnyCompilers).FirstOrDefault(static kernel => kernel is not null);

    // What a device that a binary is asked for runs as well: PTX of its architecture, or of an older one.
    private static IEnumerable<CompileRequest> Equivalents(CompileRequest request) =>
        request.Kind == KernelImageKind.Cubin && int.TryParse(request.Architecture, CultureInfo.InvariantCulture, out int capability)
            ? PtxVersion.ArchitecturesFor(capability).Select(older => request with { Architecture = older, Kind = KernelImageKind.Ptx }).Prepend(request)
            : [request];

    private CompiledKernel? AnyCompilers(CompileRequest request)
    {
        string files = RequestKey(request) + "-*" + Extension;
        return _prebuilt.Prepend(Folder).Where(Directory.Exists).SelectMany(folder => Directory.EnumerateFiles(folder, files).Order(StringComparer.Ordinal))
            .Select(static file => KernelFile.Read(file)?.Kernel).FirstOrDefault(static kernel => kernel is not null);
    }

    private void Keep(string key, CompiledKernel kernel, CompileRequest request)
    {
        string? mine = null;
        string place = Path.Combine(Folder, key + Extension);
        try
        {
            string temporary = Path.Combine(Folder, "tmp");
            Directory.CreateDirectory(temporary);
            Sweep(temporary);
            mine = Path.Combine(temporary, $"{Environment.ProcessId}-{Guid.NewGuid():n}");
            KernelFile.Write(mine, kernel, request.ToString());
            // What is there and sound is as good as ours; what is corrupt has to go.
            File.Move(mine, place, overwrite: KernelFile.Read(place) is null);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            // Whoever was faster wrote the same kernel: that ours was not taken is no failure.
            if (KernelFile.Read(place) is null)
                LastWriteError = e.Message;
            Discard(mine);
        }
    }

    private void Sweep(string temporary)
    {
        if (Interlocked.Exchange(ref _swept, 1) != 0)
            return;
        foreach (string file in Directory.EnumerateFiles(temporary))
            if (File.GetLastWriteTimeUtc(file) < DateTime.UtcNow.AddDays(-1))
                Discard(file);
    }

    private static void Discard(string? file)
    {
        try
        {
            if (file is not null)
                File.Delete(file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Debug.WriteLine(e);
        }
    }

    /// <summary>Everything that decides the result, except the compiler.</summary>
    private static string RequestKey(CompileRequest request)
    {
        StringBuilder all = new();
        Part("acm kernel 1");
        Part(request.Architecture);
        Part(request.Kind.ToString());
        Parts(request.Defines);
        Parts(request.Options);
        Parts(request.Names);
        Part(request.Source.Name);
        Part(request.Source.Text);
        Parts([.. request.Source.Includes.OrderBy(i => i.Key, StringComparer.Ordinal).SelectMany(i => new[] { i.Key, i.Value })]);
        return Hash(all.ToString());

        // Lengths first, so that no two lists run into the same text.
        void Part(string text) => all.Append(text.Length).Append(':').Append(text);
        void Parts(IReadOnlyList<string> texts)
        {
            all.Append(texts.Count).Append('[');
            foreach (string text in texts)
                Part(text);
        }
    }

    private static string Hash(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));
}
