namespace Acm.Simulator.Parser;

/// <summary>Types of PTX registers, variables and instruction modifiers.</summary>
internal enum PtxType
{
    None, Pred,
    B8, B16, B32, B64, B128, U8, U16, U32, U64, S8, S16, S32, S64, U16x2, S16x2,
    F16, F16x2, BF16, BF16x2, TF32, F32, F32x2, F64, E4M3, E5M2, E4M3x2, E5M2x2, S4, U4, B1,
}

/// <summary>Names and widths of <see cref="PtxType"/>.</summary>
internal static class PtxTypes
{
    private static readonly Dictionary<string, PtxType> s_names =
        Enum.GetValues<PtxType>().Where(t => t != PtxType.None).ToDictionary(t => t.ToString().ToLowerInvariant());

    /// <summary>The type a modifier without its dot names, if any.</summary>
    public static bool TryParse(string name, out PtxType type) => s_names.TryGetValue(name, out type);

    /// <summary>Bits of one value in memory.</summary>
    public static int Bits(this PtxType type) => type switch
    {
        PtxType.B8 or PtxType.U8 or PtxType.S8 or PtxType.E4M3 or PtxType.E5M2 => 8,
        PtxType.B16 or PtxType.U16 or PtxType.S16 or PtxType.F16 or PtxType.BF16 or PtxType.E4M3x2 or PtxType.E5M2x2 => 16,
        PtxType.B64 or PtxType.U64 or PtxType.S64 or PtxType.F64 or PtxType.F32x2 => 64,
        PtxType.B128 => 128,
        PtxType.S4 or PtxType.U4 => 4,
        PtxType.B1 or PtxType.Pred => 1,
        _ => 32,
    };

    public static int Bytes(this PtxType type) => type.Bits() / 8;

    public static bool IsSigned(this PtxType type) => type is PtxType.S8 or PtxType.S16 or PtxType.S32 or PtxType.S64 or PtxType.S4;

    public static bool IsUnsigned(this PtxType type) => type is PtxType.U8 or PtxType.U16 or PtxType.U32 or PtxType.U64 or PtxType.U4;

    public static bool IsInteger(this PtxType type) => type.IsSigned() || type.IsUnsigned();

    public static bool IsUntyped(this PtxType type) => type is PtxType.B8 or PtxType.B16 or PtxType.B32 or PtxType.B64 or PtxType.B128;

    public static bool IsFloat(this PtxType type) => type is PtxType.F16 or PtxType.F16x2 or PtxType.BF16 or PtxType.BF16x2
        or PtxType.TF32 or PtxType.F32 or PtxType.F32x2 or PtxType.F64 or PtxType.E4M3 or PtxType.E5M2 or PtxType.E4M3x2 or PtxType.E5M2x2;
}
