using NUnit.Framework;

namespace Acm.Testing;

/// <summary>Finds the repo and the <c>shared</c> folder (goldens, models, conformance cases) that may lie beside it.</summary>
internal static class SharedFolder
{
    /// <summary>The repository's root: the nearest folder above the test binaries that holds the solution.</summary>
    public static string Repo { get; } = FindRepo();

    /// <summary>The shared folder (<c>ACM_SHARED</c>, else <c>shared</c> beside the repo), or null where there is none.</summary>
    public static string? Root { get; } = FindShared();

    /// <summary>A path under shared/; skips the running test, naming what is missing, where it is not there.</summary>
    public static string Need(params string[] parts)
    {
        string relative = Path.Combine(parts);
        if (Root is null)
            Assert.Ignore($"no shared folder: set ACM_SHARED or put it beside the repo (wanted shared/{relative})");
        string path = Path.Combine(Root!, relative);
        if (!File.Exists(path) && !Directory.Exists(path))
            Assert.Ignore($"shared folder {Root} lacks {relative}");
        return path;
    }

    /// <summary>A path under tests/data, which every clone has.</summary>
    public static string Data(params string[] parts) => Path.Combine([Repo, "tests", "data", .. parts]);

    private static string FindRepo()
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
            if (File.Exists(Path.Combine(folder.FullName, "Acm.Native.sln")))
                return folder.FullName;
        throw new DirectoryNotFoundException($"no Acm.Native.sln above {AppContext.BaseDirectory}");
    }

    private static string? FindShared()
    {
        string? named = Environment.GetEnvironmentVariable("ACM_SHARED");
        string path = string.IsNullOrEmpty(named) ? Path.Combine(Path.GetDirectoryName(Repo)!, "shared") : named;
        return Directory.Exists(path) ? Path.GetFullPath(path) : null;
    }
}
