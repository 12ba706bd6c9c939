using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace Acm.Native.Doctor;

/// <summary>
/// What the processor can do, and whether this program uses it. A NativeAOT program is compiled for a fixed baseline: unless told otherwise it takes
/// 128-bit vectors on a machine that has 512-bit ones, silently and several times slower.
/// </summary>
internal static class ProcessorFindings
{
    public static DoctorFinding InstructionSets() => Judge(OfferedBits, UsedBits, compiledAhead: !RuntimeFeature.IsDynamicCodeSupported);

    /// <summary>Width of the vectors this program computes with; 0: none.</summary>
    public static int UsedBits { get; } =
        Vector512.IsHardwareAccelerated ? 512 : Vector256.IsHardwareAccelerated ? 256 : Vector128.IsHardwareAccelerated ? 128 : 0;

    /// <summary>Width of the vectors the processor has.</summary>
    public static int OfferedBits { get; } = Machine();

    /// <summary>The finding for a machine with vectors of <paramref name="has"/> bits in a program that uses <paramref name="uses"/>.</summary>
    public static DoctorFinding Judge(int has, int uses, bool compiledAhead)
    {
        List<string> details = [$"instruction sets in use: {Sets()}", $"Vector<float> has {Vector<float>.Count} lanes; {Environment.ProcessorCount} cores; {(compiledAhead ? "compiled ahead of time" : "compiled just in time")}"];
        string found = $"{RuntimeInformation.ProcessArchitecture}: vectors of {has} bits, {uses} used";
        if (uses >= has)
            return new("processor", uses >= 128 ? DoctorState.Good : DoctorState.Limited, found, "", details);
        string step = compiledAhead
            ? "this NativeAOT program was published for an older processor: publish with <IlcInstructionSet>native</IlcInstructionSet> (or x86-64-v3, x86-64-v4)"
            : "wider vectors are switched off: unset DOTNET_EnableAVX2, DOTNET_EnableAVX512 and DOTNET_EnableHWIntrinsic";
        return new("processor", DoctorState.Limited, found, step, details);
    }

    // Asked of the processor itself: the runtime's own answers are fixed when a program is compiled ahead of time.
    private static int Machine()
    {
        if (!X86Base.IsSupported)
            return AdvSimd.IsSupported ? 128 : 0;
        (int highest, _, _, _) = X86Base.CpuId(0, 0);
        if (highest < 7)
            return 128;
        (_, int features, _, _) = X86Base.CpuId(7, 0);
        const int Avx2Bit = 1 << 5, Avx512Bits = (1 << 16) | (1 << 17) | (1 << 30) | (1 << 31);
        return (features & Avx512Bits) == Avx512Bits ? 512 : (features & Avx2Bit) != 0 ? 256 : 128;
    }

    private static string Sets()
    {
        (string Name, bool Has)[] sets =
        [
            ("SSE4.2", Sse42.IsSupported), ("AVX", Avx.IsSupported), ("AVX2", Avx2.IsSupported), ("FMA", Fma.IsSupported), ("AVX-512F", Avx512F.IsSupported),
            ("AVX-512BW", Avx512BW.IsSupported), ("AVX-512VBMI", Avx512Vbmi.IsSupported), ("AdvSimd", AdvSimd.IsSupported), ("Dp", Dp.IsSupported),
        ];
        return string.Join(", ", sets.Where(s => s.Has).Select(s => s.Name));
    }
}
