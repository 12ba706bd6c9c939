using System.Globalization;
using System.Text;
using Microsoft.ML.Tokenizers;

namespace Acm.Runtime;

/// <summary>Cuts cleaned text into words: at white space, and every punctuation mark or ASCII symbol is a word of its own.</summary>
internal sealed class BertPreTokenizer : PreTokenizer
{
    public override IEnumerable<(int Offset, int Length)> PreTokenize(string text) => Words(text.AsSpan());

    public override IEnumerable<(int Offset, int Length)> PreTokenize(ReadOnlySpan<char> text) => Words(text);

    private static List<(int Offset, int Length)> Words(ReadOnlySpan<char> text)
    {
        List<(int Offset, int Length)> words = [];
        int start = 0, at = 0;
        foreach (Rune rune in text.EnumerateRunes())
        {
            bool apart = IsPunctuation(rune);
            if (apart || Rune.IsWhiteSpace(rune))
            {
                if (at > start)
                    words.Add((start, at - start));
                if (apart)
                    words.Add((at, rune.Utf16SequenceLength));
                start = at + rune.Utf16SequenceLength;
            }
            at += rune.Utf16SequenceLength;
        }
        if (at > start)
            words.Add((start, at - start));
        return words;
    }

    private static bool IsPunctuation(Rune rune) => rune.IsAscii
        ? char.IsAscii((char)rune.Value) && rune.Value > ' ' && rune.Value != 0x7F && !char.IsAsciiLetterOrDigit((char)rune.Value)
        : Rune.GetUnicodeCategory(rune) is
            UnicodeCategory.ConnectorPunctuation or UnicodeCategory.DashPunctuation or UnicodeCategory.OpenPunctuation or
            UnicodeCategory.ClosePunctuation or UnicodeCategory.InitialQuotePunctuation or
            UnicodeCategory.FinalQuotePunctuation or UnicodeCategory.OtherPunctuation;
}
