using System.Collections.Concurrent;
using Acm.Native;
using Acm.Native.Compile;

namespace Acm.Runtime.Backends.Cuda;

/// <summary>The kernels of one context, compiled or taken from the cache when first asked for, all of a model's at once on several threads.</summary>
internal sealed class KernelLibrary : IDisposable
{
    // The first driver whose graphs have programmatic edges: one before it has nothing to make of such a launch in a capture.
    private const int FirstWithProgrammaticEdges = 12030;

    private readonly CudaContext _context;
    private readonly KernelCache _cache;
    private readonly IKernelCompiler? _compiler;
    private readonly string _architecture;
    private readonly KernelImageKind _kind;
    private readonly ConcurrentDictionary<string, Lazy<CudaModule>> _modules = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<CudaModule, bool> _waiting = [];
    private readonly ConcurrentDictionary<string, (string Family, string[] Defines)> _asked = new(StringComparer.Ordinal);

    /// <param name="context">Where modules are loaded.</param>
    /// <param name="cache">Where they come from.</param>
    /// <param name="compiler">What makes those it lacks, if anything.</param>
    /// <param name="architecture">What to ask for.</param>
    /// <param name="kind">In which form.</param>
    /// <param name="oneTile">Whether to get along with the tile shape there is without a compiler, although there is one.</param>
    public KernelLibrary(CudaContext context, KernelCache cache, IKernelCompiler? compiler, string architecture, KernelImageKind kind, bool oneTile)
    {
        (_context, _cache, _compiler, _architecture, _kind) = (context, cache, compiler, architecture, kind);
        OnlyTile = oneTile || compiler is null ? PrebuiltKernels.Tile : null;
    }

    /// <summary>Which compiler serves what the cache lacks.</summary>
    public string Compiler => _compiler?.Name ?? $"prebuilt ({PrebuiltKernels.Compiler})";

    /// <summary>The only tile shape on tensor cores that there is where nothing can be compiled; null: any.</summary>
    public TileShape? OnlyTile { get; }

    /// <summary>What was asked for so far: families with their macros.</summary>
    public IReadOnlyCollection<(string Family, string[] Defines)> Asked => _asked.Values.ToList();

    /// <summary>A kernel of a family that has one of its own name, compiled with these macros.</summary>
    public CudaKernel Get(string family, string[] defines) => Get(family, family, defines);

    /// <summary>A kernel of a family, compiled with these macros.</summary>
    public CudaKernel Get(string family, string entry, string[] defines)
    {
        string key = family + " " + string.Join(' ', defines);
        _asked.TryAdd(key, (family, defines));
        // Lazy: two steps that ask for one module at once load it once. What failed to load is tried again when asked for again.
        Lazy<CudaModule> module = _modules.GetOrAdd(key, _ => new(() => Load(family, defines)));
        try
        {
            return module.Value.Kernel(entry);
        }
        catch when (!module.IsValueCreated)
        {
            _modules.TryRemove(new(key, module));
            throw;
        }
    }

    /// <summary>
    /// Whether the kernel may start before the one ahead of it has ended: its code was made for sm_90 or later, where it waits itself (common.cuh), and the
    /// driver can capture such a launch.
    /// </summary>
    public bool WaitsByItself(CudaKernel kernel) => _waiting.ContainsKey(kernel.Module);

    public void Dispose() => Releasing.All([.. _modules.Values.Where(static module => module.IsValueCreated).Select(static module => module.Value)]);

    private CudaModule Load(string family, string[] defines)
    {
        CompileRequest request = new(KernelSources.Get(family + ".cu"), _architecture, _kind) { Defines = defines };
        CompiledKernel compiled = (_compiler is null ? Ahead(request, family) : null) ?? _cache.Get(request, _compiler);
        CudaModule module = CudaModule.Load(_context, compiled, $"{family} {string.Join(' ', defines)}");
        if (Capability(compiled.Architecture) >= 90 && _context.Driver.CudaVersion >= FirstWithProgrammaticEdges)
            _waiting[module] = true;
        return module;
    }

    // What somebody built for this device and put into the cache or beside the program (its own machine code, newer PTX) goes before the PTX carried for all.
    private CompiledKernel? Ahead(CompileRequest request, string family)
    {
        int carriedFor = Capability(PrebuiltKernels.Architecture);
        CompiledKernel? built = _cache.Ahead(request);
        return built is not null && (built.Kind == KernelImageKind.Cubin || Capability(built.Architecture) > carriedFor) ? built
            : Capability(_architecture) >= carriedFor ? PrebuiltKernels.Find(family, [.. request.Defines]) : null;
    }

    private static int Capability(string architecture) => int.Parse(architecture.TrimEnd('a', 'f'), System.Globalization.CultureInfo.InvariantCulture);
}
