namespace Acm.Runtime.Configuration;

/// <summary>Reads the small files of a package whole.</summary>
internal static class PackageFile
{
    /// <summary>All bytes of a file.</summary>
    /// <exception cref="ModelFormatException">It cannot be read or is larger than <paramref name="most"/> bytes.</exception>
    public static byte[] Read(string path, int most)
    {
        try
        {
            using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read);
            if (stream.Length > most)
            {
                throw new ModelFormatException(path, null, $"at most {most} bytes", $"{stream.Length}");
            }
            byte[] bytes = new byte[stream.Length];
            stream.ReadExactly(bytes);
            return bytes;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            throw new ModelFormatException(path, null, "a readable file", Why(path, e), e);
        }
    }

    /// <summary>Why a file could not be read, in words that do not name it again where that can be.</summary>
    public static string Why(string path, Exception e) =>
        e is FileNotFoundException or DirectoryNotFoundException ? "no such file"
        : Directory.Exists(path) ? "a folder"
        : e.Message;
}
