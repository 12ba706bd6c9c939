namespace Acm.Bench;

/// <summary>Where things lie.</summary>
internal static class Repo
{
    /// <summary>The repository: the nearest folder above the binaries that holds the solution.</summary>
    public static string Root { get; } = FindRoot();

    /// <summary>The folder of shared material: <c>ACM_SHARED</c>, or beside the repository.</summary>
    public static string Shared { get; } = Environment.GetEnvironmentVariable("ACM_SHARED") ?? Path.Combine(Root, "..", "shared");

    private static string FindRoot()
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
            if (File.Exists(Path.Combine(folder.FullName, "Acm.Native.sln")))
                return folder.FullName;
        return Environment.CurrentDirectory;
    }
}
