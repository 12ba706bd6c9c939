using Acm.Runtime;
using BenchmarkDotNet.Attributes;

namespace Acm.Bench.Sweeps;

/// <summary>Bytes that a call allocates on any thread, called directly and asynchronously: none (the column shows <c>-</c>).</summary>
public class AllocationSweep
{
    private readonly RunOptions _options = new() { Budget = 0.5 };
    private SampleModel _sample = null!;
    private InferenceSession _session = null!;
    private InferenceResult _result = null!;

    public static IEnumerable<string> Models => SampleModel.Names;

    [ParamsSource(nameof(Models))]
    public string Model { get; set; } = "";

    [Params(1, 8)]
    public int Batch { get; set; }

    [GlobalSetup]
    public void Open()
    {
        _sample = new SampleModel(Model, Batch);
        _session = _sample.Open(0);
        _result = _session.CreateResult();
        _session.WarmUp(Batch);
        Sync();
        Async();
    }

    [Benchmark]
    public void Sync() => _session.Run(_sample.Input.Input, _result, _options);

    // Looked at until it is done: a continuation that is no async method's costs a work item, and so does BenchmarkDotNet's own waiting.
    [Benchmark]
    public void Async()
    {
        ValueTask run = _session.RunAsync(_sample.Input, _result, _options);
        while (!run.IsCompleted)
            Thread.Sleep(1);
        run.GetAwaiter().GetResult();
    }

    [GlobalCleanup]
    public void Close()
    {
        _session.Dispose();
        _sample.Dispose();
    }
}
