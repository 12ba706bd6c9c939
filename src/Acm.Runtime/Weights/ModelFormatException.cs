using System.Text;

namespace Acm.Runtime;

/// <summary>A model's file is not what its format says: names the file, the part of it, what was expected and what was found.</summary>
/// <remarks>The only exception that reading a package, a checkpoint or any of their files throws for what lies in them.</remarks>
public sealed class ModelFormatException : Exception
{
    /// <summary>Describes one defect.</summary>
    /// <param name="file">The file that is wrong.</param>
    /// <param name="tensor">The tensor's name, or the key in a configuration; null where the defect concerns the whole file.</param>
    /// <param name="expected">What the format asks for.</param>
    /// <param name="found">What is there instead.</param>
    /// <param name="inner">The error that revealed it, if any.</param>
    public ModelFormatException(string file, string? tensor, string expected, string found, Exception? inner = null)
        : base(OneLine(file, tensor, expected, found), inner)
    {
        File = file;
        Tensor = tensor;
        Expected = expected;
        Found = found;
    }

    /// <summary>The file that is wrong.</summary>
    public string File { get; }

    /// <summary>The tensor's name, or the key in a configuration; null where the defect concerns the whole file.</summary>
    public string? Tensor { get; }

    /// <summary>What the format asks for.</summary>
    public string Expected { get; }

    /// <summary>What is there instead.</summary>
    public string Found { get; }

    private static string OneLine(string file, string? tensor, string expected, string found)
    {
        string part = tensor is null ? "" : $" {Printable(tensor)}:";
        return $"{Printable(file)}:{part} expected {Printable(expected)}, found {Printable(found)}";
    }

    // Names come from the file and may hold anything; a terminal must not obey them and a log must stay readable.
    private static string Printable(string text)
    {
        const int longest = 300;
        var line = new StringBuilder(Math.Min(text.Length, longest) + 4);
        foreach (char c in text)
        {
            if (line.Length >= longest)
            {
                return line.Append("...").ToString();
            }
            line.Append(char.IsControl(c) || char.IsSurrogate(c) || c is '\u2028' or '\u2029' ? '?' : c);
        }
        return line.ToString();
    }
}
