using Acm.Runtime;

namespace Acm.Cli.Output;

/// <summary>Where a command is to write, looked at before it sets to work.</summary>
internal static class OutputFile
{
    /// <summary>Makes the folder the file will lie in, where it is missing.</summary>
    /// <param name="option">What the user called the file by, for messages.</param>
    /// <param name="path">The file; null where none was asked for.</param>
    /// <returns><paramref name="path"/>.</returns>
    /// <exception cref="BadInputException">A file cannot be written there.</exception>
    public static string? Ready(string option, string? path)
    {
        if (path is null)
            return null;
        if (Directory.Exists(path) || Path.EndsInDirectorySeparator(path))
            throw new BadInputException($"{option} {path}: a folder; name a file");
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new BadInputException($"{option} {path}: its folder cannot be made: {e.Message}");
        }
        if (!File.Exists(path))
            Try(option, path);
        return path;
    }

    // Makes a file beside the place and deletes it; what is there already may be a pipe, which is opened but once.
    private static void Try(string option, string path)
    {
        try
        {
            new AtomicFile(path).Dispose();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new BadInputException($"{option} {path}: no file can be made there{(e is UnauthorizedAccessException ? ", access is denied" : $": {e.Message}")}");
        }
    }
}
