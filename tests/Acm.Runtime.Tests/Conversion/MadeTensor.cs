using Acm.Runtime.Conversion;

namespace Acm.Runtime.Tests.Conversion;

/// <summary>A tensor of no file, for what reads names, shapes and bytes.</summary>
internal sealed class MadeTensor(string name, long[] shape, TensorDType dtype = TensorDType.F32, byte[]? bytes = null) : TensorSource
{
    public override string File => "made";

    public override string Name => name;

    public override TensorDType DType => dtype;

    public override IReadOnlyList<long> Shape => shape;

    public override byte[] ReadBytes() => bytes ?? [];

    public static StateDict State(params IEnumerable<MadeTensor> tensors) => new("made", tensors.ToDictionary(static tensor => tensor.Name, TensorSource (tensor) => tensor));
}
