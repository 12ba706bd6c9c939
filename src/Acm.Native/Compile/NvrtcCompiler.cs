using System.Runtime.InteropServices;
using System.Text;
using Acm.Native.Driver;
using Acm.Native.Nvrtc;

namespace Acm.Native.Compile;

/// <summary>NVIDIA's runtime compiler, as a library.</summary>
public sealed unsafe class NvrtcCompiler : IKernelCompiler
{
    private readonly NvrtcTable _api;

    private NvrtcCompiler(in NvrtcTable api, string path, int version)
    {
        _api = api;
        Source = path;
        Version = version;
        Name = "NVRTC " + DriverLoader.VersionText(version);
    }

    /// <inheritdoc/>
    public string Name { get; }

    /// <inheritdoc/>
    public string Source { get; }

    /// <summary>The version, as 1000 * major + 10 * minor.</summary>
    public int Version { get; }

    /// <summary>The architectures it compiles for.</summary>
    public IReadOnlyList<int> Architectures
    {
        get
        {
            int count;
            Check(_api.nvrtcGetNumSupportedArchs(&count), nameof(NvrtcTable.nvrtcGetNumSupportedArchs));
            int[] all = new int[count];
            fixed (int* first = all)
                Check(_api.nvrtcGetSupportedArchs(first), nameof(NvrtcTable.nvrtcGetSupportedArchs));
            return all;
        }
    }

    /// <inheritdoc/>
    public (string Architecture, KernelImageKind Kind) TargetFor(int capability, int driver)
    {
        // A device newer than the compiler runs all older PTX. A driver of an earlier major release does not take this one's binaries, whose form is another.
        int newest = Architectures.Where(known => known <= capability).DefaultIfEmpty(capability).Max();
        return ($"{newest}", newest == capability && Version / 1000 <= driver / 1000 ? KernelImageKind.Cubin : KernelImageKind.Ptx);
    }

    /// <summary>Opens the library; null, and what came of it, where it is not a usable NVRTC.</summary>
    /// <param name="path">A path, or a name on the loader's path.</param>
    /// <param name="attempt">What came of it.</param>
    public static NvrtcCompiler? TryOpen(string path, out LoadAttempt attempt)
    {
        OpenBuiltins(path);
        nint library = NativeLibraries.Open(path, out attempt);
        if (library == 0)
            return null;
        NvrtcTable table = default;
        List<TableEntry> missing = TableFiller.Fill(ref table, NvrtcEntries.All, entry => NativeLibrary.TryGetExport(library, entry.Export, out nint address) ? address : 0);
        if (missing.Count > 0)
        {
            attempt = attempt with { Outcome = "lacks " + string.Join(", ", missing.Select(m => m.Export)) };
            return null;
        }
        int major, minor;
        nvrtcResult answer = table.nvrtcVersion(&major, &minor);
        if (answer != nvrtcResult.NVRTC_SUCCESS)
        {
            attempt = attempt with { Outcome = $"nvrtcVersion answered {answer}" };
            return null;
        }
        attempt = attempt with { Outcome = $"NVRTC {major}.{minor}" };
        return new(table, path, 1000 * major + 10 * minor);
    }

    /// <inheritdoc/>
    public CompiledKernel Compile(CompileRequest request)
    {
        bool cubin = request.Kind == KernelImageKind.Cubin;
        List<string> options = [$"--gpu-architecture={(cubin ? "sm" : "compute")}_{request.Architecture}", "--std=c++17", .. request.Defines.Select(d => "-D" + d), .. request.Options];
        if (cubin)
            options.Add("--ptxas-options=-v");
        using Utf8Strings texts = new();
        nvrtcProgram program;
        Check(_api.nvrtcCreateProgram(&program, texts.Add(request.Source.Text), texts.Add(request.Source.Name), request.Source.Includes.Count,
            texts.AddAll(request.Source.Includes.Values), texts.AddAll(request.Source.Includes.Keys)), nameof(NvrtcTable.nvrtcCreateProgram));
        try
        {
            foreach (string name in request.Names)
                Check(_api.nvrtcAddNameExpression(program, texts.Add(name)), nameof(NvrtcTable.nvrtcAddNameExpression));
            nvrtcResult result = _api.nvrtcCompileProgram(program, options.Count, texts.AddAll(options));
            nuint size;
            Check(_api.nvrtcGetProgramLogSize(program, &size), nameof(NvrtcTable.nvrtcGetProgramLogSize));
            string log = Text(Get(program, size, _api.nvrtcGetProgramLog, nameof(NvrtcTable.nvrtcGetProgramLog)));
            if (result != nvrtcResult.NVRTC_SUCCESS)
                throw new KernelCompilationException(request, Name, options, log.Length > 0 ? log : Describe(result));
            byte[] image;
            if (cubin)
            {
                Check(_api.nvrtcGetCUBINSize(program, &size), nameof(NvrtcTable.nvrtcGetCUBINSize));
                image = Get(program, size, _api.nvrtcGetCUBIN, nameof(NvrtcTable.nvrtcGetCUBIN));
            }
            else
            {
                Check(_api.nvrtcGetPTXSize(program, &size), nameof(NvrtcTable.nvrtcGetPTXSize));
                image = Get(program, size, _api.nvrtcGetPTX, nameof(NvrtcTable.nvrtcGetPTX)).AsSpan().TrimEnd((byte)0).ToArray();
            }
            Dictionary<string, string> lowered = new(StringComparer.Ordinal);
            foreach (string name in request.Names)
            {
                byte* text;
                Check(_api.nvrtcGetLoweredName(program, texts.Add(name), &text), nameof(NvrtcTable.nvrtcGetLoweredName));
                lowered[name] = Marshal.PtrToStringUTF8((nint)text)!;
            }
            return new(image, request.Kind, request.Architecture, Name, log, lowered);
        }
        finally
        {
            _ = _api.nvrtcDestroyProgram(&program);
        }
    }

    private byte[] Get(nvrtcProgram program, nuint bytes, delegate* unmanaged<nvrtcProgram, byte*, nvrtcResult> get, string call)
    {
        byte[] buffer = new byte[bytes];
        fixed (byte* first = buffer)
            Check(get(program, first), call);
        return buffer;
    }

    // NVRTC opens its builtins by bare name. Those beside it are found for sure once they are open already, whatever else the process has loaded.
    private static void OpenBuiltins(string path)
    {
        // A bare name is the loader's to find; a path, also a relative one, is a file.
        if (Path.GetFileName(path) == path || !File.Exists(path))
            return;
        foreach (string file in Directory.GetFiles(Path.GetDirectoryName(path)!, OperatingSystem.IsWindows() ? "nvrtc-builtins64_*.dll" : "libnvrtc-builtins.so.*"))
            _ = NativeLibraries.Open(file, out _);
    }

    private void Check(nvrtcResult result, string call)
    {
        if (result != nvrtcResult.NVRTC_SUCCESS)
            throw new InvalidOperationException($"{call} of {Source} failed: {result} ({(int)result}): {Describe(result)}");
    }

    private string Describe(nvrtcResult result) => Marshal.PtrToStringUTF8((nint)_api.nvrtcGetErrorString(result)) ?? result.ToString();

    private static string Text(ReadOnlySpan<byte> bytes) => Encoding.UTF8.GetString(bytes.TrimEnd((byte)0)).Trim();
}
