namespace Acm.Runtime.Backends.Reference;

/// <summary>The error function, from its series and its continued fraction.</summary>
internal static class ErrorFunction
{
    /// <summary>erfc(x) = 1 - erf(x), with full relative precision in the right tail too.</summary>
    public static double Complement(double x) => x switch
    {
        >= 1 => Tail(x),
        <= -1 => 2 - Tail(-x),
        _ => 1 - Series(x),
    };

    // erf(x) = 2 / sqrt(pi) exp(-x^2) sum_n 2^n x^(2n+1) / (1 * 3 * .. * (2n+1)): all terms of one sign.
    private static double Series(double x)
    {
        double term = x, sum = x;
        for (int n = 1; Math.Abs(term) > 1e-17 * Math.Abs(sum); n++)
        {
            term *= 2 * x * x / (2 * n + 1);
            sum += term;
        }
        return 2 / Math.Sqrt(Math.PI) * Math.Exp(-x * x) * sum;
    }

    // erfc(x) = exp(-x^2) / sqrt(pi) / (x + (1/2) / (x + (2/2) / (x + (3/2) / (x + ..)))), from the inside out.
    private static double Tail(double x)
    {
        double square = x * x;
        if (square > 800)
        {
            return 0;
        }
        double fraction = x;
        for (int n = 20 + (int)(200 / square); n > 0; n--)
        {
            fraction = x + n / 2.0 / fraction;
        }
        // exp magnifies the rounding of x^2: what it lost goes in as a factor.
        double lost = Math.FusedMultiplyAdd(x, x, -square);
        return Math.Exp(-square) * (1 - lost) / Math.Sqrt(Math.PI) / fraction;
    }
}
