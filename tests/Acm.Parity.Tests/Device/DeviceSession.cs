using Acm.Native.Compile;
using Acm.Runtime;
using Acm.Runtime.Backends;
using Acm.Simulator;
using Acm.Simulator.Driver;

namespace Acm.Parity.Tests.Device;

/// <summary>A session of the CUDA backend on a simulated device of its own.</summary>
internal sealed class DeviceSession : IDisposable
{
    private readonly SimulatedDriver _driver;

    public DeviceSession(AcmModel model, Precision precision, SimulatorOptions? options = null, int maxBatch = 8, int maxLength = 0)
        : this(model, precision, options, KernelCache.Default, CompilerSearch.Result.Compiler, maxBatch, maxLength)
    {
    }

    /// <summary>On a machine with this compiler, or with none (null), and what the cache holds.</summary>
    public DeviceSession(AcmModel model, Precision precision, SimulatorOptions? options, KernelCache cache, IKernelCompiler? compiler, int maxBatch = 8, int maxLength = 0)
    {
        _driver = new SimulatedDriver(options ?? new SimulatorOptions());
        try
        {
            SessionOptions session = new() { Backend = BackendKind.Simulator, Precision = precision, MaxBatch = maxBatch, MaxLength = maxLength };
            Session = new InferenceSession(model.Config, model.Plan, session, BackendFactory.Cuda(model.Plan, session, _driver.Start(), BackendKind.Simulator, cache, compiler), "a test");
        }
        catch
        {
            _driver.Dispose();
            throw;
        }
    }

    public InferenceSession Session { get; }

    public DriverCounters Counters => _driver.Counters;

    /// <summary>One run into a fresh result full of poison.</summary>
    public InferenceResult Run(in ModelInput input, RunOptions? options = null, bool hidden = true)
    {
        InferenceResult result = Session.CreateResult(hidden);
        Poison(input, result);
        Session.Run(input, result, options);
        return result;
    }

    public void Dispose()
    {
        Session.Dispose();
        _driver.Dispose();
    }

    private static void Poison(in ModelInput input, InferenceResult result)
    {
        int[] lengths = input.Lengths.IsEmpty ? [.. Enumerable.Repeat(1, input.Values.Length / result.Plan.InputWidth)] : input.Lengths.ToArray();
        result.Prepare(lengths);
        result.OutputSpace.Fill(float.NaN);
        result.KSpace.Fill(-77);
        result.HiddenSpace.Fill(float.NaN);
    }
}
