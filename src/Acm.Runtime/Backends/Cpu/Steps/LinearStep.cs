using Acm.Runtime.Plan;

namespace Acm.Runtime.Backends.Cpu.Steps;

/// <summary>Dense layers that read the same rows: one product each, all at once; bias, activation and residual on the way out.</summary>
internal sealed unsafe class LinearStep(Linear[] ops, CpuBackend backend) : CpuStep
{
    private readonly Layer[] _layers = [.. ops.Select(op => new Layer(op, backend))];
    private readonly int _rows = backend.Slot(ops[0].In).Rows;

    public override void Run(CpuForward forward, in ForwardRun run)
    {
        forward.ClearBlocks();
        int rows = forward.Rows(_rows), lanes = Lanes.Count(rows, forward.Threads);
        for (int lane = 0; lane < lanes; lane++)
        {
            foreach (Layer layer in _layers)
                layer.Add(forward, Lanes.Start(lane, lanes, rows), Lanes.Start(lane + 1, lanes, rows));
            forward.EndLane();
        }
        forward.Multiply();
    }

    private sealed class Layer(Linear op, CpuBackend backend)
    {
        private readonly BufferSlot _in = backend.Slot(op.In), _out = backend.Slot(op.Out);
        private readonly BufferSlot? _residual = op.Residual is null ? null : backend.Slot(op.Residual);
        private readonly PackedMatrix[] _weight =
            [backend.Own(backend.Packing.OutputMajor(op.Weight, op.Out.Width, op.In.Width))];
        private readonly float* _bias = backend.KeepOrNull(op.Bias);

        public void Add(CpuForward forward, int row, int end)
        {
            forward.AddRows(forward.Buffer(_in) + (nint)row * _in.Pitch, _in.Pitch, row, end - row, _in.Width);
            forward.Add(new GemmCall
            {
                Weights = _weight,
                Stride = _in.Pitch,
                Epilogue = new Epilogue
                {
                    Bias = _bias,
                    Activation = op.Activation,
                    Out = forward.Buffer(_out),
                    OutStride = _out.Pitch,
                    Residual = _residual is { } residual ? forward.Buffer(residual) : null,
                    ResidualStride = _out.Width,
                },
            });
        }
    }
}
