namespace Acm.Cli;

/// <summary>Files that a command reads.</summary>
internal static class InputFile
{
    /// <returns><paramref name="path"/>.</returns>
    /// <exception cref="BadInputException">There is no such file.</exception>
    public static string Need(string path) =>
        File.Exists(path) ? path : throw new BadInputException($"{path}: {(Directory.Exists(path) ? "a folder; name a file" : "no such file")}");
}
