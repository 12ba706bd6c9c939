using System.Collections.Concurrent;
using System.Reflection;
using Acm.Native;
using Acm.Native.Compile;

namespace Acm.Runtime.Backends.Cuda;

/// <summary>The text of kernels/, carried in this assembly.</summary>
internal static class KernelSources
{
    private static readonly ConcurrentDictionary<string, KernelSource> Read = new(StringComparer.Ordinal);

    private static Assembly Resources => typeof(KernelSources).Assembly;

    /// <summary>A file with everything it includes.</summary>
    public static KernelSource Get(string name) => Read.GetOrAdd(name, static file => KernelSource.Collect(file, Text));

    private static string Text(string file)
    {
        using Stream stream = Resources.GetManifestResourceStream("kernels/" + file)
            ?? throw new FileNotFoundException($"no kernel source {file} in this assembly");
        using StreamReader reader = new(stream);
        return reader.ReadToEnd();
    }
}
