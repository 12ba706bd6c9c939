using System.CommandLine;
using System.Diagnostics;
using System.Text.Json;
using Acm.Cli.Output;
using Acm.Native;
using Acm.Native.Compile;
using Acm.Runtime;
using Acm.Runtime.Backends.Cuda;

namespace Acm.Cli.Commands;

/// <summary><c>acm kernels</c>: compiles kernels ahead of time, and tells what the cache holds.</summary>
internal static class KernelsCommand
{
    public static Command Create(TextWriter output, TextWriter error) => new("kernels", "Compiled CUDA kernels: build them ahead of time, list what is cached.") { Build(output), List(output), Pack(output) };

    private static Command Build(TextWriter output)
    {
        Argument<string[]> sources = new("SOURCE") { Description = "model packages, or CUDA sources (.cu); what they include lies beside them", Arity = ArgumentArity.OneOrMore };
        Option<string[]> architectures = new("--arch") { Description = "compute capabilities: 75, 80, 90a", DefaultValueFactory = _ => ["80"], AllowMultipleArgumentsPerToken = true };
        Option<string[]> defines = new("--define", "-D") { Description = "macros, NAME=VALUE", DefaultValueFactory = _ => [] };
        Option<string> precision = new("--precision") { Description = "of a model: auto, fp32, tf32, fp16 or bf16", DefaultValueFactory = _ => "auto" };
        Option<bool> cubin = new("--cubin") { Description = "binaries for exactly these architectures, instead of PTX" };
        Option<string?> folder = new("--output") { Description = "the folder to build into; default: the user's cache" };
        Option<bool> json = new("--json") { Description = "write JSON, and nothing else, to standard output" };
        Command command = new("build", "Compiles a model's kernels, or sources, into a cache: one to use, or one to carry along as prebuilt-kernels.") { sources, architectures, defines, precision, cubin, folder, json };
        command.SetAction(parsed =>
        {
            Precision wanted = CommonOptions.PrecisionOf(parsed.GetValue(precision)!);
            Array.ForEach(parsed.GetValue(architectures)!, static name => CommonOptions.CapabilityOf(name));
            KernelCache cache = Cache(parsed.GetValue(folder));
            CompilerSearchResult search = CompilerSearch.Result;
            if (search.Compiler is not { } compiler)
                throw new CudaUnavailableException(new(CudaUnavailableReason.NoLibrary, "no compiler was found", "install NVRTC, or set ACM_NVRTC to its path", search.Attempts));
            KernelImageKind kind = parsed.GetValue(cubin) ? KernelImageKind.Cubin : KernelImageKind.Ptx;
            long start = Stopwatch.GetTimestamp();
            List<(string Request, CompiledKernel Kernel)> built = [];
            foreach (string source in parsed.GetValue(sources)!)
                foreach (string architecture in parsed.GetValue(architectures)!)
                {
                    if (Directory.Exists(source))
                    {
                        built.AddRange(ModelKernels.Build(source, architecture, kind, wanted, cache, compiler));
                        continue;
                    }
                    string full = Path.GetFullPath(InputFile.Need(source));
                    CompileRequest request = new(KernelSource.Read(Path.GetDirectoryName(full)!, Path.GetFileName(full)), architecture, kind)
                    {
                        Defines = parsed.GetValue(defines)!,
                    };
                    built.Add((request.ToString(), cache.Get(request, compiler)));
                }
            if (cache.LastWriteError is { } problem)
                throw new BadInputException($"{cache.Folder} cannot be written: {problem}");
            Write(output, cache.Folder, built, parsed.GetValue(json));
            if (!parsed.GetValue(json))
                output.WriteLine($"{cache.Compilations} compiled, {Stopwatch.GetElapsedTime(start).TotalSeconds:0.00} s in all");
            return AcmTool.Done;
        });
        return command;
    }

