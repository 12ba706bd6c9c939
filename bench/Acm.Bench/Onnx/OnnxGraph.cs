using System.Runtime.InteropServices;

namespace Acm.Bench.Onnx;

/// <summary>An ONNX model under construction: nodes, float initializers, one input, one output.</summary>
internal sealed class OnnxGraph
{
    public const int Int32Type = 6;
    private const int FloatType = 1, Int64Type = 7;
    private readonly ProtoMessage _graph = new ProtoMessage().Text(2, "acm");
    private int _names;

    /// <summary>A name nothing else has.</summary>
    public string Fresh(string hint) => $"{hint}_{_names++}";

    /// <summary>Adds a node of the standard domain, or of <paramref name="domain"/>; returns the name of its first output.</summary>
    public string Node(string op, string[] inputs, int outputs = 1, string domain = "", params (string Name, object Value)[] attributes) =>
        Nodes(op, inputs, outputs, domain, attributes)[0];

    /// <summary>The same, returning all outputs.</summary>
    public string[] Nodes(string op, string[] inputs, int outputs, string domain = "", params (string Name, object Value)[] attributes)
    {
        var node = new ProtoMessage();
        foreach (string input in inputs)
            node.Text(1, input);
        string[] names = [.. Enumerable.Range(0, outputs).Select(_ => Fresh(op))];
        foreach (string name in names)
            node.Text(2, name);
        node.Text(4, op);
        foreach (var (name, value) in attributes)
            node.Message(5, Attribute(name, value));
        node.Text(7, domain);
        _graph.Message(1, node);
        return names;
    }

    /// <summary>Adds a float weight.</summary>
    public string Weight(ReadOnlySpan<float> values, params long[] shape) => Initializer(FloatType, MemoryMarshal.AsBytes(values), shape);

    /// <summary>Adds an int64 constant.</summary>
    public string Integers(params long[] values) => Initializer(Int64Type, MemoryMarshal.AsBytes<long>(values), values.Length);

    /// <summary>Declares the model's input; a size of -1 is free.</summary>
    public void Input(string name, params long[] shape) => InputOf(FloatType, name, shape);

    /// <summary>The same, of any element type.</summary>
    public void InputOf(int type, string name, params long[] shape) => _graph.Message(11, ValueInfo(name, type, shape));

    /// <summary>Declares the model's output.</summary>
    public void Output(string name, params long[] shape) => _graph.Message(12, ValueInfo(name, FloatType, shape));

    /// <summary>The finished file.</summary>
    public byte[] ToModel() => new ProtoMessage()
        .Int(1, 8)
        .Text(2, "acm-bench")
        .Message(7, _graph)
        .Message(8, new ProtoMessage().Text(1, "").Int(2, 17))
        .Message(8, new ProtoMessage().Text(1, "com.microsoft").Int(2, 1))
        .ToArray();

    private string Initializer(int type, ReadOnlySpan<byte> bytes, params long[] shape)
    {
        string name = Fresh("w");
        var tensor = new ProtoMessage();
        foreach (long size in shape)
            tensor.Int(1, size);
        _graph.Message(5, tensor.Int(2, type).Text(8, name).Bytes(9, bytes));
        return name;
    }

    private static ProtoMessage Attribute(string name, object value)
    {
        var attribute = new ProtoMessage().Text(1, name);
        switch (value)
        {
            case float f:
                return attribute.Float(2, f).Int(20, 1);
            case long i:
                return attribute.Int(3, i).Int(20, 2);
            case long[] many:
                foreach (long i in many)
                    attribute.Int(8, i);
                return attribute.Int(20, 7);
            default:
                throw new ArgumentException($"attribute {name}: {value.GetType()}");
        }
    }

    private static ProtoMessage ValueInfo(string name, int type, long[] shape)
    {
        var sizes = new ProtoMessage();
        foreach (long size in shape)
            sizes.Message(1, size < 0 ? new ProtoMessage().Text(2, "batch") : new ProtoMessage().Int(1, size));
        var tensor = new ProtoMessage().Int(1, type).Message(2, sizes);
        return new ProtoMessage().Text(1, name).Message(2, new ProtoMessage().Message(1, tensor));
    }
}
