using System.Runtime.CompilerServices;
using Acm.Runtime.Plan;

namespace Acm.Runtime.Backends.Cpu.Steps;

/// <summary>Patches gathered as rows, one product, positions added on the way out; class tokens beside them.</summary>
internal sealed unsafe class PatchEmbedStep : CpuStep
{
    private readonly PatchEmbed _op;
    private readonly BufferSlot _out;
    private readonly PackedMatrix[] _weight;
    private readonly float* _bias, _classToken, _positions;
    private readonly int _side, _depth;

    public PatchEmbedStep(PatchEmbed op, CpuBackend backend)
    {
        _op = op;
        _out = backend.Slot(op.Out);
        _side = op.ImageSize / op.PatchSize;
        _depth = op.Channels * op.PatchSize * op.PatchSize;
        _weight = [backend.Own(backend.Packing.OutputMajor(op.Weight, op.Out.Width, _depth))];
        _bias = backend.KeepOrNull(op.Bias);
        _positions = backend.Keep(op.Positions);
        // Row 0 never changes: class token and its position, added once.
        float[] first = CpuBackend.Values(op.ClassToken);
        float[] positions = CpuBackend.Values(op.Positions);
        for (int i = 0; i < first.Length; i++)
            first[i] += positions[i];
        _classToken = backend.Keep(first);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Run(CpuForward forward, in ForwardRun run)
    {
        int perImage = _side * _side, patches = forward.Sequences * perImage, width = _out.Width;
        float* rows = forward.Scratch(0, (long)patches * _depth);
        int* outRows = forward.Map(0, patches), positionRows = forward.Map(1, patches);
        fixed (float* pixels = run.Values)
            for (int image = 0; image < forward.Sequences; image++)
            {
                new ReadOnlySpan<float>(_classToken, width).CopyTo(new Span<float>(forward.Buffer(_out) + (nint)image * (perImage + 1) * width, width));
                for (int p = 0; p < perImage; p++)
                {
                    int row = image * perImage + p;
                    outRows[row] = image * (perImage + 1) + 1 + p;
                    positionRows[row] = 1 + p;
                    Gather(pixels + (nint)image * _op.Channels * _op.ImageSize * _op.ImageSize, p, rows + (nint)row * _depth);
                }
            }
        GemmCall call = new()
        {
            Weights = _weight,
            Stride = _depth,
            Epilogue = new Epilogue
            {
                Bias = _bias,
                Out = forward.Buffer(_out),
                OutStride = width,
                OutRows = outRows,
                Residual = _positions,
                ResidualStride = width,
                ResidualRows = positionRows,
            },
        };
        forward.ClearBlocks();
        int lanes = Lanes.Count(patches, forward.Threads);
        for (int lane = 0; lane < lanes; lane++)
        {
            int start = Lanes.Start(lane, lanes, patches);
            forward.AddRows(rows + (nint)start * _depth, _depth, start, Lanes.Start(lane + 1, lanes, patches) - start, _depth);
            forward.Add(call);
            forward.EndLane();
        }
        forward.Multiply();
    }

    private void Gather(float* image, int patch, float* row)
    {
        int size = _op.PatchSize;
        for (int channel = 0; channel < _op.Channels; channel++)
            for (int y = 0; y < size; y++, row += size)
            {
                float* line = image + ((nint)channel * _op.ImageSize + patch / _side * size + y) * _op.ImageSize + patch % _side * size;
                new ReadOnlySpan<float>(line, size).CopyTo(new Span<float>(row, size));
            }
    }
}
