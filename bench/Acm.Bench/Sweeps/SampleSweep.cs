using Acm.Runtime;
using BenchmarkDotNet.Attributes;

namespace Acm.Bench.Sweeps;

/// <summary>The trained sample models on their own inputs, their gates free at a budget.</summary>
public class SampleSweep
{
    private SampleModel _sample = null!;
    private InferenceSession _session = null!;
    private InferenceResult _result = null!;
    private RunOptions _options = null!;

    public static IEnumerable<string> Models => SampleModel.Names;

    public static IEnumerable<int> ThreadCounts => SweepRunner.ThreadCounts;

    [ParamsSource(nameof(Models))]
    public string Model { get; set; } = "";

    [Params(1.0, 0.5, 0.3)]
    public double Budget { get; set; }

    [Params(1, 8)]
    public int Batch { get; set; }

    [ParamsSource(nameof(ThreadCounts))]
    public int Threads { get; set; }

    [GlobalSetup]
    public void Open()
    {
        _sample = new SampleModel(Model, Batch);
        _session = _sample.Open(Threads);
        _result = _session.CreateResult();
        _options = new RunOptions { Budget = Budget };
        _session.Run(_sample.Input.Input, _result, _options);
    }

    [Benchmark]
    public void Run() => _session.Run(_sample.Input.Input, _result, _options);

    [GlobalCleanup]
    public void Close()
    {
        _session.Dispose();
        _sample.Dispose();
    }
}
