using System.Text;

namespace Acm.Runtime.Configuration;

/// <summary>Reads <c>labels.txt</c> and <c>vocab.txt</c>: one entry a line, the line's number is the id.</summary>
internal static class Vocabulary
{
    private const int LargestFile = 256 << 20;

    /// <summary>The entries, or null where the file does not exist.</summary>
    public static string[]? ReadIfThere(string path)
    {
        if (!File.Exists(path))
        {
            return null;
        }
        byte[] bytes = PackageFile.Read(path, LargestFile);
        ReadOnlySpan<byte> utf8 = bytes;
        if (utf8.StartsWith("\uFEFF"u8))
        {
            utf8 = utf8[3..];
        }
        string text;
        try
        {
            text = new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(utf8);
        }
        catch (DecoderFallbackException e)
        {
            throw new ModelFormatException(path, null, "text in UTF-8", "invalid UTF-8", e);
        }
        if (text.Length == 0)
        {
            return [];
        }
        // A newline ends an entry; the last entry may lack its own. Other separators Unicode knows are part of an entry.
        string[] lines = (text.EndsWith('\n') ? text[..^1] : text).Split('\n');
        return [.. lines.Select(line => line.EndsWith('\r') ? line[..^1] : line)];
    }
}
