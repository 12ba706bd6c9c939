using System.Runtime.InteropServices;

namespace Acm.Native.Driver;

/// <summary>Opens shared libraries by trying names in order, and says what came of each.</summary>
internal static class NativeLibraries
{
    /// <summary>Opens <paramref name="path"/>; 0 and an attempt that says why where it does not open.</summary>
    public static nint Open(string path, out LoadAttempt attempt)
    {
        try
        {
            nint library = NativeLibrary.Load(path);
            attempt = new(path, "opened");
            return library;
        }
        catch (Exception e) when (e is DllNotFoundException or BadImageFormatException)
        {
            bool there = Path.IsPathRooted(path) && File.Exists(path);
            attempt = new(path, there ? $"there, but does not load: {LoaderText(e.Message)}" : "not found");
            return 0;
        }
    }

    // The runtime's message holds the loader's own words after its own advice.
    private static string LoaderText(string message) =>
        message.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)[^1];
}
