namespace Acm.Runtime.Conversion;

/// <summary>A tensor of a file that is being converted; its shape is known, its values are read when they are written.</summary>
internal abstract class TensorSource
{
    /// <summary>The file it lies in.</summary>
    public abstract string File { get; }

    /// <summary>Its name there.</summary>
    public abstract string Name { get; }

    public abstract TensorDType DType { get; }

    /// <summary>Sizes, outermost first, whose product is within what the file holds.</summary>
    public abstract IReadOnlyList<long> Shape { get; }

    /// <summary>All values in row-major order, little-endian. The caller may not change them.</summary>
    public abstract byte[] ReadBytes();
}

/// <summary>A tensor of a safetensors file.</summary>
internal sealed class SafeTensorsSource(TensorView view) : TensorSource
{
    public override string File => view.File;

    public override string Name => view.Name;

    public override TensorDType DType => view.DType;

    public override IReadOnlyList<long> Shape { get; } = view.Shape.ToArray();

    public override byte[] ReadBytes() => view.Bytes.ToArray();
}

/// <summary>The tensors of one file, by name.</summary>
internal sealed class StateDict(string file, IReadOnlyDictionary<string, TensorSource> tensors)
{
    public string File { get; } = file;

    public IReadOnlyDictionary<string, TensorSource> Tensors { get; } = tensors;

    /// <summary>A tensor that must be there.</summary>
    public TensorSource Need(string name) =>
        Tensors.TryGetValue(name, out var tensor) ? tensor : throw new ModelFormatException(File, name, "a tensor of this name", "none");

    /// <summary>A tensor that must be there and have so many sizes, each at least 1.</summary>
    public TensorSource Need(string name, int rank)
    {
        var tensor = Need(name);
        return tensor.Shape.Count == rank && tensor.Shape.All(size => size > 0)
            ? tensor
            : throw new ModelFormatException(File, name, $"{rank} sizes of at least 1", TensorShape.Text([.. tensor.Shape]));
    }

    /// <summary>All tensors of an open safetensors file.</summary>
    public static StateDict Of(SafeTensorsFile file) =>
        new(file.Path, file.Names.ToDictionary(name => name, TensorSource (name) => new SafeTensorsSource(file.Get(name)), StringComparer.Ordinal));
}
