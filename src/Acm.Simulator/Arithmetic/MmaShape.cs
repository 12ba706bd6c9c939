namespace Acm.Simulator.Arithmetic;

/// <summary>Element types of <c>mma.sync</c> operands.</summary>
internal enum MmaType { F16, Bf16, Tf32, F32, F64, E4M3, E5M2, S32, S8, U8, S4, U4, B1 }

/// <summary>How the bits of a <c>b1</c> product are combined before they are counted.</summary>
internal enum MmaBitOperation { None, XorPopc, AndPopc }

/// <summary>One form of <c>mma.sync</c>, or a warp's part of eight columns of a <c>wgmma</c>: D[m,n] = A[m,k] B[k,n] + C[m,n].</summary>
internal readonly record struct MmaShape(
    int M, int N, int K, MmaType A, MmaType B, MmaType C, MmaType D,
    bool Saturate = false, MmaBitOperation Bits = MmaBitOperation.None, bool WarpGroup = false)
{
    /// <summary>Multiplications and additions of one warp-level instruction.</summary>
    public long Flops => 2L * M * N * K;

    /// <summary>32-bit registers per lane that hold A (an f64 counts as two).</summary>
    public int RegistersA => Math.Max(1, M * K * BitsOf(A) / 1024);

    /// <summary>32-bit registers per lane that hold B.</summary>
    public int RegistersB => Math.Max(1, K * N * BitsOf(B) / 1024);

    /// <summary>32-bit registers per lane that hold C.</summary>
    public int RegistersC => M * N * BitsOf(C) / 1024;

    /// <summary>32-bit registers per lane that hold D.</summary>
    public int RegistersD => M * N * BitsOf(D) / 1024;

    /// <summary>Width of an element in its register.</summary>
    public static int BitsOf(MmaType type) => type switch
    {
        MmaType.F64 => 64,
        MmaType.F32 or MmaType.Tf32 or MmaType.S32 => 32,
        MmaType.F16 or MmaType.Bf16 => 16,
        MmaType.E4M3 or MmaType.E5M2 or MmaType.S8 or MmaType.U8 => 8,
        MmaType.S4 or MmaType.U4 => 4,
        _ => 1,
    };

    /// <summary>Whether PTX has this form and <see cref="Mma.Execute"/> runs it.</summary>
    public bool IsSupported => N == 8 && (A, B) switch
    {
        (MmaType.F16, MmaType.F16) => M == 16 && K is 8 or 16 && C == D && IsFloatSum,
        (MmaType.Bf16, MmaType.Bf16) => M == 16 && K is 8 or 16 && C == MmaType.F32 && D == MmaType.F32,
        (MmaType.Tf32, MmaType.Tf32) => M == 16 && K is 4 or 8 && C == MmaType.F32 && D == MmaType.F32,
        (MmaType.E4M3 or MmaType.E5M2, MmaType.E4M3 or MmaType.E5M2) => M == 16 && K is 16 or 32 && C == D && IsFloatSum,
        (MmaType.F64, MmaType.F64) => C == MmaType.F64 && D == MmaType.F64 && (M, K) is (8, 4) or (16, 4) or (16, 8) or (16, 16),
        (MmaType.S8 or MmaType.U8, MmaType.S8 or MmaType.U8) => IsIntegerSum && (M, K) is (8, 16) or (16, 16) or (16, 32),
        (MmaType.S4 or MmaType.U4, MmaType.S4 or MmaType.U4) => IsIntegerSum && (M, K) is (8, 32) or (16, 32) or (16, 64),
        (MmaType.B1, MmaType.B1) => IsIntegerSum && Bits != MmaBitOperation.None && (M, K) is (8, 128) or (16, 128) or (16, 256),
        _ => false,
    };

    private bool IsFloatSum => D is MmaType.F32 or MmaType.F16;

    private bool IsIntegerSum => C == MmaType.S32 && D == MmaType.S32;
}

/// <summary>What a tensor core does with the products of a row and a column.</summary>
internal enum MmaArithmetic
{
    /// <summary>Products summed in double, rounded once to nearest.</summary>
    Exact,

    /// <summary>Turing, Ampere, Ada: terms aligned to the largest and cut to 24 fraction bits (8-bit floats: 13), 16 bytes of a row at a time.</summary>
    HardwareAmpere,

    /// <summary>Hopper and later: 25 fraction bits (8-bit floats of wgmma: 13), 32 bytes of a row at a time.</summary>
    HardwareHopper,
}
