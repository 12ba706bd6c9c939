using Acm.Runtime;
using Acm.Testing;
using NUnit.Framework;

namespace Acm.Parity.Tests.Goldens;

/// <summary>A package on one backend, its outputs compared with stored float64 answers at the backend's tolerance.</summary>
internal sealed class GoldenRun : IDisposable
{
    private readonly BackendKind _backend;
    private readonly InferenceSession _session;

    public GoldenRun(string package, BackendKind backend)
    {
        _backend = backend;
        Model = AcmModel.Load(package);
        _session = Model.CreateSession(new SessionOptions { Backend = backend });
        Result = _session.CreateResult(hidden: true);
    }

    /// <summary>The backends every golden runs on.</summary>
    public static BackendKind[] Backends { get; } = [BackendKind.Reference, BackendKind.Cpu];

    public AcmModel Model { get; }

    public InferenceResult Result { get; }

    /// <summary>The largest error seen so far, for the report.</summary>
    public double Worst { get; private set; }

    // What is stored as float64 leaves Reference the order of sums; Cpu is float32 (the contract allows it 1e-4).
    private double Tolerance => _backend == BackendKind.Reference ? 1e-9 : 5e-6;

    public void Run(in ModelInput input, RunOptions? options = null) => _session.Run(input, Result, options);

    public void CheckOutput(ReadOnlySpan<double> want, string what, int start = 0) => Check(
        _backend == BackendKind.Reference
            ? Golden.RelativeError(Result.ExactOutput.Slice(start, want.Length), want)
            : Golden.RelativeError(Result.Output.Slice(start, want.Length), want), what);

    public void CheckHidden(int index, ReadOnlySpan<double> want, string what, int start = 0) => Check(
        _backend == BackendKind.Reference
            ? Golden.RelativeError(Result.ExactHidden(index).Slice(start, want.Length), want)
            : Golden.RelativeError(Result.Hidden(index).Slice(start, want.Length), want), what);

    public void Dispose()
    {
        TestContext.Out.WriteLine($"{_backend}: worst relative error {Worst:E2}");
        _session.Dispose();
        Model.Dispose();
    }

    private void Check(double error, string what)
    {
        Worst = Math.Max(Worst, error);
        Assert.That(error, Is.LessThan(Tolerance), what);
    }
}
