using Acm.Native;
using Acm.Runtime.Plan;

namespace Acm.Runtime.Backends.Cuda;

/// <summary>dense.cu: up to three linear layers of one shape that share an input.</summary>
internal sealed class DenseStep : CudaStep, IUsesBuffers
{
    private readonly Linear[] _ops;
    private readonly (ulong W, ulong B)[] _weights;
    private readonly int _output;
    private readonly bool _perSequence;
    private (TileShape Shape, CudaKernel Kernel)? _kernel;

    /// <param name="ops">The layers.</param>
    /// <param name="output">OUTPUT of the kernel: 0 elements, 1 the run's output, 2 added to the stream.</param>
    /// <param name="backend">Keeps the weights.</param>
    public DenseStep(IReadOnlyList<Linear> ops, int output, CudaBackend backend)
    {
        (_ops, _output, _perSequence) = ([.. ops], output, output == 1);
        _weights = [.. ops.Select(op =>
        {
            int depth = op.In.Width, columns = op.Out.Width;
            float[] weight = Values.Of(op.Weight), bias = new float[WeightPacking.Pad64(columns)];
            if (op.Bias is not null)
                Values.Of(op.Bias).CopyTo(bias, 0);
            return (backend.Keep<byte>(WeightPacking.Pack((k, n) => weight[n * depth + k], depth, columns, backend.Element)), backend.Keep<float>(bias));
        })];
    }

    public IReadOnlyList<CudaBuffer> Buffers => _output == 0 ? [.. _ops.Select(static op => new CudaBuffer(op.Out, op.Out.Width, false, false))] : [];

    public override void LoadKernels(CudaBackend backend, int sequences)
    {
        int rows = _perSequence ? sequences : sequences * backend.Plan.Tokens.RowsOf(1);
        TileShape shape = Tiles.Dense(backend, rows, _ops[0].Out.Width, _ops[0].In.Width, _ops.Length);
        _kernel = (shape, backend.Kernels.Get("dense",
            [Define("PRECISION", (int)backend.Element), .. shape.Defines, Define("ACTIVATION", Values.Macro(_ops[0].Activation)), Define("OUTPUT", _output)]));
    }

    public override void Enqueue(CudaForward forward, CudaStream stream)
    {
        (TileShape shape, CudaKernel kernel) = _kernel!.Value;
        int columns = _ops[0].Out.Width, pitch = WeightPacking.Pad64(columns), rows = _perSequence ? forward.Sequences : forward.Tokens;
        DenseArgs args = new()
        {
            Tokens = _perSequence ? forward.SequenceCount : forward.TokenCount, XPitch = WeightPacking.Pad64(_ops[0].In.Width), OutPitch = pitch,
            Steps = WeightPacking.Steps(_ops[0].In.Width, forward.Element), Columns = _output == 0 ? pitch : WeightPacking.Pad8(columns),
        };
        for (int i = 0; i < _ops.Length; i++)
            args.Site[i] = new DenseSite { X = forward.Buffer(_ops[i].In), W = _weights[i].W, B = _weights[i].B, Out = _output == 1 ? forward.Output : forward.Buffer(_ops[i].Out) };
        kernel.LaunchStruct(stream, new LaunchShape(new Dim3(Blocks(rows, shape.M), pitch / shape.N, _ops.Length), shape.Threads, shape.SharedBytes), args);
    }
}
