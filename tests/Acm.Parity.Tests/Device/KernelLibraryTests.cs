using Acm.Native;
using Acm.Native.Compile;
using Acm.Runtime;
using Acm.Runtime.Backends.Cuda;
using Acm.Simulator;
using Acm.Simulator.Driver;
using Acm.Testing;
using NUnit.Framework;

namespace Acm.Parity.Tests.Device;

/// <summary>Where a context's kernels come from.</summary>
public class KernelLibraryTests
{
    private SimulatedDriver _driver = null!;
    private CudaContext _context = null!;
    private TemporaryFolder _folder = null!;

    [SetUp]
    public void Start()
    {
        (_driver, _folder) = (new(new SimulatorOptions()), new());
        _context = CudaContext.Primary(_driver.Start().Devices[0]);
    }

    [TearDown]
    public void Stop()
    {
        _context.Dispose();
        _driver.Dispose();
        _folder.Dispose();
    }

    [Test]
    public void A_family_is_loaded_once_for_the_same_macros_and_again_for_others()
    {
        using KernelLibrary library = Library(null, "80");
        CudaKernel first = library.Get("convert", ["PRECISION=1"]);
        Assert.That(library.Get("convert", ["PRECISION=1"]).Module, Is.SameAs(first.Module));
        Assert.That(library.Get("convert", ["PRECISION=2"]).Module, Is.Not.SameAs(first.Module));
        Assert.That(library.Asked.Select(static one => $"{one.Family} {one.Defines.Single()}"), Is.EquivalentTo(new[] { "convert PRECISION=1", "convert PRECISION=2" }));
    }

    [Test]
    public void What_failed_to_load_is_tried_again()
    {
        Carried compiler = new() { Failures = 1 };
        using KernelLibrary library = Library(compiler, "80");
        Assert.Throws<InvalidOperationException>(() => library.Get("convert", ["PRECISION=1"]));
        Assert.That(library.Get("convert", ["PRECISION=1"]).Name, Is.EqualTo("convert"));
    }

    /// <summary>The code for them waits for the kernel ahead (common.cuh), so that they may be launched before its end.</summary>
    [TestCase("80", false)]
    [TestCase("89", false)]
    [TestCase("90", true)]
    [TestCase("90a", true)]
    [TestCase("120", true)]
    public void Kernels_wait_by_themselves_from_sm_90_on(string architecture, bool waits)
    {
        using KernelLibrary library = Library(new Carried(), architecture);
        Assert.That(library.WaitsByItself(library.Get("convert", ["PRECISION=1"])), Is.EqualTo(waits));
    }

    [TestCase("80", true)]
    [TestCase("89", true)]
    [TestCase("120", true)]
    [TestCase("75", false)]
    public void Without_a_compiler_what_is_carried_serves_from_sm_80_on(string architecture, bool served)
    {
        using KernelLibrary library = Library(null, architecture);
        if (served)
            Assert.That(library.WaitsByItself(library.Get("convert", ["PRECISION=1"])), Is.False, "code for sm_80");
        else
            Assert.Throws<CudaUnavailableException>(() => library.Get("convert", ["PRECISION=1"]));
    }

    /// <summary>A Hopper without a compiler: code made for it goes before what is carried for sm_80; code that is no newer than that does not.</summary>
    [TestCase("90", true)]
    [TestCase("80", false)]
    [TestCase("75", false)]
    public void Without_a_compiler_what_was_built_ahead_goes_before_what_is_carried(string builtFor, bool taken)
    {
        KernelCache cache = new(_folder.Path);
        _ = cache.Get(new(KernelSources.Get("convert.cu"), builtFor, KernelImageKind.Ptx) { Defines = ["PRECISION=1"] }, new Carried());
        using KernelLibrary library = new(_context, new KernelCache(_folder.Path), null, "90", KernelImageKind.Cubin, oneTile: false);
        Assert.That(library.WaitsByItself(library.Get("convert", ["PRECISION=1"])), Is.EqualTo(taken));
    }

    [Test]
    public void What_a_larger_batch_takes_is_compiled_on_several_threads()
    {
        if (Environment.ProcessorCount < 2)
            Assert.Ignore("one processor");
        Counted compiler = new(CompilerSearch.Result.Compiler ?? throw new IgnoreException("no compiler on this machine"));
        using AcmModel model = AcmModel.Load(Path.Combine(SharedFolder.Repo, "models", "vit-chars"));
        using DeviceSession session = new(model, Precision.Float16, null, new KernelCache(_folder.Path), compiler);
        compiler.Most = 0;
        session.Run(ModelInput.Pixels(new float[8 * model.Plan.InputWidth]), hidden: false);
        Assert.That(compiler.Most, Is.GreaterThan(1));
    }

    [Test]
    public void There_is_one_tile_without_a_compiler_and_where_one_is_asked_for()
    {
        using KernelLibrary bare = Library(null, "80"), asked = Library(new Carried(), "80", oneTile: true), free = Library(new Carried(), "80");
        Assert.That((bare.OnlyTile, asked.OnlyTile, free.OnlyTile), Is.EqualTo(((TileShape?)PrebuiltKernels.Tile, (TileShape?)PrebuiltKernels.Tile, (TileShape?)null)));
        Assert.That((bare.Compiler, free.Compiler), Is.EqualTo(($"prebuilt ({PrebuiltKernels.Compiler})", "a test")));
    }

    private KernelLibrary Library(IKernelCompiler? compiler, string architecture, bool oneTile = false) =>
        new(_context, new KernelCache(_folder.Path), compiler, architecture, KernelImageKind.Ptx, oneTile);

    /// <summary>Waits a little for company.</summary>
    private sealed class Counted(IKernelCompiler compiler) : IKernelCompiler
    {
        private int _now;

        public int Most { get; set; }

        public string Name => compiler.Name;

        public string Source => compiler.Source;

        public CompiledKernel Compile(CompileRequest request)
        {
            Interlocked.Increment(ref _now);
            SpinWait.SpinUntil(() => Volatile.Read(ref _now) > 1, 300);
            Most = Math.Max(Most, Volatile.Read(ref _now));
            try
            {
                return compiler.Compile(request);
            }
            finally
            {
                Interlocked.Decrement(ref _now);
            }
        }
    }

    /// <summary>Gives out what is carried, as if made for what it is asked for.</summary>
    private sealed class Carried : IKernelCompiler
    {
        public int Failures { get; set; }

        public string Name => "a test";

        public string Source => "memory";

        public CompiledKernel Compile(CompileRequest request) => Failures-- > 0
            ? throw new InvalidOperationException("fails")
            : PrebuiltKernels.Find(Path.GetFileNameWithoutExtension(request.Source.Name), [.. request.Defines])! with { Architecture = request.Architecture };
    }
}
