using Acm.Cli;
using Acm.Native;
using Acm.Native.Compile;
using Acm.Native.Driver;
using Acm.Runtime;
using Acm.Runtime.Backends;
using Acm.Simulator;
using Acm.Simulator.Driver;
using Acm.Testing;
using NUnit.Framework;

namespace Acm.Parity.Tests.Device;

/// <summary>
/// A session's whole life on a driver of which any one call fails: load, warm-up, runs, dispose. The error is typed, nothing is left on the device, and a
/// run that failed leaves a session that serves the next one with the same bits, unless the context itself is lost.
/// </summary>
public class DriverFaultTests
{
    private static readonly int[] Ids = [1, 5, 9, 4, 2];

    [Test]
    public void Any_call_may_fail_at_any_point_of_a_sessions_life()
    {
        using AcmModel model = AcmModel.Load(SharedFolder.Data("bert-tiny"));
        using InferenceSession beside = model.CreateSession(new SessionOptions { Backend = BackendKind.Cpu, Threads = 1 });
        float[] onCpu = Outputs(beside);
        Dictionary<string, long> calls;
        float[] sound;
        using (SimulatedDriver clean = new(new SimulatorOptions()))
        {
            sound = Life(model, clean)!;
            Assert.That(clean.LiveObjects, Is.Empty);
            calls = clean.Counters.Calls;
        }
        Assert.That(calls, Has.Count.GreaterThan(20));
        foreach ((string call, long count) in calls)
            foreach (long time in new[] { 1, count / 3, 2 * count / 3, count }.Where(static time => time > 0).Distinct())
                foreach (CUresult fault in new[] { CUresult.CUDA_ERROR_OUT_OF_MEMORY, CUresult.CUDA_ERROR_LAUNCH_FAILED })
                {
                    string where = $"{call}, time {time} of {count}, {fault}";
                    using SimulatedDriver driver = new(new SimulatorOptions());
                    driver.Inject(call, time, fault);
                    float[]? survived = null;
                    try
                    {
                        survived = Life(model, driver);
                    }
                    catch (Exception e) when (e is CudaException or CudaUnavailableException or BackendUnavailableException)
                    {
                    }
                    Assert.That(driver.LiveObjects, Is.Empty, where);
                    if (survived is not null)
                        Assert.That(survived, Is.EqualTo(sound), where);
                }
        Assert.That(Outputs(beside), Is.EqualTo(onCpu), "a session on the CPU notices nothing");
    }

    [Test]
    public void A_run_that_failed_leaves_a_session_that_serves_the_next()
    {
        using AcmModel model = AcmModel.Load(SharedFolder.Data("bert-tiny"));
        using SimulatedDriver driver = new(new SimulatorOptions());
        using InferenceSession session = Session(model, driver);
        float[] before = Outputs(session);
        driver.Inject("cuGraphLaunch", 1, CUresult.CUDA_ERROR_OUT_OF_MEMORY);
        Assert.That(() => Outputs(session), Throws.InstanceOf<CudaException>().With.Message.Contains("cuGraphLaunch"));
        Assert.That(Outputs(session), Is.EqualTo(before));
    }

    [Test]
    public void Too_little_memory_for_a_batch_names_what_was_asked_what_is_free_and_what_a_sequence_takes()
    {
        using AcmModel model = AcmModel.Load(SharedFolder.Data("bert-tiny"));
        using SimulatedDriver driver = new(new SimulatorOptions());
        using InferenceSession session = Session(model, driver);
        driver.Inject("cuMemAllocFromPoolAsync", 1, CUresult.CUDA_ERROR_OUT_OF_MEMORY);
        CudaOutOfMemoryException error = Assert.Throws<CudaOutOfMemoryException>(() => Outputs(session))!;
        Assert.That(error.Message, Does.Contain($"asked {error.AskedBytes} bytes").And.Contain($"free {error.FreeBytes} bytes").And.Contain("a sequence"));
        Assert.That(error.AskedBytes, Is.Positive);
        Assert.That(Outputs(session), Has.Length.GreaterThan(0), "the session is usable");
    }

