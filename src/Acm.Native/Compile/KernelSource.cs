using System.Text.RegularExpressions;

namespace Acm.Native.Compile;

/// <summary>CUDA C++ to compile, with everything it includes: no compiler looks anything up by itself.</summary>
/// <param name="Name">The file's name, for messages.</param>
/// <param name="Text">Its text.</param>
/// <param name="Includes">Texts by the names they are included under.</param>
public sealed partial record KernelSource(string Name, string Text, IReadOnlyDictionary<string, string> Includes)
{
    /// <summary>Reads a file and, through its quoted includes, what it includes from the same folder.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="name">The file's name within.</param>
    /// <exception cref="FileNotFoundException">The file, or one it includes, is not there.</exception>
    public static KernelSource Read(string folder, string name) => Collect(name, file => File.ReadAllText(Path.Combine(folder, file)));

    /// <summary>Collects a source and what it includes.</summary>
    /// <param name="name">The source's name.</param>
    /// <param name="read">Gives a text by its name.</param>
    public static KernelSource Collect(string name, Func<string, string> read)
    {
        SortedDictionary<string, string> includes = new(StringComparer.Ordinal);
        string text = read(name);
        Follow(text);
        return new(name, text, includes);

        void Follow(string from)
        {
            foreach (Match match in Include().Matches(from))
            {
                string file = match.Groups[1].Value;
                if (includes.ContainsKey(file))
                    continue;
                includes.Add(file, read(file));
                Follow(includes[file]);
            }
        }
    }

    [GeneratedRegex("""^[ \t]*#[ \t]*include[ \t]*"([^"]+)"[ \t]*""", RegexOptions.Multiline)]
    private static partial Regex Include();
}

/// <summary>What a compiled kernel is.</summary>
public enum KernelImageKind
{
    /// <summary>PTX text, which every driver assembles for its device.</summary>
    Ptx,

    /// <summary>A binary for one architecture.</summary>
    Cubin,
}

/// <summary>What to compile and for what.</summary>
/// <param name="Source">The source.</param>
/// <param name="Architecture">The compute capability: <c>75</c>, <c>80</c>, <c>90a</c>.</param>
/// <param name="Kind">PTX or a binary.</param>
public sealed record CompileRequest(KernelSource Source, string Architecture, KernelImageKind Kind)
{
    /// <summary>Macros, as <c>NAME=VALUE</c>, in the order given.</summary>
    public IReadOnlyList<string> Defines { get; init; } = [];

    /// <summary>Further options of the compiler, as it spells them.</summary>
    public IReadOnlyList<string> Options { get; init; } = [];

    /// <summary>C++ names whose lowered names are wanted (<c>scale&lt;float&gt;</c>). Only NVRTC can tell.</summary>
    public IReadOnlyList<string> Names { get; init; } = [];

    /// <summary>Source, architecture and macros, for messages.</summary>
    public override string ToString() => $"{Source.Name} for sm_{Architecture}{string.Concat(Defines.Select(d => " -D" + d))}";
}

/// <summary>What one kernel of a compiled source takes, as the assembler says.</summary>
/// <param name="Kernel">Its lowered name.</param>
/// <param name="Registers">Registers of a thread.</param>
/// <param name="SpillStoreBytes">Bytes of spilled registers stored, per thread.</param>
/// <param name="SpillLoadBytes">Bytes of spilled registers loaded, per thread.</param>
/// <param name="StackBytes">Stack frame of a thread, in bytes.</param>
/// <param name="SharedBytes">Static shared memory of a block, in bytes.</param>
public sealed record KernelUsage(string Kernel, int Registers, int SpillStoreBytes, int SpillLoadBytes, int StackBytes, int SharedBytes);

/// <summary>Compiled code and what the compiler said about it.</summary>
/// <param name="Image">PTX text (UTF-8, without a closing zero) or a cubin.</param>
/// <param name="Kind">Which of the two.</param>
/// <param name="Architecture">The compute capability it was compiled for.</param>
/// <param name="Compiler">The compiler and its version.</param>
/// <param name="Log">The compiler's log, or empty.</param>
/// <param name="LoweredNames">Lowered names by the C++ names asked for.</param>
public sealed record CompiledKernel(byte[] Image, KernelImageKind Kind, string Architecture, string Compiler, string Log, IReadOnlyDictionary<string, string> LoweredNames)
{
    /// <summary>Registers, spills and shared bytes of each kernel; empty where the compiler did not assemble (PTX).</summary>
    public IReadOnlyList<KernelUsage> Usage { get; } = AssemblerLog.Parse(Log);

    /// <summary>Whether it was taken from a cache.</summary>
    public bool FromCache { get; init; }
}

/// <summary>A source does not compile.</summary>
public sealed class KernelCompilationException : Exception
{
    internal KernelCompilationException(CompileRequest request, string compiler, IReadOnlyList<string> options, string log)
        : base($"{compiler} does not compile {request} (options: {string.Join(' ', options)}):\n{log}")
    {
        Log = log;
        Options = options;
    }

    /// <summary>The compiler's log.</summary>
    public string Log { get; }

    /// <summary>The options it was given.</summary>
    public IReadOnlyList<string> Options { get; }
}
