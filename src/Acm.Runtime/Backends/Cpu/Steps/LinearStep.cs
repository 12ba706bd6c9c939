using Acm.Runtime.Plan;

namespace Acm.Runtime.Backends.Cpu.Steps;

/// <summary>Dense layers that read the same rows: one product each, all at once; bias, activation and residual on the way out.</summary>
internal sealed unsafe class LinearStep(Linear[] ops, CpuBackend backend) : CpuStep
{
    private readonly Layer[] _layers = [.. ops.Select(op => new Layer(op, backend))];

    public override void Run(CpuForward forward, in ForwardRun run)
    {
        forward.ClearBlocks();
        foreach (Layer layer in _layers)
            layer.Add(forward);
        forward.Multiply();
    }

    private sealed class Layer(Linear op, CpuBackend backend)
    {
        private readonly BufferSlot _in = backend.Slot(op.In), _out = backend.Slot(op.Out);
        private readonly BufferSlot? _residual = op.Residual is null ? null : backend.Slot(op.Residual);
        private readonly PackedMatrix[] _weight =
            [backend.Own(backend.Packing.OutputMajor(op.Weight, op.Out.Width, op.In.Width))];
        private readonly float* _bias = backend.KeepOrNull(op.Bias);

        public void Add(CpuForward forward)
        {
            forward.AddRows(forward.Buffer(_in), _in.Pitch, 0, forward.Rows(_in.Rows), _in.Width);
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
