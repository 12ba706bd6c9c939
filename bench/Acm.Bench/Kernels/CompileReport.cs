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

    /// <summary>A kernel by two compilers; <paramref name="Other"/> is null where there is one only.</summary>
    private sealed record Compiled(string Architecture, string Kernel, string Precision, string What, KernelUsage Usage, KernelUsage? Other);

    /// <summary>Writes the page, of these architectures or of all; returns how many kernels spill.</summary>
    public static int Run(string kernels, TextWriter page, string? only)
    {
        string? folder = SourceTreeCompilers.Folder;
        if (CompilerSearch.Result.Compiler is not NvrtcCompiler compiler)
        {
            Console.Error.WriteLine("The report needs NVRTC: see `acm doctor`.");
            return -1;
        }

        NvrtcCompiler? other = SourceTreeCompilers.Nvrtc().Select(static path => NvrtcCompiler.TryOpen(path, out _)).FirstOrDefault(found => found is not null && found.Name != compiler.Name);
        string? disassembler = folder is null ? null : Directory.EnumerateFiles(folder, "nvdisasm", SearchOption.AllDirectories).FirstOrDefault();
        page.WriteLine($"# What the assembler makes of the kernels\n\nWritten by `dotnet run -c Release --project bench/Acm.Bench kernels`; compiler: {compiler.Name}. Facts and counts, no times.");
        page.WriteLine("Blocks: how many one multiprocessor can hold by registers, shared memory and threads, and by which of them it is bound. SASS/HMMA: instructions of the");
        page.WriteLine("loop that holds most HMMA, divided by its HMMA (nvdisasm).\n");
        List<Compiled> all = [];
        foreach (string architecture in Architectures.Where(a => only is null || only.Split(',').Contains(a)))
        {
            page.WriteLine($"\n## sm_{architecture}\n\n| kernel | precision | variant | registers | spilled bytes | shared KB | blocks/SM (bound) | SASS/HMMA |\n| --- | --- | --- | --- | --- | --- | --- | --- |");
            foreach (int precision in architecture == "75" ? [0, 2] : new[] { 0, 1, 2, 3 })
                foreach (Variant variant in Variants(precision, architecture))
                    all.AddRange(Row(page, compiler, other, disassembler, kernels, architecture, precision, variant));
            page.Flush();
            Console.Error.WriteLine($"sm_{architecture} done");
        }

        if (other is not null)
            Compare(page, compiler.Name, other.Name, all);
        int spilling = all.Count(static one => Spilled(one.Usage) > 0) + all.Count(static one => one.Other is { } second && Spilled(second) > 0);
        page.WriteLine($"\n{spilling} kernels spill.");
        return spilling;
    }

    private static IEnumerable<Compiled> Row(TextWriter page, NvrtcCompiler compiler, NvrtcCompiler? other, string? disassembler, string kernels, string architecture, int precision, Variant variant)
    {
        CompileRequest request = new(KernelSource.Read(kernels, variant.File), architecture, KernelImageKind.Cubin) { Defines = [$"PRECISION={precision}", .. variant.Defines] };
        CompiledKernel kernel = compiler.Compile(request);
        CompiledKernel? second = other?.Compile(request);
        string name = ((string[])["fp32", "tf32", "fp16", "bf16"])[precision];
        foreach (KernelUsage usage in kernel.Usage)
        {
            string perHmma = disassembler is null ? "" : SassLoop.InstructionsPerHmma(disassembler, kernel.Image) is { } ratio ? ratio.ToString("F2", CultureInfo.InvariantCulture) : "";
            string shared = ((usage.SharedBytes + variant.Shared) / 1024.0).ToString("F1", CultureInfo.InvariantCulture);
            page.WriteLine($"| {usage.Kernel} | {name} | {variant.What} | {usage.Registers} | {Spilled(usage)} | {shared} | {Occupancy(architecture, usage, variant)} | {perHmma} |");
            yield return new(architecture, usage.Kernel, name, variant.What, usage, second?.Usage.Single(u => u.Kernel == usage.Kernel));
        }
    }

    /// <summary>The other compiler: totals, and the rows that differ much.</summary>
    private static void Compare(TextWriter page, string name, string otherName, List<Compiled> all)
    {
        page.WriteLine($"\n## {name} and {otherName}\n\nThe same kernels by both. *Differ*: by more than 8 registers.\n");
        page.WriteLine($"| architecture | kernels | spill, {name} | spill, {otherName} | most registers, {name} | most registers, {otherName} | differ |\n| --- | --- | --- | --- | --- | --- | --- |");
        foreach (IGrouping<string, Compiled> group in all.GroupBy(static one => one.Architecture))
            page.WriteLine($"| sm_{group.Key} | {group.Count()} | {group.Count(static one => Spilled(one.Usage) > 0)} | {group.Count(static one => Spilled(one.Other!) > 0)} | "
                + $"{group.Max(static one => one.Usage.Registers)} | {group.Max(static one => one.Other!.Registers)} | {group.Count(Differ)} |");
        if (!all.Any(Differ))
            return;
        page.WriteLine($"\n| architecture | kernel | precision | variant | registers, {name} | registers, {otherName} |\n| --- | --- | --- | --- | --- | --- |");
        foreach (Compiled one in all.Where(Differ))
            page.WriteLine($"| sm_{one.Architecture} | {one.Kernel} | {one.Precision} | {one.What} | {one.Usage.Registers} | {one.Other!.Registers} |");
    }

    private static bool Differ(Compiled one) => Math.Abs(one.Usage.Registers - one.Other!.Registers) > 8;

    private static int Spilled(KernelUsage usage) => usage.SpillStoreBytes + usage.SpillLoadBytes;

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
        IReadOnlyList<TileShape> shapes = precision == 0 ? [TileShape.Plain] : TileShape.Candidates;
        foreach (TileShape shape in shapes)
        {
            (int threads, int shared, string[] tile) = (shape.Threads, shape.SharedBytes, shape.Defines);
            if (architecture == "75" && shared > 65536)
                continue;
            string what = $"{shape.M}x{shape.N}, warps {shape.WarpM}x{shape.WarpN}, {shape.Stages} stages of {shape.StageBytes} B";
            yield return new("acm_up.cu", [.. tile, "ACTIVATION=1"], threads, shared, what);
            yield return new("acm_down.cu", [.. tile, "RESIDUAL=1"], threads, shared, what);
            yield return new("dense.cu", [.. tile, "OUTPUT=0"], threads, shared, what);
            yield return new("conv1d.cu", [.. tile, "OUTPUT=0", "ACTIVATION=1"], threads, shared, what);
            if (precision != 1 || shape.M <= Tiles.MostPatchRows(ElementType.TF32))
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
            yield return new("norm_gate.cu", [$"NORM={norm}"], 256, 8 * (768 + 15) * 4, $"NORM {norm}, d = 768");
        yield return new("norm_gate.cu", ["NORM=2", "GATE_LAYERS=3", "GATE_ACTIVATION=1"], 256, 8 * (768 + 16) * 4, "NORM 2, gates of 3 layers with an activation");
        yield return new("route.cu", [], 256, 160, "");
        yield return new("channel_norm.cu", [], 256, 0, "");
        yield return new("channel_norm.cu", ["OUTPUT=1", "ACTIVATION=1"], 256, 0, "floats");
        yield return new("convert.cu", [], 256, 0, "");
        if (precision == 0)
            yield return new("text.cu", [], 256, 0, "");
    }
}
