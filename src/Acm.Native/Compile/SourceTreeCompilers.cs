using System.Diagnostics;

namespace Acm.Native.Compile;

/// <summary>
/// The compilers that lie beside a source tree (<c>shared/cuda</c>), unpacked once per user and machine by their own script. An installed program finds
/// no source tree and gets nothing here.
/// </summary>
public static class SourceTreeCompilers
{
    private static readonly Lazy<string?> Unpacked = new(Unpack);

    /// <summary>The folder they are unpacked in, or null where there is no source tree with compilers.</summary>
    public static string? Folder => Unpacked.Value;

    /// <summary>Every NVRTC in the folder, newest first.</summary>
    public static IReadOnlyList<string> Nvrtc() =>
        Folder is null ? [] : [.. Directory.GetFiles(Folder, "libnvrtc.so.??", SearchOption.AllDirectories).DistinctBy(Path.GetFileName).OrderByDescending(Path.GetFileName, StringComparer.Ordinal)];

    private static string? Unpack()
    {
        if (!OperatingSystem.IsLinux() || Script() is not { } script)
            return null;
        string folder = Path.Combine(UserCache.Root, "cuda");
        try
        {
            Directory.CreateDirectory(folder);
            // The script is not made for two at once.
            using FileStream only = Lock(Path.Combine(folder, ".lock"));
            using Process process = Process.Start(new ProcessStartInfo("sh", [script, folder]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
            process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            return process.ExitCode == 0 ? folder : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or System.ComponentModel.Win32Exception)
        {
            return null;
        }
    }

    private static FileStream Lock(string path)
    {
        for (DateTime until = DateTime.UtcNow.AddMinutes(2); ;)
            try
            {
                return new(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException) when (DateTime.UtcNow < until)
            {
                Thread.Sleep(100);
            }
    }

    private static string? Script()
    {
        string? shared = Environment.GetEnvironmentVariable("ACM_SHARED");
        if (string.IsNullOrEmpty(shared))
            for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
                if (File.Exists(Path.Combine(folder.FullName, "Acm.Native.sln")))
                {
                    shared = Path.Combine(folder.FullName, "..", "shared");
                    break;
                }
        string? script = string.IsNullOrEmpty(shared) ? null : Path.GetFullPath(Path.Combine(shared, "cuda", "unpack.sh"));
        return script is not null && File.Exists(script) ? script : null;
    }
}

/// <summary>Where a user's caches are.</summary>
internal static class UserCache
{
    /// <summary><c>$XDG_CACHE_HOME/acm</c>, <c>~/.cache/acm</c>, or <c>%LOCALAPPDATA%\acm</c>.</summary>
    public static string Root
    {
        get
        {
            string? named = Environment.GetEnvironmentVariable("XDG_CACHE_HOME");
            if (OperatingSystem.IsWindows())
                named = Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData);
            // Unverified: of a home that is not there (a service's /nonexistent) no path would be left, and the caches would lie in the current folder.
            return Path.Combine(string.IsNullOrEmpty(named) ? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile, Environment.SpecialFolderOption.DoNotVerify), ".cache") : named, "acm");
        }
    }
}
