namespace Acm.Simulator.Arithmetic;

/// <summary>
/// Warp-level matrix multiply-add on register planes: register r of lane l lies at <c>[r * 32 + l]</c>, an f64
/// register takes 32 contiguous 64-bit words.
/// </summary>
internal static class Mma
{
    /// <summary>The hardware arithmetic of a compute capability, given as major * 10 + minor.</summary>
    public static MmaArithmetic HardwareOf(int capability) =>
        capability >= 90 ? MmaArithmetic.HardwareHopper : MmaArithmetic.HardwareAmpere;

    /// <summary>
    /// Carries out <paramref name="shape"/> for one whole warp. D may be the same planes as A, B or C: it is written last.
    /// </summary>
    /// <exception cref="NotSupportedException">PTX has no such form (<see cref="MmaShape.IsSupported"/>).</exception>
    public static unsafe void Execute(in MmaShape shape, MmaArithmetic arithmetic, uint* d, uint* a, uint* b, uint* c)
    {
        switch (shape.A)
        {
            case MmaType.F16 or MmaType.Bf16 or MmaType.Tf32 or MmaType.E4M3 or MmaType.E5M2:
                if (arithmetic == MmaArithmetic.Exact)
                    MmaExact.Execute(shape, d, a, b, c);
                else
                    MmaHardware.Execute(shape, arithmetic, d, a, b, c);
                break;
            case MmaType.F64:
                MmaDouble.Execute(shape, (double*)d, (double*)a, (double*)b, (double*)c);
                break;
            case MmaType.S8 or MmaType.U8 or MmaType.S4 or MmaType.U4:
                MmaInteger.Execute(shape, (int*)d, a, b, (int*)c);
                break;
            case MmaType.B1:
                MmaBits.Execute(shape, (int*)d, a, b, (int*)c);
                break;
            default:
                throw new NotSupportedException($"mma with A of type {shape.A}");
        }
    }
}
