using System.IO.Compression;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;
using Acm.Native;
using Acm.Native.Compile;
using Acm.Runtime.Plan;
using static Acm.Runtime.Backends.Cuda.CudaStep;
using static Acm.Runtime.Backends.Cuda.Values;

namespace Acm.Runtime.Backends.Cuda;

/// <summary>
/// The PTX that this assembly carries, so that a machine without a compiler still runs: for compute capability 8.0 and later, every family in
/// every precision, in one tile shape. Made by <c>./build.sh prebuilt</c> (<c>acm kernels pack</c>) from kernels/.
/// </summary>
internal static partial class PrebuiltKernels
{
    /// <summary>The architecture that the PTX is for.</summary>
    public const string Architecture = "80";

    private static readonly Lazy<(string Compiler, IReadOnlyDictionary<string, byte[]> Images)> Carried = new(Read);

    /// <summary>The one tile shape on tensor cores.</summary>
    public static TileShape Tile { get; } = new(64, 64, 64, 32, 128, 2);

    /// <summary>The compiler that made them.</summary>
    public static string Compiler => Carried.Value.Compiler;

    /// <summary>What is carried, or should be: families with their macros.</summary>
    public static IEnumerable<(string Family, string[] Defines)> All()
    {
        yield return ("text", []);
        foreach (ElementType element in Enum.GetValues<ElementType>())
        {
            string precision = Define("PRECISION", (int)element);
            string[] tile = [precision, .. (element == ElementType.Float32 ? TileShape.Plain : Tile).Defines];
            yield return ("convert", [precision]);
            foreach (int head in new[] { 16, 32, 64, 128 })
                yield return ("attention", [precision, Define("HEAD", head), Define("KEYS", element == ElementType.TF32 ? 32 : 64)]);
            foreach (int size in new[] { 8, 14, 16, 32 })
                yield return ("patch", [.. tile, Define("PATCH_SIZE", size)]);
            foreach (int residual in new[] { 0, 1 })
                yield return ("acm_down", [.. tile, Define("RESIDUAL", residual)]);
            foreach (int norm in new[] { 0, 1, 2 })
                foreach (Activation gate in new[] { Activation.Gelu, Activation.Relu })
                    yield return ("norm_gate", [precision, Define("NORM", norm), Define("ACTIVATION", 0), Define("GATE_LAYERS", 2), Define("GATE_ACTIVATION", Macro(gate))]);
            yield return ("norm_gate", [precision, Define("NORM", 0), Define("ACTIVATION", 0)]);
            foreach (Activation activation in new[] { Activation.Identity, Activation.Gelu })
            {
                string act = Define("ACTIVATION", Macro(activation));
                yield return ("acm_up", [.. tile, act]);
                foreach (int output in new[] { 0, 1, 2 })
                {
                    yield return ("dense", [.. tile, act, Define("OUTPUT", output)]);
                    yield return ("conv1d", [.. tile, act, Define("OUTPUT", output), Define("SAMPLES", 0)]);
                    yield return ("conv1d", [precision, .. TileShape.Plain.Defines, act, Define("OUTPUT", output), Define("SAMPLES", 1)]);
                    if (output < 2)
                        yield return ("channel_norm", [precision, act, Define("OUTPUT", output)]);
                    if (output > 0)
                        yield return ("norm_gate", [precision, Define("NORM", output), act]);
                }
            }
        }
    }

    /// <summary>The carried kernel of exactly these sources and macros, or null.</summary>
    public static CompiledKernel? Find(string family, string[] defines) =>
        Carried.Value.Images.TryGetValue(Key(family, defines), out byte[]? image)
            ? new(image, KernelImageKind.Ptx, Architecture, $"prebuilt ({Compiler})", "", new Dictionary<string, string>()) { FromCache = true }
            : null;

    /// <summary>Compiles everything into one file.</summary>
    /// <exception cref="KernelCompilationException">A source does not compile.</exception>
    public static int Write(Stream file, IKernelCompiler compiler)
    {
        (string Family, string[] Defines)[] all = [.. All()];
        string[] texts = new string[all.Length];
        Parallel.For(0, all.Length, new ParallelOptions { MaxDegreeOfParallelism = 2 }, i => texts[i] = Compile(all[i].Family, all[i].Defines, compiler));
        using BrotliStream packed = new(file, new BrotliCompressionOptions { Quality = 9 }, leaveOpen: true);
        using BinaryWriter writer = new(packed, Encoding.UTF8);
        writer.Write(compiler.Name);
        writer.Write(all.Length);
        for (int i = 0; i < all.Length; i++)
        {
            writer.Write(Key(all[i].Family, all[i].Defines));
            writer.Write(texts[i]);
        }

        return all.Length;
    }

    /// <summary>One kernel's PTX as it is carried: without comments.</summary>
    public static string Compile(string family, string[] defines, IKernelCompiler compiler)
    {
        CompileRequest request = new(KernelSources.Get(family + ".cu"), Architecture, KernelImageKind.Ptx) { Defines = defines };
        return Comments().Replace(Encoding.UTF8.GetString(compiler.Compile(request).Image), "");
    }

    // Everything that decides the text, except the compiler.
    private static string Key(string family, string[] defines)
    {
        KernelSource source = KernelSources.Get(family + ".cu");
        StringBuilder all = new();
        foreach ((string name, string text) in source.Includes.OrderBy(static i => i.Key, StringComparer.Ordinal).Append(new(source.Name, source.Text)))
            all.Append(name).Append('\0').Append(text).Append('\0');
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(all.AppendJoin(' ', defines).ToString())));
    }

    private static (string, IReadOnlyDictionary<string, byte[]>) Read()
    {
        Dictionary<string, byte[]> images = new(StringComparer.Ordinal);
        using Stream? stream = typeof(PrebuiltKernels).Assembly.GetManifestResourceStream("kernels/prebuilt");
        if (stream is null)
            return ("nobody", images);
        using BinaryReader reader = new(new BrotliStream(stream, CompressionMode.Decompress), Encoding.UTF8);
        string compiler = reader.ReadString();
        for (int left = reader.ReadInt32(); left > 0; left--)
        {
            string key = reader.ReadString();
            images[key] = Encoding.UTF8.GetBytes(reader.ReadString());
        }

        return (compiler, images);
    }

    [GeneratedRegex(@"^\s*//.*\n|^\s*\n", RegexOptions.Multiline)]
    private static partial Regex Comments();
}
