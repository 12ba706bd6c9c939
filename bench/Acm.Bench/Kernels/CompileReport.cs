using System.Globalization;
using System.Text;
using Acm.Native.Compile;
using Acm.Runtime.Backends.Cuda;
using Acm.Simulator;

namespace Acm.Bench.Kernels;

/// <summary>
/// What the assembler makes of every kernel: registers, spills, shared bytes, blocks a multiprocessor can hold, and instructions per HMMA in the main loop.
/// Facts of the assembler and counts, not times.
/// </summary>
internal static class CompileReport
{
    private static readonly string[] Architectures = ["75", "80", "86", "89", "90", "100", "120"];

    /// <summary>A kernel as it is compiled: threads of a block and dynamic shared bytes, where they are known from the macros.</summary>
    private sealed record Variant(string File, string[] Defines, int Threads, int Shared, string What);

    /// <summary>Writes the page; returns how many kernels spill.</summary>
    public static int Run(string kernels, TextWriter page, string? only)
    {
        string? folder = SourceTreeCompilers.Folder;
        if (CompilerSearch.Result.Compiler is not NvrtcCompiler compiler)
        {
            Console.Error.WriteLine("The report needs NVRTC: see `acm doctor`.");
            return -1;
        }

        string? disassembler = folder is null ? null : Directory.EnumerateFiles(folder, "nvdisasm", SearchOption.AllDirectories).FirstOrDefault();
        page.WriteLine($"# What the assembler makes of the kernels\n\nWritten by `dotnet run -c Release --project bench/Acm.Bench kernels`; compiler: {compiler.Name}. Facts and counts, no times.");
        page.WriteLine("Blocks: how many one multiprocessor can hold by registers, shared memory and threads, and by which of them it is bound. SASS/HMMA: instructions of the");
        page.WriteLine("loop that holds most HMMA, divided by its HMMA (nvdisasm).\n");
        int spilling = 0;
        foreach (string architecture in Architectures.Where(a => only is null || a == only))
        {
            page.WriteLine($"\n## sm_{architecture}\n\n| kernel | precision | variant | registers | spilled bytes | shared KB | blocks/SM (bound) | SASS/HMMA |\n| --- | --- | --- | --- | --- | --- | --- | --- |");
            foreach (int precision in architecture == "75" ? [0, 2] : new[] { 0, 1, 2, 3 })
                foreach (Variant variant in Variants(precision, architecture))
                    spilling += Row(page, compiler, disassembler, kernels, architecture, precision, variant);
            page.Flush();
            Console.Error.WriteLine($"sm_{architecture} done");
        }

        page.WriteLine($"\n{spilling} kernels spill.");
        return spilling;
    }

    private static int Row(TextWriter page, NvrtcCompiler compiler, string? disassembler, string kernels, string architecture, int precision, Variant variant)
    {
        CompiledKernel kernel = compiler.Compile(new CompileRequest(KernelSource.Read(kernels, variant.File), architecture, KernelImageKind.Cubin)
        {
            Defines = [$"PRECISION={precision}", .. variant.Defines],
        });
        int spilling = 0;
        foreach (KernelUsage usage in kernel.Usage)
        {
            int spilled = usage.SpillStoreBytes + usage.SpillLoadBytes;
            spilling += spilled > 0 ? 1 : 0;
            string perHmma = disassembler is null ? "" : SassLoop.InstructionsPerHmma(disassembler, kernel.Image) is { } ratio ? ratio.ToString("F2", CultureInfo.InvariantCulture) : "";
            string name = ((string[])["fp32", "tf32", "fp16", "bf16"])[precision];
            string shared = ((usage.SharedBytes + variant.Shared) / 1024.0).ToString("F1", CultureInfo.InvariantCulture);
            page.WriteLine($"| {usage.Kernel} | {name} | {variant.What} | {usage.Registers} | {spilled} | {shared} | {Occupancy(architecture, usage, variant)} | {perHmma} |");
        }

        return spilling;
    }

