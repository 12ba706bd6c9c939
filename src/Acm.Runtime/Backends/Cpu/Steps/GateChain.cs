using Acm.Runtime.Plan;

namespace Acm.Runtime.Backends.Cpu.Steps;

/// <summary>A gate that does not fold, or must not: its Linear layers one after the other.</summary>
internal sealed unsafe class GateChain
{
    private readonly (PackedMatrix[] Weight, nint Bias, Activation Activation, int Outputs)[] _layers;

    public GateChain(Gate gate, CpuBackend backend) =>
        _layers = [.. gate.Layers.Select((layer, i) => (
            (PackedMatrix[])[backend.Own(backend.Packing.OutputMajor(layer.Weight, layer.Weight.Shape[0], layer.Weight.Shape[1]))],
            (nint)backend.Keep(layer.Bias),
            i + 1 == gate.Layers.Count ? Activation.Identity : gate.Activation,
            layer.Bias.Count))];

    /// <summary>Computes the logits of all rows.</summary>
    /// <param name="forward">Gives scratch memory 1 and 2.</param>
    /// <param name="input">[rows, depth].</param>
    /// <param name="depth">Values of a row.</param>
    /// <param name="rows">Rows.</param>
    /// <returns>[rows, outputs], valid until the next chain.</returns>
    public float* Logits(CpuForward forward, float* input, int depth, int rows)
    {
        for (int i = 0; i < _layers.Length; i++)
        {
            var (weight, bias, activation, outputs) = _layers[i];
            float* target = forward.Scratch(1 + i % 2, (long)rows * outputs);
            forward.ClearBlocks();
            forward.AddRows(input, depth, 0, rows, depth);
            forward.Multiply(new GemmCall
            {
                Weights = weight,
                Stride = depth,
                Epilogue = new Epilogue { Bias = (float*)bias, Activation = activation, Out = target, OutStride = outputs },
            });
            input = target;
            depth = outputs;
        }
        return input;
    }
}
