namespace Acm.Runtime;

/// <summary>The element types a safetensors file can hold. A model's weights are F32, F16 or BF16.</summary>
public enum TensorDType
{
    /// <summary>One byte, 0 or 1.</summary>
    Bool,
    /// <summary>Unsigned byte.</summary>
    U8,
    /// <summary>Signed byte.</summary>
    I8,
    /// <summary>8-bit float, 4 exponent bits, 3 fraction bits.</summary>
    F8E4M3,
    /// <summary>8-bit float, 5 exponent bits, 2 fraction bits.</summary>
    F8E5M2,
    /// <summary>8-bit power of two.</summary>
    F8E8M0,
    /// <summary>Signed 16-bit integer.</summary>
    I16,
    /// <summary>Unsigned 16-bit integer.</summary>
    U16,
    /// <summary>IEEE half precision.</summary>
    F16,
    /// <summary>The upper half of an F32.</summary>
    BF16,
    /// <summary>Signed 32-bit integer.</summary>
    I32,
    /// <summary>Unsigned 32-bit integer.</summary>
    U32,
    /// <summary>IEEE single precision.</summary>
    F32,
    /// <summary>Two F32: a complex number.</summary>
    C64,
    /// <summary>Signed 64-bit integer.</summary>
    I64,
    /// <summary>Unsigned 64-bit integer.</summary>
    U64,
    /// <summary>IEEE double precision.</summary>
    F64,
}

/// <summary>Names and sizes of the element types.</summary>
internal static class TensorDTypes
{
    private static readonly (TensorDType Type, string Name, int Size)[] Table =
    [
        (TensorDType.Bool, "BOOL", 1), (TensorDType.U8, "U8", 1), (TensorDType.I8, "I8", 1),
        (TensorDType.F8E4M3, "F8_E4M3", 1), (TensorDType.F8E5M2, "F8_E5M2", 1), (TensorDType.F8E8M0, "F8_E8M0", 1),
        (TensorDType.I16, "I16", 2), (TensorDType.U16, "U16", 2), (TensorDType.F16, "F16", 2), (TensorDType.BF16, "BF16", 2),
        (TensorDType.I32, "I32", 4), (TensorDType.U32, "U32", 4), (TensorDType.F32, "F32", 4),
        (TensorDType.C64, "C64", 8), (TensorDType.I64, "I64", 8), (TensorDType.U64, "U64", 8), (TensorDType.F64, "F64", 8),
    ];

    /// <summary>Bytes per element.</summary>
    public static int Size(this TensorDType type) => Table[(int)type].Size;

    /// <summary>The name a safetensors header uses.</summary>
    public static string FormatName(this TensorDType type) => Table[(int)type].Name;

    /// <summary>Whether a model's weights may have this type.</summary>
    public static bool IsWeightType(this TensorDType type) => type is TensorDType.F32 or TensorDType.F16 or TensorDType.BF16;

    /// <summary>Finds a type by the name a safetensors header uses.</summary>
    public static bool TryParse(string name, out TensorDType type)
    {
        foreach (var row in Table)
        {
            if (row.Name == name)
            {
                type = row.Type;
                return true;
            }
        }
        type = default;
        return false;
    }
}
