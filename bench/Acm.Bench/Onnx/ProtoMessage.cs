using Google.Protobuf;

namespace Acm.Bench.Onnx;

/// <summary>A protobuf message written field by field: ONNX needs five kinds of them, too few for generated code.</summary>
internal sealed class ProtoMessage
{
    private readonly MemoryStream _bytes = new();
    private readonly CodedOutputStream _out;

    public ProtoMessage() => _out = new CodedOutputStream(_bytes, leaveOpen: true);

    public ProtoMessage Int(int field, long value)
    {
        _out.WriteTag(field, WireFormat.WireType.Varint);
        _out.WriteInt64(value);
        return this;
    }

    public ProtoMessage Float(int field, float value)
    {
        _out.WriteTag(field, WireFormat.WireType.Fixed32);
        _out.WriteFloat(value);
        return this;
    }

    public ProtoMessage Text(int field, string value) => Bytes(field, System.Text.Encoding.UTF8.GetBytes(value));

    public ProtoMessage Message(int field, ProtoMessage value)
    {
        value._out.Flush();
        return Bytes(field, value._bytes.GetBuffer().AsSpan(0, (int)value._bytes.Length));
    }

    /// <summary>Length, then the bytes past the coder's own buffer: weights are large.</summary>
    public ProtoMessage Bytes(int field, ReadOnlySpan<byte> value)
    {
        _out.WriteTag(field, WireFormat.WireType.LengthDelimited);
        _out.WriteLength(value.Length);
        _out.Flush();
        _bytes.Write(value);
        return this;
    }

    public byte[] ToArray()
    {
        _out.Flush();
        return _bytes.ToArray();
    }
}
