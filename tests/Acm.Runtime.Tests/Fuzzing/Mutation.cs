using System.Buffers.Binary;
using System.Text;
using System.Text.RegularExpressions;
using FsCheck;
using FsCheck.Fluent;

namespace Acm.Runtime.Tests.Fuzzing;

/// <summary>One change to a file; FsCheck makes lists of them and, where a list fails, finds the shortest that still does.</summary>
/// <param name="How">Chooses the kind of change.</param>
/// <param name="Where">Chooses its place.</param>
/// <param name="What">Chooses what is put there.</param>
public sealed record Edit(int How, int Where, int What)
{
    /// <summary>Applies a change to bytes.</summary>
    public byte[] Apply(byte[] bytes)
    {
        if (bytes.Length == 0)
        {
            return [(byte)What];
        }
        int at = Where % bytes.Length;
        int length = Math.Min(1 + What % 64, bytes.Length - at);
        byte[] copy = [.. bytes];
        switch (How % 8)
        {
            case 0:
                copy[at] ^= (byte)(1 << What % 8);
                return copy;
            case 1:
                copy[at] = (byte)What;
                return copy;
            case 2:
                return [.. bytes[..at], (byte)What, .. bytes[at..]];
            case 3:
                return [.. bytes[..at], .. bytes[(at + length)..]];
            case 4:
                return [.. bytes[..(at + length)], .. bytes[at..]];
            case 5:
                return bytes[..at];
            case 6:
                copy.AsSpan(at, length).Fill((byte)(What % 2 == 0 ? 0 : 0xFF));
                return copy;
            default:
                ulong number = Numbers64[What % Numbers64.Length];
                for (int i = 0; i < sizeof(ulong) && at + i < copy.Length; i++)
                {
                    copy[at + i] = (byte)(number >> 8 * i);
                }
                return copy;
        }
    }

    /// <summary>Applies a change to JSON; most leave it JSON: a value or a key for another. The rest break its grammar.</summary>
    public string Apply(string json)
    {
        bool grammar = How % 8 == 0;
        var tokens = (grammar ? Tokens : Values).Matches(json);
        if (tokens.Count == 0)
        {
            return Texts[What % Texts.Length];
        }
        var token = tokens[Where % tokens.Count];
        bool isKey = json.AsSpan(token.Index + token.Length).TrimStart().StartsWith(":");
        string replacement = (grammar, isKey, How / 8 % 4) switch
        {
            (true, _, 0) => "",
            (true, _, 1) => token.Value + token.Value,
            (true, _, _) => Texts[What % Texts.Length],
            (_, true, _) => Strings.Matches(json) is var strings ? strings[What % strings.Count].Value : "",
            (_, _, 0) => tokens[What % tokens.Count].Value,
            _ => Texts[What % GrammaticalTexts],
        };
        return json[..token.Index] + replacement + json[(token.Index + token.Length)..];
    }

    /// <summary>Applies a change to a safetensors file's header and writes its new length before it.</summary>
    public byte[] ApplyToHeader(byte[] file)
    {
        if (file.Length < 8 || BinaryPrimitives.ReadUInt64LittleEndian(file) is var length && length > (ulong)(file.Length - 8))
        {
            return Apply(file);
        }
        byte[] header = Encoding.UTF8.GetBytes(Apply(Encoding.UTF8.GetString(file, 8, (int)length)));
        byte[] result = [.. new byte[8], .. header, .. file[(8 + (int)length)..]];
        BinaryPrimitives.WriteInt64LittleEndian(result, header.Length);
        return result;
    }

    private const string StringPattern = "\"(?:[^\"\\\\]|\\\\.)*\"";
    private const string ValuePattern = StringPattern + "|-?[0-9][0-9.eE+-]*|true|false|null";

    private static readonly Regex Strings = new(StringPattern, RegexOptions.Compiled);
    private static readonly Regex Values = new(ValuePattern, RegexOptions.Compiled);
    private static readonly Regex Tokens = new(ValuePattern + "|[][{}:,]", RegexOptions.Compiled);

    private static readonly ulong[] Numbers64 =
        [0, 1, 2, 8, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x7FFF_FFFF, 0xFFFF_FFFF, 0x1_0000_0000, 0x7FFF_FFFF_FFFF_FFFF, 0x8000_0000_0000_0000, ulong.MaxValue, 100_000_001];

    private static readonly string[] Texts =
    [
        "0", "-0", "1", "-1", "2", "3", "16", "17", "1e9", "2147483647", "2147483648", "4294967296", "9223372036854775807", "18446744073709551615",
        "1e400", "-1e400", "0.5", "1.0", "1e-400", "null", "true", "{}", "[]", "[[]]", "\"\"", "\"F64\"", "\"F16\"", "\"I64\"", "\"BOOL\"",
        "\"\\ud800\"", "\"\\u0000\"", "\"w1\"", "\"__metadata__\"", "\"bert\"", "\"wav2vec2\"", "\"identity\"",
        "[0, 0, 0]", "[1, 2, 3]", "[9999999999]", "{\"dtype\": \"F32\"}",
        "NaN", "Infinity", "{", "}", "[", "]", ",", ":",
    ];

    // As many of the texts as are JSON by themselves.
    private const int GrammaticalTexts = 40;
}

/// <summary>How FsCheck makes edits: every place as likely as any other, whatever the test's size.</summary>
public static class Edits
{
    private const int Most = int.MaxValue - 1;

    /// <summary>One to four edits, one most often.</summary>
    public static Arbitrary<Edit[]> SomeEdits()
    {
        var edit = from how in Gen.Choose(0, Most)
                   from place in Gen.Choose(0, Most)
                   from what in Gen.Choose(0, Most)
                   select new Edit(how, place, what);
        var edits = from count in Gen.Elements(1, 1, 1, 2, 3, 4)
                    from list in edit.ArrayOf(count)
                    select list;
        // Dropping edits is all the shrinking that helps to read a failure.
        return Arb.From(edits, list => list.Length == 1 ? [] : list.Select((_, i) => list.Where((_, j) => j != i).ToArray()));
    }
}
