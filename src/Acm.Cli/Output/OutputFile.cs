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
        return path;
    }
}