    /// <summary>What a busy, full or failing device answers is no defect of the tool's: exit code 3, as for one that is not there.</summary>
    [TestCase("cuDevicePrimaryCtxRetain", "CUDA_ERROR_DEVICE_UNAVAILABLE")]
    [TestCase("cuMemAllocFromPoolAsync", "CUDA_ERROR_OUT_OF_MEMORY")]
    [TestCase("cuGraphLaunch", "CUDA_ERROR_LAUNCH_FAILED")]
    public void The_tool_tells_what_the_device_answered(string call, string fault)
    {
        using SimulatedDriver driver = new(new SimulatorOptions());
        CudaDriver started = driver.Start();
        Func<Runtime.Plan.ForwardPlan, SessionOptions, IBackend>? before = BackendFactory.Simulator;
        BackendFactory.Simulator = (plan, options) =>
        {
            driver.Inject(call, 1, Enum.Parse<CUresult>(fault));
            return BackendFactory.Cuda(plan, options, started, BackendKind.Simulator);
        };
        try
        {
            using StringWriter output = new(), error = new();
            Assert.That(AcmTool.Run(["bench", SharedFolder.Data("bert-tiny"), "--backend", "simulator"], output, error), Is.EqualTo(AcmTool.Unavailable), $"{error}");
            Assert.That(error.ToString(), Does.StartWith($"acm: {call} failed: {fault}"));
        }
        finally
        {
            BackendFactory.Simulator = before;
        }
    }

    /// <summary>A compiler newer than the driver, whose code cannot be made to do: a reason that the caller knows, so that auto goes on to the CPU.</summary>
    [Test]
    public void Code_that_is_too_new_for_the_driver_makes_the_backend_unavailable()
    {
        using AcmModel model = AcmModel.Load(SharedFolder.Data("bert-tiny"));
        using SimulatedDriver driver = new([new SimulatedGpu(new SimulatorOptions())], cudaVersion: 12000);
        using TemporaryFolder folder = new();
        Assert.That(
            () => BackendFactory.Cuda(model.Plan, new SessionOptions { Precision = Precision.Float32 }, driver.Start(), BackendKind.Simulator, new KernelCache(folder.Path), new FutureCompiler()),
            Throws.InstanceOf<BackendUnavailableException>().With.Message.Contains("9.9").And.Message.Contains("12.0"));
        Assert.That(driver.LiveObjects, Is.Empty);
    }

    /// <summary>R535, which many an H100 still has, is CUDA 12.2: its graphs know no programmatic edges.</summary>
    [Test]
    public void A_driver_whose_graphs_have_no_programmatic_edges_captures_the_forward_without_them([Values(12020, 12030)] int version)
    {
        using AcmModel model = AcmModel.Load(SharedFolder.Data("bert-tiny"));
        float[] Run(int cudaVersion)
        {
            using SimulatedDriver driver = new(new SimulatorOptions { Profile = DeviceProfile.H100 }, cudaVersion);
            SessionOptions options = new() { Backend = BackendKind.Simulator, Precision = Precision.Float32 };
            using IBackend backend = BackendFactory.Cuda(model.Plan, options, driver.Start(), BackendKind.Simulator, KernelCache.Default, CompilerSearch.Result.Compiler);
            using IForward forward = backend.CreateForward(1, Ids.Length);
            float[] output = new float[model.Plan.Output.Width];
            forward.Run(new ForwardRun { Lengths = [Ids.Length], Ids = Ids, Routing = RoutingRule.AsTrained, Output = output });
            Assert.That(driver.Counters.Calls.ContainsKey("cuLaunchKernelEx"), Is.EqualTo(cudaVersion >= 12030), "launches with an attribute");
            return output;
        }
        Assert.That(Run(version), Is.EqualTo(Run(13000)));
    }

