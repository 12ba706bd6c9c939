using System.Buffers.Binary;
using System.Text.Json;
using Acm.Simulator.Execution.Handlers;

namespace Acm.Simulator.Conformance;

/// <summary>Elements of buffers by the names the cases use (f16, bf16, i32, ...), and how they are compared.</summary>
internal static class CaseElements
{
    public static int BytesOf(string dtype) => dtype switch
    {
        "i8" or "u8" or "bool" or "i1" or "e4m3" or "e5m2" or "f8e4m3" or "f8e5m2" or "f8" => 1,
        "i16" or "u16" or "f16" or "bf16" => 2,
        "i32" or "u32" or "f32" => 4,
        "i64" or "u64" or "f64" => 8,
        _ => throw new InvalidDataException($"element type '{dtype}' is not known"),
    };

    public static double Value(string dtype, ReadOnlySpan<byte> bytes) => dtype switch
    {
        "f16" => (double)BinaryPrimitives.ReadHalfLittleEndian(bytes),
        "bf16" => Narrows.FromBf16(BinaryPrimitives.ReadUInt16LittleEndian(bytes)),
        "f32" => BinaryPrimitives.ReadSingleLittleEndian(bytes),
        "f64" => BinaryPrimitives.ReadDoubleLittleEndian(bytes),
        "i8" => (sbyte)bytes[0],
        "u8" or "bool" or "i1" => bytes[0],
        "i16" => BinaryPrimitives.ReadInt16LittleEndian(bytes),
        "u16" => BinaryPrimitives.ReadUInt16LittleEndian(bytes),
        "i32" => BinaryPrimitives.ReadInt32LittleEndian(bytes),
        "u32" => BinaryPrimitives.ReadUInt32LittleEndian(bytes),
        "i64" => BinaryPrimitives.ReadInt64LittleEndian(bytes),
        _ => BinaryPrimitives.ReadUInt64LittleEndian(bytes),
    };

    /// <summary>The first element that differs, in words; null where all agree.</summary>
    public static string? FirstDifference(string name, string dtype, ReadOnlySpan<byte> got, ReadOnlySpan<byte> want, CaseTolerance? tolerance)
    {
        if (got.Length != want.Length)
            return $"{name}: {got.Length} bytes, expected {want.Length}";
        if (got.SequenceEqual(want))
            return null;
        int size = BytesOf(dtype);
        int wrong = 0;
        string? first = null;
        for (int at = 0; at < got.Length; at += size)
        {
            if (Agree(dtype, got.Slice(at, size), want.Slice(at, size), tolerance))
                continue;
            wrong++;
            first ??= $"{name}[{at / size}] = {Text(dtype, got.Slice(at, size))}, expected {Text(dtype, want.Slice(at, size))}";
        }

        return first is null ? null : $"{first} ({wrong} of {got.Length / size} differ)";
    }

    private static string Text(string dtype, ReadOnlySpan<byte> bytes)
    {
        string hex = "";
        for (int i = bytes.Length - 1; i >= 0; i--)
            hex += bytes[i].ToString("x2", System.Globalization.CultureInfo.InvariantCulture);
        return $"{Value(dtype, bytes):R} (0x{hex})";
    }

    private static bool Agree(string dtype, ReadOnlySpan<byte> got, ReadOnlySpan<byte> want, CaseTolerance? tolerance)
    {
        if (got.SequenceEqual(want))
            return true;
        bool isFloat = dtype[0] == 'f' || dtype == "bf16";
        if (!isFloat && tolerance is null)
            return false;
        double a = Value(dtype, got), b = Value(dtype, want);
        if (double.IsNaN(b))
            return double.IsNaN(a);
        return tolerance is not null && (a == b || Math.Abs(a - b) <= tolerance.Absolute + (tolerance.Relative * Math.Abs(b)));
    }

    /// <summary>Writes a scalar argument in the width of its parameter.</summary>
    public static void WriteScalar(Span<byte> into, string type, JsonElement value)
    {
        ulong bits = type switch
        {
            "f32" => BitConverter.SingleToUInt32Bits((float)Number(value)),
            "f64" => BitConverter.DoubleToUInt64Bits(Number(value)),
            "f16" => BitConverter.HalfToUInt16Bits((Half)Number(value)),
            "bf16" => Narrows.ToBf16(Number(value), RoundMode.Nearest),
            _ => value.ValueKind switch
            {
                JsonValueKind.True => 1,
                JsonValueKind.Number when value.TryGetInt64(out long signed) => (ulong)signed,
                JsonValueKind.Number when value.TryGetUInt64(out ulong unsigned) => unsigned,
                _ => 0,
            },
        };
        for (int i = 0; i < into.Length; i++)
            into[i] = (byte)(bits >> (8 * Math.Min(i, 7)));
    }

    private static double Number(JsonElement value) => value.ValueKind == JsonValueKind.Number
        ? value.GetDouble()
        : value.GetString() switch { "inf" or "Infinity" => double.PositiveInfinity, "-inf" or "-Infinity" => double.NegativeInfinity, _ => double.NaN };
}
