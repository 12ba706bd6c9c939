using Acm.Runtime;
using BenchmarkDotNet.Attributes;

namespace Acm.Bench.Sweeps;

/// <summary>ViT-S/16 and ViT-B/16, dense and as ACMs at real routing (shared/bench). Ratios to ONNX Runtime: <c>models</c>.</summary>
public class VitSweep
{
    private const string Dense = "dense";
    private AcmModel _model = null!;
    private InferenceSession _session = null!;
    private InferenceResult _result = null!;
    private RunOptions? _options;
    private float[] _pixels = [];

    public static IEnumerable<string> Shapes => [VitShape.Small.Name, VitShape.Base.Name];

    public static IEnumerable<string> Budgets => [Dense, .. RealRouting.Budgets];

    public static IEnumerable<int> ThreadCounts => SweepRunner.ThreadCounts;

    [ParamsSource(nameof(Shapes))]
    public string Shape { get; set; } = "";

    [ParamsSource(nameof(Budgets))]
    public string Budget { get; set; } = "";

    [Params(1, 8)]
    public int Batch { get; set; }

    [ParamsSource(nameof(ThreadCounts))]
    public int Threads { get; set; }

    [GlobalSetup]
    public void Open()
    {
        VitShape shape = Shape == VitShape.Small.Name ? VitShape.Small : VitShape.Base;
        _model = AcmModel.Load(RandomVit.Package(shape, acm: Budget != Dense));
        _session = _model.CreateSession(new SessionOptions { Backend = BackendKind.Cpu, Threads = Threads, MaxBatch = Batch });
        _result = _session.CreateResult();
        var random = new Random(3);
        _pixels = [.. Enumerable.Range(0, Batch * shape.Pixels).Select(_ => 2 * random.NextSingle() - 1)];
        _options = Budget == Dense ? null : new RunOptions
        {
            ForcedK = RealRouting.For(_model, shape.Layers, Budget, Batch * shape.Tokens)
                ?? throw new FileNotFoundException("Real routing lies in the shared folder (ACM_SHARED): bench/k-vit-chars.safetensors."),
        };
        _session.WarmUp(Batch);
    }

    [Benchmark]
    public void Run() => _session.Run(ModelInput.Pixels(_pixels), _result, _options);

    [GlobalCleanup]
    public void Close()
    {
        _session.Dispose();
        _model.Dispose();
    }
}
