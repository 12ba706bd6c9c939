namespace Acm.Runtime;

/// <summary>A recording cannot be read: names the file, what was found in it, and what is supported.</summary>
public sealed class AudioFormatException : Exception
{
    /// <summary>Describes one defect.</summary>
    /// <param name="file">The file, or a name for the stream.</param>
    /// <param name="found">What is there.</param>
    public AudioFormatException(string file, string found)
        : base($"{file}: {found}; supported: {Supported}") => (File, Found) = (file, found);

    /// <summary>What can be read.</summary>
    public const string Supported = "WAV (RIFF) with PCM of 8, 16, 24 or 32 bits or float of 32 or 64 bits, 1 to 64 channels, 1,000 to 768,000 Hz";

    /// <summary>The file, or a name for the stream.</summary>
    public string File { get; }

    /// <summary>What was found in it.</summary>
    public string Found { get; }
}