    [Test]
    public void A_cancelled_run_has_ended_on_the_device_before_the_next_may_begin([Values] bool stepByStep)
    {
        using AcmModel model = AcmModel.Load(SharedFolder.Data("bert-tiny"));
        using SimulatedDriver driver = new(new SimulatorOptions());
        SessionOptions options = new() { Backend = BackendKind.Simulator, Precision = Precision.Float32 };
        using IBackend backend = BackendFactory.Cuda(model.Plan, options, driver.Start(), BackendKind.Simulator, KernelCache.Default, CompilerSearch.Result.Compiler);
        using IForward forward = backend.CreateForward(1, Ids.Length);
        float[] output = new float[model.Plan.Output.Width], hidden = new float[stepByStep ? model.Plan.HiddenCount * Ids.Length * model.Config.HiddenSize : 0];
        void Run(CancellationToken cancellation) => forward.Run(new ForwardRun
        {
            Lengths = [Ids.Length], Ids = Ids, Routing = RoutingRule.AsTrained, Output = output, Hidden = hidden, Cancellation = cancellation,
        });
        Run(default);
        float[] sound = [.. output];
        long waits = driver.Counters.Calls["cuStreamSynchronize"];
        Assert.That(() => Run(new CancellationToken(true)), Throws.InstanceOf<OperationCanceledException>());
        Assert.That(driver.Counters.Calls["cuStreamSynchronize"], Is.GreaterThan(waits), "what was enqueued has been waited for");
        Assert.That(forward.IsUsable);
        Run(default);
        Assert.That(output, Is.EqualTo(sound));
    }

    /// <summary>As one that runs out of the host's memory between two launches would: here k is forced for more tokens than there is room for.</summary>
    [Test]
    public void A_run_that_fails_on_the_host_has_ended_on_the_device_before_the_next_may_begin()
    {
        using TemporaryFolder folder = new();
        SmallPackage.Write(folder.Path);
        using AcmModel model = AcmModel.Load(folder.Path);
        using SimulatedDriver driver = new(new SimulatorOptions());
        SessionOptions options = new() { Backend = BackendKind.Simulator, Precision = Precision.Float32 };
        using IBackend backend = BackendFactory.Cuda(model.Plan, options, driver.Start(), BackendKind.Simulator, KernelCache.Default, CompilerSearch.Result.Compiler);
        using IForward forward = backend.CreateForward(1, 1);
        float[] image = [.. Enumerable.Range(0, model.Plan.InputWidth).Select(static i => MathF.Sin(i))], output = new float[model.Plan.Output.Width];
        void Run(RoutingRule routing) => forward.Run(new ForwardRun { Lengths = [1], Values = image, Routing = routing, Output = output });
        Run(default);
        float[] sound = [.. output];
        long waits = driver.Counters.Calls["cuStreamSynchronize"];
        ReadOnlyMemory<int>?[] forced = [.. model.Sites.Select(static site => (ReadOnlyMemory<int>?)new int[1 << 16])];
        Assert.That(() => Run(new RoutingRule(0, null, forced)), Throws.InstanceOf<ArgumentException>());
        Assert.That(driver.Counters.Calls["cuStreamSynchronize"], Is.GreaterThan(waits), "what was enqueued has been waited for");
        Assert.That(forward.IsUsable);
        Run(default);
        Assert.That(output, Is.EqualTo(sound));
    }

    private sealed class FutureCompiler : IKernelCompiler
    {
        public string Name => "a compiler of the future";

        public string Source => "nowhere";

        public CompiledKernel Compile(CompileRequest request) =>
            new(".version 9.9\n.target sm_999\n"u8.ToArray(), KernelImageKind.Ptx, request.Architecture, Name, "", new Dictionary<string, string>());
    }

    private static float[]? Life(AcmModel model, SimulatedDriver driver)
    {
        InferenceSession session = Session(model, driver);
        float[]? last = null;
        try
        {
            for (int attempt = 0; attempt < 3; attempt++)
            {
                try
                {
                    last = Outputs(session);
                }
                catch (CudaException)
                {
                    // Typed; the next attempt finds the session usable, or as dead as its context.
                    last = null;
                }
            }
        }
        finally
        {
            session.Dispose();
        }
        return last;
    }

    private static InferenceSession Session(AcmModel model, SimulatedDriver driver)
    {
        SessionOptions options = new() { Backend = BackendKind.Simulator, Precision = Precision.Float32, MaxBatch = 2, MaxLength = 16 };
        IBackend backend = BackendFactory.Cuda(model.Plan, options, driver.Start(), BackendKind.Simulator, KernelCache.Default, CompilerSearch.Result.Compiler);
        return new InferenceSession(model.Config, model.Plan, options, backend, "a test");
    }

    private static float[] Outputs(InferenceSession session)
    {
        InferenceResult result = session.CreateResult();
        session.Run(ModelInput.Text(Ids, [Ids.Length]), result);
        return result.Output.ToArray();
    }
}
