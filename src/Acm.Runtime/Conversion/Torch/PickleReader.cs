using System.Buffers.Binary;
using System.Text;

namespace Acm.Runtime.Conversion.Torch;

/// <summary>A cursor over a pickle's bytes that never goes past their end and never allocates what a length in them asks for.</summary>
internal ref struct PickleReader(string file, ReadOnlySpan<byte> bytes)
{
    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private readonly ReadOnlySpan<byte> _bytes = bytes;

    /// <summary>Bytes read so far.</summary>
    public int Position { get; private set; }

    public readonly bool AtEnd => Position == _bytes.Length;

    public byte Byte() => Take(1)[0];

    public ushort UInt16() => BinaryPrimitives.ReadUInt16LittleEndian(Take(2));

    public int Int32() => BinaryPrimitives.ReadInt32LittleEndian(Take(4));

    public uint UInt32() => BinaryPrimitives.ReadUInt32LittleEndian(Take(4));

    public double Double() => BinaryPrimitives.ReadDoubleBigEndian(Take(8));

    /// <summary>A little-endian two's complement number of <paramref name="length"/> bytes.</summary>
    public long Integer(int length)
    {
        var digits = Take(length);
        if (length > sizeof(long))
        {
            throw Wrong("whole numbers of at most 8 bytes", $"one of {length}");
        }
        long value = length > 0 && digits[^1] >= 0x80 ? -1 : 0;
        for (int i = length - 1; i >= 0; i--)
        {
            value = value << 8 | digits[i];
        }
        return value;
    }

    /// <summary>Text in UTF-8, of so many bytes.</summary>
    public string Text(uint length)
    {
        if (length > int.MaxValue)
        {
            throw Wrong($"text within the pickle's {_bytes.Length} bytes", $"a length of {length}");
        }
        return Decode(Take((int)length));
    }

    /// <summary>Text up to a newline.</summary>
    public string Line()
    {
        int length = _bytes[Position..].IndexOf((byte)'\n');
        if (length < 0)
        {
            throw Wrong("a line that ends", "the end of the pickle");
        }
        string text = Decode(Take(length));
        Position++;
        return text;
    }

    public readonly ModelFormatException Wrong(string expected, string found) =>
        new(file, null, $"a pickle with {expected}", $"{found}, before byte {Position} of it");

    private readonly string Decode(ReadOnlySpan<byte> utf8)
    {
        try
        {
            return StrictUtf8.GetString(utf8);
        }
        catch (DecoderFallbackException)
        {
            throw Wrong("text in UTF-8", "invalid UTF-8");
        }
    }

    private ReadOnlySpan<byte> Take(int length)
    {
        if (length > _bytes.Length - Position)
        {
            throw Wrong($"{length} more bytes", $"{_bytes.Length - Position}");
        }
        Position += length;
        return _bytes.Slice(Position - length, length);
    }
}
