using System.Diagnostics;
using System.Text;
using Acm.Cli;
using Acm.Native.Compile;
using Acm.Native.Driver;
using Acm.Runtime;
using Acm.Runtime.Backends;
using Acm.Runtime.Backends.Cuda;
using Acm.Simulator;
using Acm.Simulator.Driver;
using Acm.Testing;
using NUnit.Framework;

namespace Acm.Parity.Tests.Device;

/// <summary>A machine with nothing but a driver: the PTX that the runtime carries runs the models, with the bits that fresh kernels give.</summary>
public class PrebuiltKernelsTests
{
    private static readonly Precision[] Precisions = [Precision.Float32, Precision.TF32, Precision.Float16, Precision.BFloat16];

    [Test]
    public void What_is_carried_was_made_from_the_present_sources() =>
        Assert.That(
            PrebuiltKernels.All().Where(static one => PrebuiltKernels.Find(one.Family, one.Defines) is null).Select(static one => $"{one.Family} {string.Join(' ', one.Defines)}"),
            Is.Empty, "./build.sh prebuilt makes them anew");

    [Test]
    public void And_is_what_that_compiler_makes_of_them()
    {
        IKernelCompiler compiler = CompilerSearch.Result.Compiler is { } found && found.Name == PrebuiltKernels.Compiler
            ? found : throw new IgnoreException($"{PrebuiltKernels.Compiler} is not at hand");
        foreach ((string family, string[] defines) in PrebuiltKernels.All().DistinctBy(static one => one.Family))
            Assert.That(Encoding.UTF8.GetString(PrebuiltKernels.Find(family, defines)!.Image), Is.EqualTo(PrebuiltKernels.Compile(family, defines, compiler)), family);
    }

    /// <summary>By the assembler, which refuses what the version that a text claims does not have: one of each family in each precision.</summary>
    [Test]
    public void What_is_carried_assembles_as_the_oldest_driver_served_takes_it()
    {
        string assembler = SourceTreeCompilers.Folder is { } compilers && Directory.GetFiles(compilers, "ptxas", SearchOption.AllDirectories) is [var found, ..]
            ? found : throw new IgnoreException("no ptxas at hand");
        using TemporaryFolder folder = new();
        foreach ((string family, string[] defines) in PrebuiltKernels.All().DistinctBy(static one => (one.Family, one.Defines.FirstOrDefault())))
        {
            File.WriteAllText(folder["k.ptx"], PtxVersion.Lower(Encoding.UTF8.GetString(PrebuiltKernels.Find(family, defines)!.Image), DriverEntries.OldestDriver));
            using Process process = Process.Start(new ProcessStartInfo(assembler, ["-O0", "-arch=sm_" + PrebuiltKernels.Architecture, folder["k.ptx"], "-o", folder["k.cubin"]]) { RedirectStandardError = true })!;
            string log = process.StandardError.ReadToEnd();
            process.WaitForExit();
            Assert.That(process.ExitCode, Is.Zero, $"{family} {string.Join(' ', defines)}: {log}");
        }
    }

    [Test]
    public void Text_and_speech_run_without_a_compiler(
        [Values("bert-tiny", "wav2vec2-tiny-layer-stable-bias")] string name, [ValueSource(nameof(Precisions))] Precision precision)
    {
        using AcmModel model = AcmModel.Load(SharedFolder.Data(name));
        using Golden golden = new(SharedFolder.Data(name, "golden.safetensors"));
        float[] samples = golden.Has("0.input") ? golden.Floats("0.input") : [];
        int[] ids = golden.Has("0.input_ids") ? golden.Ints("0.input_ids") : [];
        float[] bare = Run(model, precision, null, session => ids.Length > 0
            ? session.Run(ModelInput.Text(ids, [ids.Length])) : session.Run(ModelInput.Samples(samples, [samples.Length])));
        using DeviceSession fresh = new(model, precision);
        InferenceResult expected = ids.Length > 0 ? fresh.Run(ModelInput.Text(ids, [ids.Length])) : fresh.Run(ModelInput.Samples(samples, [samples.Length]));
        Assert.That(bare, Is.EqualTo(expected.Output.ToArray()));
    }

    [Test]
    public void Vision_runs_without_a_compiler_and_says_whose_kernels_it_runs([ValueSource(nameof(Precisions))] Precision precision)
    {
        using AcmModel model = AcmModel.Load(Path.Combine(SharedFolder.Repo, "models", "vit-chars"));
        float[] pixels = new float[model.Plan.InputWidth];
        for (int i = 0; i < pixels.Length; i++)
            pixels[i] = MathF.Sin(i * 0.37f);
        float[] bare = Run(model, precision, "prebuilt", session => session.Run(ModelInput.Pixels(pixels)));
        using DeviceSession fresh = new(model, precision);
        Assert.That(bare, Is.EqualTo(fresh.Run(ModelInput.Pixels(pixels)).Output.ToArray()));
    }