    /// <summary>For the source tree: what the runtime carries for machines without a compiler.</summary>
    private static Command Pack(TextWriter output)
    {
        Argument<string> file = new("FILE") { Description = "kernels/prebuilt/compute_80.pack" };
        Command command = new("pack", "Compiles the kernels that the runtime carries along, into one file.") { file };
        command.Hidden = true;
        command.SetAction(parsed =>
        {
            IKernelCompiler compiler = CompilerSearch.Result.Compiler
                ?? throw new CudaUnavailableException(new(CudaUnavailableReason.NoLibrary, "no compiler was found", "install NVRTC, or set ACM_NVRTC to its path", CompilerSearch.Result.Attempts));
            Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(parsed.GetValue(file)!))!);
            string written = "";
            AtomicFile.Write(parsed.GetValue(file)!, to => written = $"{PrebuiltKernels.Write(to, compiler)} kernels by {compiler.Name}, {to.Length} bytes");
            output.WriteLine(written);
            return AcmTool.Done;
        });
        return command;
    }

    private static Command List(TextWriter output)
    {
        Option<string?> folder = new("--output") { Description = "the folder to look into; default: the user's cache" };
        Option<bool> json = new("--json") { Description = "write JSON, and nothing else, to standard output" };
        Command command = new("list", "Lists the kernels in a cache.") { folder, json };
        command.SetAction(parsed =>
        {
            KernelCache cache = Cache(parsed.GetValue(folder));
            Write(output, cache.Folder, [.. cache.List().Select(k => (k.Request, k.Kernel))], parsed.GetValue(json));
            return AcmTool.Done;
        });
        return command;
    }

    private static KernelCache Cache(string? folder) => folder is null ? KernelCache.Default
        : File.Exists(folder) ? throw new BadInputException($"--output {folder}: a file; name a folder") : new(folder);

    private static void Write(TextWriter output, string folder, IReadOnlyList<(string Request, CompiledKernel Kernel)> kernels, bool json)
    {
        if (json)
        {
            Report.Json(output, to => Write(to, folder, kernels));
            return;
        }
        output.WriteLine($"{folder}: {kernels.Count} {(kernels.Count == 1 ? "kernel" : "kernels")}");
        foreach ((string request, CompiledKernel kernel) in kernels)
        {
            output.WriteLine($"  {request}: {kernel.Kind.ToString().ToLowerInvariant()}, {kernel.Image.Length} bytes, {kernel.Compiler}{(kernel.FromCache ? "" : ", compiled now")}");
            foreach (KernelUsage usage in kernel.Usage)
                output.WriteLine($"    {usage.Kernel}: {usage.Registers} registers, {usage.SpillStoreBytes + usage.SpillLoadBytes} bytes spilled, {usage.SharedBytes} shared bytes");
        }
    }

    private static void Write(Utf8JsonWriter to, string folder, IReadOnlyList<(string Request, CompiledKernel Kernel)> kernels)
    {
        to.WriteStartObject();
        to.WriteString("folder", folder);
        to.WriteStartArray("kernels");
        foreach ((string request, CompiledKernel kernel) in kernels)
        {
            to.WriteStartObject();
            to.WriteString("request", request);
            to.WriteString("kind", kernel.Kind.ToString().ToLowerInvariant());
            to.WriteString("architecture", kernel.Architecture);
            to.WriteString("compiler", kernel.Compiler);
            to.WriteNumber("bytes", kernel.Image.Length);
            to.WriteBoolean("from_cache", kernel.FromCache);
            to.WriteStartArray("usage");
            foreach (KernelUsage usage in kernel.Usage)
            {
                to.WriteStartObject();
                to.WriteString("kernel", usage.Kernel);
                to.WriteNumber("registers", usage.Registers);
                to.WriteNumber("spill_store_bytes", usage.SpillStoreBytes);
                to.WriteNumber("spill_load_bytes", usage.SpillLoadBytes);
                to.WriteNumber("shared_bytes", usage.SharedBytes);
                to.WriteEndObject();
            }
            to.WriteEndArray();
            to.WriteEndObject();
        }
        to.WriteEndArray();
        to.WriteEndObject();
    }
}
