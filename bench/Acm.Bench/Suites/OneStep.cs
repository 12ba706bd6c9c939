using Acm.Runtime;
using Acm.Runtime.Backends;
using Acm.Runtime.Backends.Cpu;

namespace Acm.Bench.Suites;

/// <summary>One step of a ViT's layer, to be run again and again by itself on what the whole forward left in its buffers.</summary>
internal sealed class OneStep : IDisposable
{
    private readonly AcmModel _model;
    private readonly CpuBackend _backend;
    private readonly CpuForward _forward;
    private readonly int[] _lengths, _choices;
    private readonly float[] _pixels, _output;
    private readonly int _step;

    /// <param name="shape">The model; one layer of it is built.</param>
    /// <param name="op">What <see cref="OpCost"/> calls the step.</param>
    /// <param name="acm">Whether the layer is of ACMs, routed by gates of random weights.</param>
    /// <param name="batch">Images.</param>
    /// <param name="threads">Of the backend.</param>
    public OneStep(VitShape shape, string op, bool acm, int batch, int threads)
    {
        VitShape layer = shape with { Name = $"{shape.Name} 1 layer", Layers = 1 };
        _model = AcmModel.Load(RandomVit.Package(layer, acm));
        _backend = new CpuBackend(_model.Plan, threads);
        _forward = new CpuForward(_backend);
        int tokens = batch * shape.Tokens;
        _lengths = [.. Enumerable.Repeat(1, batch)];
        _choices = new int[_model.Plan.Sites.Count * tokens];
        var random = new Random(3);
        _pixels = [.. Enumerable.Range(0, batch * shape.Pixels).Select(_ => 2 * random.NextSingle() - 1)];
        _output = new float[batch * shape.Labels];
        _forward.Run(Whole());
        string[] names = [.. _backend.Steps.Select(step => OpCost.Of(step.Ops, _model.Plan, batch, _choices, tokens).Name)];
        _step = Array.IndexOf(names, op);
        if (_step < 0)
            throw new ArgumentException($"{op}: the layer's steps are {string.Join(", ", names.Distinct())}");
    }

    public void Run()
    {
        _backend.Pool.Slots.Enter();
        try
        {
            _backend.Steps[_step].Run(_forward, Whole());
        }
        finally
        {
            _backend.Pool.Slots.Leave();
        }
    }

    public void Dispose()
    {
        _forward.Dispose();
        _backend.Dispose();
        _model.Dispose();
    }

    private ForwardRun Whole() => new() { Lengths = _lengths, Values = _pixels, Routing = RoutingRule.AsTrained, Output = _output, Choices = _choices };
}
