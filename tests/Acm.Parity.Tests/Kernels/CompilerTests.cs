using System.Text.RegularExpressions;
using Acm.Native;
using Acm.Native.Compile;
using Acm.Testing;
using NUnit.Framework;

namespace Acm.Parity.Tests.Kernels;

/// <summary>Every kernel family through every NVRTC that lies beside the source tree: it compiles, and the assembler spills nothing.</summary>
[TestFixture]
internal sealed class CompilerTests
{
    private static readonly string[] Tile = ["TILE_M=64", "TILE_N=64", "WARP_M=32", "WARP_N=32"];

    private static IEnumerable<TestCaseData> Compilers() =>
        from path in SourceTreeCompilers.Nvrtc().Where(static path => !path.EndsWith(".so", StringComparison.Ordinal)).DefaultIfEmpty("")
        from architecture in new[] { "75", "120" }
        select new TestCaseData(path, architecture).SetName($"{{m}}({Path.GetFileName(path)}, sm_{architecture})");

    [TestCaseSource(nameof(Compilers))]
    public void Every_family_compiles_and_spills_nothing(string path, string architecture)
    {
        SharedFolder.Need("cuda");
        NvrtcCompiler? compiler = NvrtcCompiler.TryOpen(path, out LoadAttempt attempt);
        Assert.That(compiler, Is.Not.Null, attempt.ToString());
        string kernels = Path.Combine(SharedFolder.Repo, "kernels");
        int seen = 0;
        foreach (string file in Directory.GetFiles(kernels, "*.cu").Select(static f => Path.GetFileName(f)))
            foreach (int precision in architecture == "75" ? [0, 2] : new[] { 1, 3 })
            {
                string[] stages = precision == 0 ? ["STAGE_BYTES=64", "STAGES=2"] : ["STAGE_BYTES=128", $"STAGES={(architecture == "75" ? 2 : 4)}"];
                int keys = precision == 1 || architecture == "75" ? 32 : 64;
                CompiledKernel compiled = compiler!.Compile(new CompileRequest(KernelSource.Read(kernels, file), architecture, KernelImageKind.Cubin)
                {
                    Defines =
                    [
                        $"PRECISION={precision}", .. Tile, .. stages, "ACTIVATION=1", "RESIDUAL=1", "OUTPUT=0", "PATCH_SIZE=16", "NORM=1", "HEAD=128", $"KEYS={keys}",
                    ],
                });
                foreach (KernelUsage usage in compiled.Usage)
                    Assert.That(usage.SpillStoreBytes + usage.SpillLoadBytes, Is.Zero, $"{usage.Kernel}, precision {precision}");
                seen += compiled.Usage.Count;
            }
        Assert.That(seen, Is.GreaterThanOrEqualTo(10));
    }

    // On a real sm_90 a kernel's blocks start while the kernel ahead still writes. The simulated device runs one kernel after the other and would never show it.
    [Test]
    public void Every_kernel_for_sm_90_waits_for_the_kernel_ahead_before_it_touches_memory_or_leaves([Values(0, 3)] int precision)
    {
        string[] stages = precision == 0 ? ["STAGE_BYTES=64", "STAGES=2"] : ["STAGE_BYTES=128", "STAGES=2"];
        int seen = 0;
        foreach (string file in Directory.GetFiles(Path.Combine(SharedFolder.Repo, "kernels"), "*.cu").Select(static f => Path.GetFileName(f)))
        {
            string ptx = KernelRig.Ptx(file, (KernelPrecision)precision,
                [.. Tile, .. stages, "ACTIVATION=1", "RESIDUAL=1", "OUTPUT=0", "PATCH_SIZE=16", "NORM=1", "HEAD=64", "KEYS=64"], 90);
            foreach (string entry in ptx.Split(".entry ").Skip(1))
            {
                int wait = entry.IndexOf("griddepcontrol.wait", StringComparison.Ordinal);
                Match first = Regex.Match(entry, @"\b(ld(?!\.param)|st|atom|red|cp|ldmatrix)\.|\b(ret|exit|bra)\b");
                Assert.That(wait, Is.InRange(0, first.Index), $"{file}: {first.Value} at {first.Index} of {entry[..entry.IndexOf('(')]}");
                seen++;
            }
        }
        Assert.That(seen, Is.GreaterThanOrEqualTo(14));
    }
}
