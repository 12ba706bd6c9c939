using Acm.Bench.Onnx;
using Acm.Runtime.Backends.Cpu;
using Acm.Runtime.Plan;
using Buffer = Acm.Runtime.Plan.Buffer;

namespace Acm.Bench.Suites;

/// <summary>One matrix product of a model's shape made ready twice: ours, and ONNX Runtime's MatMul with the same constant (so prepacked) weight.</summary>
internal sealed unsafe class GemmProblem : IDisposable
{
    private readonly int _rows, _depth, _columns, _pitch;
    private readonly CpuBackend _backend;
    private readonly CpuForward _forward;
    private readonly PackedMatrix[] _weights;
    private readonly Memory<float> _c, _keep;
    private readonly float* _from, _to;

    public GemmProblem(int rows, int depth, int columns, int threads)
    {
        (_rows, _depth, _columns) = (rows, depth, columns);
        var random = new Random(1);
        float[] a = Random(rows * depth), weight = Random(depth * columns);
        var graph = new OnnxGraph();
        graph.Input("a", rows, depth);
        graph.Output(graph.Node("MatMul", ["a", graph.Weight(weight, depth, columns)]), rows, columns);
        Peer = new OnnxPeer(graph.ToModel(), threads, a, [rows, depth], [rows, columns]);

        var nothing = new Buffer("none", RowSpace.Sequence, 1);
        _backend = new CpuBackend(new ForwardPlan(InputKind.Samples, 1, [], nothing, "none", [], RowSpace.Sequence, 0, false), threads);
        _forward = new CpuForward(_backend);
        _weights = [PackedMatrix.FromInputMajor(weight, depth, columns)];
        // Rows as the backend lays them out: never at a multiple of a page.
        _pitch = depth % 1024 == 0 ? depth + 16 : depth;
        Memory<float> spread = Aligned.Floats(rows * _pitch);
        _c = Aligned.Floats(rows * columns);
        for (int row = 0; row < rows; row++)
            a.AsSpan(row * depth, depth).CopyTo(spread.Span[(row * _pitch)..]);
        _keep = spread;
        _from = Aligned.Pointer(spread);
        _to = Aligned.Pointer(_c);

        float[] Random(int count) => [.. Enumerable.Range(0, count).Select(_ => random.NextSingle() - 0.5f)];
    }

    /// <summary>The models' weights.</summary>
    public static (string Name, int Depth, int Columns)[] Weights { get; } =
    [
        ("S q/k/v", 384, 1152), ("S mlp up", 384, 1536), ("S mlp down", 1536, 384),
        ("B q/k/v", 768, 2304), ("B o", 768, 768), ("B mlp up", 768, 3072), ("B mlp down", 3072, 768), ("B q up", 768, 384), ("B q down", 384, 768),
    ];

    /// <summary>One token, a few, an image, eight images.</summary>
    public static int[] Rows { get; } = [1, 16, 197, 1576];

    public OnnxPeer Peer { get; }

    public void Ours()
    {
        _forward.ClearBlocks();
        _forward.AddRows(_from, _pitch, 0, _rows, _depth);
        _forward.Multiply(new GemmCall { Weights = _weights, Stride = _pitch, Epilogue = new Epilogue { Out = _to, OutStride = _columns } });
    }

    /// <summary>Both have run: do they agree?</summary>
    /// <exception cref="InvalidOperationException">They do not.</exception>
    public void Check(string what) => Agreement.Check(what, _c.Span, Peer.Output, 1e-5 * _depth);

    public void Dispose()
    {
        Peer.Dispose();
        _weights[0].Dispose();
        _forward.Dispose();
        _backend.Dispose();
    }
}