    [Test]
    public void A_device_that_the_carried_code_is_not_for_gets_a_typed_reason()
    {
        using AcmModel model = AcmModel.Load(SharedFolder.Data("bert-tiny"));
        Assert.That(
            () => Run(model, Precision.Float32, null, static session => session.Session.CreateResult(), DeviceProfile.T4),
            Throws.InstanceOf<BackendUnavailableException>().With.Message.Contains("compiler"));
    }

    /// <summary>What is built ahead for a machine without a compiler serves it: in the tile shapes that such a machine asks for.</summary>
    [Test]
    public void What_is_built_ahead_of_time_is_all_that_a_machine_without_a_compiler_asks_for([Values(Precision.Float32, Precision.Float16)] Precision precision)
    {
        IKernelCompiler compiler = CompilerSearch.Result.Compiler ?? throw new IgnoreException("no compiler on this machine");
        using AcmModel model = AcmModel.Load(SharedFolder.Data("vit-tiny"));
        using TemporaryFolder folder = new();
        ModelKernels.Build(SharedFolder.Data("vit-tiny"), "75", KernelImageKind.Ptx, precision, new KernelCache(folder.Path), compiler);
        using DeviceSession bare = new(model, precision, new() { Profile = DeviceProfile.T4 }, new KernelCache(folder.Path), compiler: null);
        using DeviceSession fresh = new(model, precision, new() { Profile = DeviceProfile.T4 });
        float[] pixels = [.. Enumerable.Range(0, model.Plan.InputWidth).Select(static i => MathF.Sin(i * 0.37f))];
        Assert.That(bare.Run(ModelInput.Pixels(pixels)).Output.ToArray(), Is.EqualTo(fresh.Run(ModelInput.Pixels(pixels)).Output.ToArray()));
    }

    /// <summary>A device that is asked for binaries first, and has a compiler that makes none, or only PTX made ahead.</summary>
    [Test]
    public void A_real_device_runs_ptx_where_nobody_makes_it_a_binary([Values] bool ahead)
    {
        IKernelCompiler ptxOnly = new PtxOnly(CompilerSearch.Result.Compiler ?? throw new IgnoreException("no compiler on this machine"));
        using AcmModel model = AcmModel.Load(SharedFolder.Data("bert-tiny"));
        using TemporaryFolder folder = new();
        if (ahead)
            ModelKernels.Build(SharedFolder.Data("bert-tiny"), "75", KernelImageKind.Ptx, Precision.Float16, new KernelCache(folder.Path), ptxOnly);
        using SimulatedDriver driver = new(new SimulatorOptions { Profile = DeviceProfile.T4 });
        SessionOptions options = new() { Precision = Precision.Float16 };
        using InferenceSession session = new(
            model.Config, model.Plan, options, BackendFactory.Cuda(model.Plan, options, driver.Start(), BackendKind.Cuda, new KernelCache(folder.Path), ahead ? null : ptxOnly), "a test");
        InferenceResult result = session.CreateResult();
        session.Run(ModelInput.Text([1, 5, 9], [3]), result);
        using DeviceSession fresh = new(model, Precision.Float16, new() { Profile = DeviceProfile.T4 });
        Assert.That(result.Output.ToArray(), Is.EqualTo(fresh.Run(ModelInput.Text([1, 5, 9], [3])).Output.ToArray()));
    }

    /// <summary>As clang is, or an NVRTC on a device newer than itself.</summary>
    private sealed class PtxOnly(IKernelCompiler compiler) : IKernelCompiler
    {
        public string Name => compiler.Name;

        public string Source => compiler.Source;

        public (string Architecture, KernelImageKind Kind) TargetFor(int capability, int driver) => ($"{capability}", KernelImageKind.Ptx);

        public CompiledKernel Compile(CompileRequest request) => compiler.Compile(request);
    }

    private static float[] Run(AcmModel model, Precision precision, string? describes, Func<DeviceSession, InferenceResult> run, DeviceProfile? profile = null)
    {
        using TemporaryFolder empty = new();
        using DeviceSession bare = new(model, precision, profile is null ? null : new() { Profile = profile }, new KernelCache(empty.Path), compiler: null);
        if (describes is not null)
            Assert.That(bare.Session.BackendDescription, Does.Contain(describes));
        return run(bare).Output.ToArray();
    }
}
