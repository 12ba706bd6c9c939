using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Acm.Runtime.Configuration;

/// <summary>Opens the files of a package, and reads the small ones whole.</summary>
internal static partial class PackageFile
{
    /// <summary>Opens a file to read it.</summary>
    /// <exception cref="IOException">It cannot be opened, or is a pipe.</exception>
    public static FileStream Open(string path) =>
        IsPipe(path) ? throw new IOException("a pipe") : new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read);

    /// <summary>All bytes of a file.</summary>
    /// <exception cref="ModelFormatException">It cannot be read or is larger than <paramref name="most"/> bytes.</exception>
    public static byte[] Read(string path, int most)
    {
        try
        {
            using var stream = Open(path);
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

    // .NET opens a pipe as any file, which waits until somebody writes into it: for ever, where nobody does.
    private static bool IsPipe(string path)
    {
        if (!OperatingSystem.IsLinux() && !OperatingSystem.IsMacOS())
        {
            return false;
        }
        // O_RDONLY | O_NONBLOCK | O_CLOEXEC
        using var handle = OpenWithoutWaiting(path, OperatingSystem.IsLinux() ? 0x80800 : 0x1000004);
        if (handle.IsInvalid)
        {
            return false;
        }
        using var stream = new FileStream(handle, FileAccess.Read, bufferSize: 0);
        return !stream.CanSeek;
    }

    [LibraryImport("libc", EntryPoint = "open", StringMarshalling = StringMarshalling.Utf8)]
    private static partial SafeFileHandle OpenWithoutWaiting(string path, int flags);
}
