using System.Globalization;
using System.Text;
using Microsoft.ML.Tokenizers;

namespace Acm.Runtime;

/// <summary>
/// BERT's text cleaning, as Hugging Face's tokenizers do it: control and format characters dropped, every white space a
/// space, Chinese characters set apart, accents stripped, lower case character by character (so a final sigma stays a sigma).
/// </summary>
internal sealed class BertNormalizer(bool lowerCase, bool stripAccents, bool splitChinese) : Normalizer
{
    public override string Normalize(string original) => Normalize(original.AsSpan());

    public override string Normalize(ReadOnlySpan<char> original)
    {
        StringBuilder cleaned = new(original.Length + 16);
        foreach (Rune rune in original.EnumerateRunes())
        {
            if (rune.Value == Rune.ReplacementChar.Value || IsControl(rune))
                continue;
            bool apart = splitChinese && IsChinese(rune.Value);
            if (apart)
                cleaned.Append(' ');
            if (Rune.IsWhiteSpace(rune))
                cleaned.Append(' ');
            else if (stripAccents)
                CanonicalDecomposition.AppendWithoutMarks(cleaned, rune); // also makes a compatibility ideograph the unified one
            else
                cleaned.Append(rune);
            if (apart)
                cleaned.Append(' ');
        }
        return lowerCase ? LowerCase(cleaned.ToString()) : cleaned.ToString();
    }

    private static string LowerCase(string text)
    {
        StringBuilder lower = new(text.Length);
        foreach (Rune rune in text.EnumerateRunes())
            if (rune.Value == 0x130)
                lower.Append("i\u0307"); // the one character whose lower case is two, wherever it stands
            else
                lower.Append(Rune.ToLowerInvariant(rune));
        return lower.ToString();
    }

    // Form feeds, vertical tabs and U+0085 are white space elsewhere; here they are dropped.
    private static bool IsControl(Rune rune) => rune.Value is not ('\t' or '\n' or '\r') && Rune.GetUnicodeCategory(rune) is
        UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.OtherNotAssigned or
        UnicodeCategory.PrivateUse or UnicodeCategory.Surrogate;

    // The CJK ideograph blocks that BERT's own tokeniser names.
    private static bool IsChinese(int code) => code is
        >= 0x4E00 and <= 0x9FFF or >= 0x3400 and <= 0x4DBF or >= 0x20000 and <= 0x2A6DF or >= 0x2A700 and <= 0x2B73F or
        >= 0x2B740 and <= 0x2B81F or >= 0x2B820 and <= 0x2CEAF or >= 0xF900 and <= 0xFAFF or >= 0x2F800 and <= 0x2FA1F;
}