    /// <summary>Blocks per multiprocessor, by the profile nearest to the architecture.</summary>
    private static string Occupancy(string architecture, KernelUsage usage, Variant variant)
    {
        int capability = int.Parse(architecture, CultureInfo.InvariantCulture);
        DeviceProfile profile = DeviceProfile.All.Where(p => p.Capability <= capability).MaxBy(p => p.Capability)!;
        int shared = usage.SharedBytes + variant.Shared + (capability >= 80 ? 1024 : 0), perWarp = (usage.Registers * 32 + 255) / 256 * 256;
        (int Blocks, string Bound)[] limits =
        [
            (65536 / (perWarp * (variant.Threads / 32)), "registers"), (profile.SharedPerMultiprocessor / Math.Max(shared, 1), "shared"),
            (profile.ThreadsPerMultiprocessor / variant.Threads, "threads"), (profile.BlocksPerMultiprocessor, "blocks"),
        ];
        (int blocks, string bound) = limits.MinBy(l => l.Blocks);
        return usage.SharedBytes + variant.Shared > profile.SharedPerBlockOptIn ? $"does not fit {profile.Name}" : $"{blocks} ({bound})";
    }

    private static IEnumerable<Variant> Variants(int precision, string architecture)
    {
        int bytes = precision >= 2 ? 2 : 4;
        (int M, int N, int WarpM, int WarpN, int Bytes, int Stages)[] shapes = precision == 0 ? [(64, 64, 32, 32, 64, 2)]
            : [(128, 256, 64, 64, 64, 4), (128, 128, 64, 64, 64, 4), (64, 128, 64, 64, 64, 4), (64, 128, 32, 64, 128, 4), (64, 64, 32, 32, 128, 4), (32, 128, 32, 32, 128, 4), (32, 64, 32, 32, 128, 4)];
        foreach ((int m, int n, int wm, int wn, int kb, int stages) in shapes)
        {
            int threads = m / wm * (n / wn) * 32, shared = stages * (m + n) * kb;
            if (architecture == "75" && shared > 65536)
                continue;
            string[] tile = [$"TILE_M={m}", $"TILE_N={n}", $"WARP_M={wm}", $"WARP_N={wn}", $"STAGE_BYTES={kb}", $"STAGES={stages}"];
            string what = $"{m}x{n}, warps {wm}x{wn}, {stages} stages of {kb} B";
            yield return new("acm_up.cu", [.. tile, "ACTIVATION=1"], threads, shared, what);
            yield return new("acm_down.cu", [.. tile, "RESIDUAL=1"], threads, shared, what);
            yield return new("dense.cu", [.. tile, "OUTPUT=0"], threads, shared, what);
            yield return new("conv1d.cu", [.. tile, "OUTPUT=0", "ACTIVATION=1"], threads, shared, what);
            if (m == shapes[^1].M && n == shapes[^1].N)
                yield return new("patch.cu", [.. tile, "PATCH_SIZE=16"], threads, shared, what);
        }

        yield return new("conv1d.cu", ["TILE_M=64", "TILE_N=64", "WARP_M=32", "WARP_N=32", "STAGE_BYTES=64", "STAGES=2", "OUTPUT=1", "SAMPLES=1"], 128, 16384, "samples, 64x64, warps 32x32, 2 stages of 64 B");
        foreach (TileShape shape in precision == 0 ? [] : ProjectChoice.Candidates)
        {
            int shared = ProjectChoice.SharedBytes(shape, 192, 96, bytes);
            if (architecture != "75" || shared <= 65536)
                yield return new("acm_project.cu", [.. shape.Defines, "ACTIVATION=1", "RESIDUAL=0"], shape.Threads, shared, $"{shape.M}x{shape.N}, vit-chars");
        }
        foreach (int head in new[] { 32, 64, 128 })
        {
            int keys = precision == 1 || (head == 128 && architecture == "75") ? 32 : 64;
            yield return new("attention.cu", [$"HEAD={head}", $"KEYS={keys}"], 128, precision == 0 ? 16 * (head + 32) : (64 + (4 * keys)) * head * bytes, $"head {head}, {keys} keys a tile");
        }

        foreach (int norm in new[] { 0, 1, 2 })
            yield return new("norm_gate.cu", [$"NORM={norm}"], 256, (8 * (768 + 15) * 4) + 160, $"NORM {norm}, d = 768");
        yield return new("norm_gate.cu", ["NORM=2", "GATE_LAYERS=3", "GATE_ACTIVATION=1"], 256, (8 * (768 + 16) * 4) + 160, "NORM 2, gates of 3 layers with an activation");
        yield return new("route.cu", [], 256, 160, "");
        yield return new("channel_norm.cu", [], 256, 0, "");
        yield return new("channel_norm.cu", ["OUTPUT=1", "ACTIVATION=1"], 256, 0, "floats");
        yield return new("convert.cu", [], 256, 0, "");
        if (precision == 0)
            yield return new("text.cu", [], 256, 0, "");
    }
}
