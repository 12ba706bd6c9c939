using System.Runtime.InteropServices;

namespace Acm.Runtime.Conversion;

/// <summary>A tensor on its way into a package: a source under its new name, or some of the source's rows.</summary>
internal sealed class PackageTensor
{
    private readonly long _firstRow;

    public PackageTensor(string name, TensorSource source)
        : this(name, source, 0, source.Shape.Count > 0 ? source.Shape[0] : 0) => Shape = [.. source.Shape];

    public PackageTensor(string name, TensorSource source, long firstRow, long rows)
    {
        Name = name;
        Source = source;
        _firstRow = firstRow;
        Shape = [rows, .. source.Shape.Skip(1)];
        if (!source.DType.IsWeightType() && source.DType != TensorDType.F64)
        {
            throw new ModelFormatException(source.File, source.Name, "F32, F16, BF16 or F64", source.DType.FormatName());
        }
    }

    /// <summary>The name in the package.</summary>
    public string Name { get; }

    public TensorSource Source { get; }

    public long[] Shape { get; }

    /// <summary>As in the source, but F32 for F64, which packages do not hold.</summary>
    public TensorDType DType => Source.DType == TensorDType.F64 ? TensorDType.F32 : Source.DType;

    /// <summary>The bytes to write.</summary>
    public byte[] ReadBytes()
    {
        byte[] all = Source.ReadBytes();
        TensorShape.TryCount(Shape, out long count);
        int size = Source.DType.Size();
        long rowBytes = Shape.Length > 0 && Shape[0] > 0 ? count / Shape[0] * size : 0;
        var own = all.AsSpan((int)(_firstRow * rowBytes), (int)(count * size));
        if (Source.DType == TensorDType.F64)
        {
            float[] narrow = new float[count];
            Widening.DoubleToSingle(MemoryMarshal.Cast<byte, double>(own), narrow);
            return MemoryMarshal.AsBytes(narrow.AsSpan()).ToArray();
        }
        return own.Length == all.Length ? all : own.ToArray();
    }
}
