using System.Globalization;

namespace Acm.Simulator.Parser;

/// <summary>Constants of PTX: integers in four bases, <c>0f</c>/<c>0d</c> bit patterns, decimal floats (f64).</summary>
internal static class PtxNumber
{
    public static bool TryParse(string word, out long bits, out PtxType type)
    {
        bits = 0;
        type = PtxType.None;
        if (word.Length > 2 && word[0] == '0' && word[1] is 'f' or 'F' or 'd' or 'D')
            return TryBits(word, out bits, out type);

        string digits = word.EndsWith('U') ? word[..^1] : word;
        type = word.EndsWith('U') ? PtxType.U64 : PtxType.S64;
        ulong value;
        if (digits.StartsWith("0x", StringComparison.OrdinalIgnoreCase))
        {
            if (!ulong.TryParse(digits.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out value))
                return false;
        }
        else if (digits.StartsWith("0b", StringComparison.OrdinalIgnoreCase))
        {
            if (!ulong.TryParse(digits.AsSpan(2), NumberStyles.AllowBinarySpecifier, CultureInfo.InvariantCulture, out value))
                return false;
        }
        else if (digits.Length > 1 && digits[0] == '0' && digits.All(c => c is >= '0' and <= '7'))
        {
            string octal = digits.TrimStart('0');
            if (octal.Length > 22 || (octal.Length == 22 && octal[0] > '1'))
                return false;
            value = octal.Aggregate(0UL, (sum, c) => (sum << 3) | (uint)(c - '0'));
        }
        else if (!ulong.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out value))
        {
            type = PtxType.F64;
            bool isFloat = digits.Contains('.') || digits.Contains('e') || digits.Contains('E');
            if (!isFloat || !double.TryParse(digits, NumberStyles.Float, CultureInfo.InvariantCulture, out double real))
                return false;
            bits = BitConverter.DoubleToInt64Bits(real);
            return true;
        }

        bits = (long)value;
        return true;
    }

    private static bool TryBits(string word, out long bits, out PtxType type)
    {
        bool single = word[1] is 'f' or 'F';
        type = single ? PtxType.F32 : PtxType.F64;
        bool good = ulong.TryParse(word.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ulong value)
            && word.Length == (single ? 10 : 18);
        bits = (long)value;
        return good;
    }
}
