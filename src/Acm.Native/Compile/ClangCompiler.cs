using System.Diagnostics;
using System.Globalization;

namespace Acm.Native.Compile;

/// <summary>Clang with the NVPTX target: makes PTX where no NVRTC is at hand. It is a program, so a compilation is a process and a temporary folder.</summary>
public sealed class ClangCompiler : IKernelCompiler
{
    // The newest architecture that every clang served knows, and with it all that the kernels use.
    private const int NewestForAll = 80;

    private ClangCompiler(string path, string name) => (Source, Name) = (path, name);

    /// <inheritdoc/>
    public string Name { get; }

    /// <inheritdoc/>
    public string Source { get; }

    /// <summary>Tries a program; null, and what came of it, where it does not run or has no NVPTX target.</summary>
    /// <param name="path">A path, or a name on the PATH.</param>
    /// <param name="attempt">What came of it.</param>
    public static ClangCompiler? TryOpen(string path, out LoadAttempt attempt)
    {
        try
        {
            (int code, string version, _) = Run(path, ["--version"]);
            (_, string targets, _) = Run(path, ["--print-targets"]);
            string first = version.Split('\n')[0].Trim();
            if (code == 0 && targets.Contains("nvptx64", StringComparison.Ordinal))
            {
                attempt = new(path, first);
                return new(path, first);
            }
            attempt = new(path, code == 0 ? "has no NVPTX target" : $"exits with {code}");
        }
        catch (System.ComponentModel.Win32Exception)
        {
            attempt = new(path, "not found");
        }
        return null;
    }

    /// <inheritdoc/>
    public (string Architecture, KernelImageKind Kind) TargetFor(int capability, int driver) => ($"{Math.Min(capability, NewestForAll)}", KernelImageKind.Ptx);

    /// <inheritdoc/>
    public CompiledKernel Compile(CompileRequest request)
    {
        string folder = Directory.CreateTempSubdirectory("acm-clang-").FullName;
        try
        {
            foreach ((string name, string text) in request.Source.Includes.Append(new(request.Source.Name, request.Source.Text)))
            {
                string file = Path.Combine(folder, name);
                Directory.CreateDirectory(Path.GetDirectoryName(file)!);
                File.WriteAllText(file, text);
            }
            string output = Path.Combine(folder, "out.ptx");
            List<string> options =
            [
                "-x", "cuda", "--cuda-device-only", "-nocudainc", "-nocudalib", "--cuda-gpu-arch=sm_" + request.Architecture, "-Xclang", "-target-feature", "-Xclang",
                "+ptx" + OldestPtx(request.Architecture), "-O3", "-std=c++17", "-S", .. request.Defines.Select(d => "-D" + d), .. request.Options,
                Path.Combine(folder, request.Source.Name), "-o", output,
            ];
            if (request.Kind != KernelImageKind.Ptx)
                throw new KernelCompilationException(request, Name, options, "clang makes PTX only; a binary needs NVRTC");
            if (request.Names.Count > 0)
                throw new KernelCompilationException(request, Name, options, "clang does not tell lowered names; declare the kernels extern \"C\"");
            (int code, _, string log) = Run(Source, options);
            return code == 0
                ? new(File.ReadAllBytes(output), KernelImageKind.Ptx, request.Architecture, Name, log, new Dictionary<string, string>())
                : throw new KernelCompilationException(request, Name, options, log);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    // The feature that has every instruction of the architecture. Clang 14 knows none later than 7.5.
    private static string OldestPtx(string architecture) =>
        int.TryParse(architecture.TrimEnd('a', 'f'), CultureInfo.InvariantCulture, out int capability) && capability < 80 ? "64" : "75";

    private static (int Code, string Output, string Errors) Run(string program, IEnumerable<string> arguments)
    {
        ProcessStartInfo start = new(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false };
        using Process process = Process.Start(start)!;
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output, errors.Result);
    }
}
