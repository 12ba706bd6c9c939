namespace Acm.Simulator.Arithmetic;

/// <summary>
/// One step of a tensor core's sum, element by element: the terms are aligned to the largest exponent, cut toward zero
/// to a number of fraction bits below it, and added exactly. The plain form of what <see cref="MmaHardware"/> does with vectors,
/// for every value there is.
/// </summary>
internal ref struct FusedSum
{
    private const int None = int.MinValue;
    private readonly Span<Term> _terms;
    private int _count;
    private bool _nan, _plusInfinity, _minusInfinity;

    public FusedSum(Span<Term> room) => _terms = room;

    /// <summary>A term: significand * 2^(exponent - 23) for an addend, or * 2^(exponent - 46) for a product.</summary>
    internal readonly record struct Term(long Significand, int Exponent, int FractionBits);

    /// <summary>Adds an addend; <paramref name="leastExponent"/> is the unbiased exponent of its format's subnormals.</summary>
    public void Add(float x, int leastExponent)
    {
        if (!float.IsFinite(x))
            AddSpecial(x);
        else
            Push(Split(x, leastExponent, out int exponent), exponent, 23);
    }

    /// <summary>Adds a product of two values that are exact in float32 with at most 11 significant bits.</summary>
    public void AddProduct(float x, float y, int leastX, int leastY)
    {
        if (!float.IsFinite(x) || !float.IsFinite(y))
        {
            AddSpecial(x * y);
            return;
        }

        long sx = Split(x, leastX, out int ex), sy = Split(y, leastY, out int ey);
        Push(sx * sy, ex + ey, 46);
    }

    /// <summary>The sum as an integer times a power of two, when all terms were finite.</summary>
    public readonly bool TryFinish(int fractionBits, out long sum, out int exponent, out float special)
    {
        sum = 0;
        exponent = 0;
        special = 0;
        if (_nan || (_plusInfinity && _minusInfinity))
            special = float.NaN;
        else if (_plusInfinity || _minusInfinity)
            special = _plusInfinity ? float.PositiveInfinity : float.NegativeInfinity;
        if (special != 0)
            return false;

        int largest = None;
        for (int i = 0; i < _count; i++)
            largest = Math.Max(largest, _terms[i].Exponent);
        if (largest == None)
            return true;
        exponent = largest - fractionBits;
        for (int i = 0; i < _count; i++)
        {
            Term term = _terms[i];
            long magnitude = Math.Abs(term.Significand);
            int shift = exponent - (term.Exponent - term.FractionBits);
            magnitude = shift >= 64 ? 0 : shift >= 0 ? magnitude >> shift : magnitude << -shift;
            sum += term.Significand < 0 ? -magnitude : magnitude;
        }

        return true;
    }

    private static long Split(float x, int leastExponent, out int exponent)
    {
        int bits = BitConverter.SingleToInt32Bits(x), field = (bits >> 23) & 0xff;
        long significand = (bits & 0x7fffff) | (field == 0 ? 0 : 0x800000);
        exponent = Math.Max(field, 1) - 127;
        if (exponent < leastExponent) // normal in float32, subnormal in its own format
        {
            significand >>= leastExponent - exponent;
            exponent = leastExponent;
        }

        return bits < 0 ? -significand : significand;
    }

    private void Push(long significand, int exponent, int fractionBits)
    {
        if (significand != 0) // a zero takes no part in the alignment
            _terms[_count++] = new Term(significand, exponent, fractionBits);
    }

    private void AddSpecial(float x)
    {
        if (float.IsNaN(x))
            _nan = true;
        else if (x > 0)
            _plusInfinity = true;
        else
            _minusInfinity = true;
    }
}
