namespace Acm.Simulator.Arithmetic;

/// <summary>Floats rounded to integers, as float or as integer types.</summary>
internal static class ToInteger
{
    /// <summary>Rounded to an integral value, still a float (<c>cvt.rni.f32.f32</c> and the like; exact for f16, f32, f64).</summary>
    public static double Integral(double x, Rounding mode) => mode switch
    {
        Rounding.NearestEven => Math.Round(x, MidpointRounding.ToEven),
        Rounding.Zero => Math.Truncate(x),
        Rounding.Down => Math.Floor(x),
        Rounding.Up => Math.Ceiling(x),
        _ => Math.Round(x, MidpointRounding.AwayFromZero),
    };

    /// <summary>
    /// To a signed integer of <paramref name="bits"/> (8 to 64), clamped to its range. NaN gives 0, in 64 bits 0x8000000000000000.
    /// </summary>
    public static long Signed(double x, Rounding mode, int bits)
    {
        if (double.IsNaN(x))
            return bits == 64 ? long.MinValue : 0;
        double whole = Integral(x, mode), limit = Math.ScaleB(1, bits - 1);
        if (whole >= limit)
            return long.MaxValue >> (64 - bits);
        return whole < -limit ? long.MinValue >> (64 - bits) : (long)whole;
    }

    /// <summary>
    /// To an unsigned integer of <paramref name="bits"/> (8 to 64), clamped to its range. NaN gives 0, in 64 bits 0x8000000000000000.
    /// </summary>
    public static ulong Unsigned(double x, Rounding mode, int bits)
    {
        if (double.IsNaN(x))
            return bits == 64 ? 1UL << 63 : 0;
        double whole = Integral(x, mode);
        if (whole >= Math.ScaleB(1, bits))
            return ulong.MaxValue >> (64 - bits);
        return whole <= 0 ? 0 : (ulong)whole;
    }
}
