using System.Collections.Frozen;
using System.Text;

namespace Acm.Runtime;

/// <summary>
/// Characters without their accents: Unicode's canonical decomposition (NFD), nonspacing marks dropped. A table of our own because
/// <c>string.Normalize</c> does nothing where .NET runs without ICU (InvariantGlobalization), as services in small containers do.
/// </summary>
internal static partial class CanonicalDecomposition
{
    private static readonly FrozenDictionary<int, string> Table = Read();

    /// <summary>Appends what is left of <paramref name="rune"/> without nonspacing marks; nothing, if it is itself one.</summary>
    public static void AppendWithoutMarks(StringBuilder destination, Rune rune)
    {
        if (rune.IsAscii)
            destination.Append((char)rune.Value);
        else if (Table.TryGetValue(rune.Value, out string? rest))
            destination.Append(rest);
        else if (IsHangulSyllable(rune.Value))
            AppendHangul(destination, rune.Value - 0xAC00);
        else if (Rune.GetUnicodeCategory(rune) != System.Globalization.UnicodeCategory.NonSpacingMark)
            destination.Append(rune);
    }

    private static bool IsHangulSyllable(int code) => code is >= 0xAC00 and <= 0xD7A3;

    // The arithmetic decomposition of The Unicode Standard, section 3.12.
    private static void AppendHangul(StringBuilder destination, int index)
    {
        const int Vowels = 21, Trailing = 28;
        destination.Append((char)(0x1100 + index / (Vowels * Trailing)));
        destination.Append((char)(0x1161 + index % (Vowels * Trailing) / Trailing));
        if (index % Trailing != 0)
            destination.Append((char)(0x11A7 + index % Trailing));
    }

    private static FrozenDictionary<int, string> Read()
    {
        Dictionary<int, string> table = [];
        foreach (string entry in Data.Split('\0', StringSplitOptions.RemoveEmptyEntries))
        {
            Rune rune = Rune.GetRuneAt(entry, 0);
            table.Add(rune.Value, entry[rune.Utf16SequenceLength..]);
        }
        return table.ToFrozenDictionary();
    }
}
