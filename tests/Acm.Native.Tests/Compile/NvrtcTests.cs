using System.Diagnostics;
using System.Text;
using Acm.Native.Compile;
using Acm.Testing;
using NUnit.Framework;

namespace Acm.Native.Tests.Compile;

/// <summary>Every NVRTC at hand, and clang.</summary>
[TestFixture]
internal sealed class NvrtcTests
{
    [TestCaseSource(typeof(Compilers), nameof(Compilers.Nvrtc))]
    public void Makes_ptx_with_includes_defines_and_lowered_names(NvrtcCompiler? found)
    {
        NvrtcCompiler nvrtc = Compilers.Need(found);
        CompiledKernel kernel = nvrtc.Compile(Compilers.Request() with { Names = ["twice<float>"], Options = ["--use_fast_math"], Defines = ["UNUSED=1"] });
        string ptx = Encoding.UTF8.GetString(kernel.Image);
        Assert.That(ptx, Does.Contain(".target sm_80").And.Contain(".entry scale").And.Contain("0f40400000"), "3.0f from the include");
        Assert.That(ptx, Does.Contain(kernel.LoweredNames["twice<float>"]));
        Assert.That(kernel.Image, Has.None.EqualTo((byte)0));
        Assert.That(nvrtc.Architectures, Does.Contain(80));
    }

    [Test, Platform("Linux")]
    public void A_toolkit_that_is_off_the_loaders_path_is_found_where_it_installs_itself()
    {
        NvrtcCompiler nvrtc = Compilers.Need(Compilers.Nvrtc().FirstOrDefault(static found => Path.IsPathRooted(found?.Source)));
        using TemporaryFolder toolkit = new();
        Directory.CreateSymbolicLink(Path.Combine(toolkit.Path, "lib64"), Path.GetDirectoryName(nvrtc.Source)!);
        IReadOnlyList<string> places = CompilerSearch.Installed(toolkit.Path);
        Assert.That(places[0], Is.EqualTo("libnvrtc.so.13"), "the loader's own comes first");
        Assert.That(places.Select(static place => NvrtcCompiler.TryOpen(place, out _)?.Name), Does.Contain(nvrtc.Name));
        Assert.That(CompilerSearch.Installed(), Does.Contain("/usr/local/cuda/lib64/libnvrtc.so.13"));
    }

    [TestCaseSource(typeof(Compilers), nameof(Compilers.Nvrtc))]
    public void What_it_needs_beside_itself_is_found_from_a_relative_path_too(NvrtcCompiler? found)
    {
        string path = Path.GetRelativePath(Environment.CurrentDirectory, Compilers.Need(found).Source);
        if (Path.GetFileName(path) == path)
            Assert.Ignore("it is on the loader's path");
        using TemporaryFolder cache = new();
        // A process of its own: in this one it is open already.
        using Process child = CacheChild.Start(cache.Path, path);
        child.StandardOutput.ReadToEnd();
        child.WaitForExit();
        Assert.That((child.ExitCode, new KernelCache(cache.Path).List().Count()), Is.EqualTo((0, CacheChild.Kernels)));
    }

    [TestCaseSource(typeof(Compilers), nameof(Compilers.Nvrtc))]
    public void Makes_binaries_and_tells_registers_and_shared_bytes(NvrtcCompiler? found)
    {
        CompiledKernel kernel = Compilers.Need(found).Compile(Compilers.Request(kind: KernelImageKind.Cubin));
        Assert.That(kernel.Image.AsSpan(0, 4).SequenceEqual("\u007fELF"u8));
        KernelUsage usage = kernel.Usage.Single(u => u.Kernel == "scale");
        Assert.That(usage.SharedBytes, Is.EqualTo(1024));
        Assert.That(usage.Registers, Is.InRange(4, 64));
        Assert.That(usage.SpillStoreBytes + usage.SpillLoadBytes, Is.Zero);
    }

    [TestCaseSource(typeof(Compilers), nameof(Compilers.Nvrtc))]
    public void An_error_carries_the_log_the_kernel_and_the_options(NvrtcCompiler? found)
    {
        CompileRequest bad = new(Compilers.Source("#include \"factor.cuh\"\n__global__ void k() { no_such_thing(); }"), "80", KernelImageKind.Ptx) { Defines = ["WIDTH=4"] };
        KernelCompilationException e = Assert.Throws<KernelCompilationException>(() => Compilers.Need(found).Compile(bad))!;
        Assert.That(e.Log, Does.Contain("no_such_thing"));
        Assert.That(e.Message, Does.Contain("scale.cu").And.Contain("-DWIDTH=4").And.Contain("compute_80"));
    }

    /// <summary>Machine code where the compiler knows the device; for one that came after it, PTX, which that device's driver assembles.</summary>
    [TestCaseSource(typeof(Compilers), nameof(Compilers.Nvrtc))]
    public void A_device_that_the_compiler_does_not_know_gets_ptx_of_the_newest_it_does(NvrtcCompiler? found)
    {
        NvrtcCompiler nvrtc = Compilers.Need(found);
        Assert.That(nvrtc.TargetFor(80, nvrtc.Version), Is.EqualTo(("80", KernelImageKind.Cubin)));
        (string architecture, KernelImageKind kind) = nvrtc.TargetFor(999, nvrtc.Version);
        Assert.That((architecture, kind), Is.EqualTo(($"{nvrtc.Architectures.Max()}", KernelImageKind.Ptx)));
        Assert.That(nvrtc.Compile(Compilers.Request(architecture, kind)).Image, Is.Not.Empty);
    }

    [TestCaseSource(typeof(Compilers), nameof(Compilers.Nvrtc))]
    public void A_device_older_than_the_compiler_is_refused_by_the_compiler(NvrtcCompiler? found)
    {
        NvrtcCompiler nvrtc = Compilers.Need(found);
        (string architecture, KernelImageKind kind) = nvrtc.TargetFor(30, nvrtc.Version);
        Assert.That(architecture, Is.EqualTo("30"));
        Assert.That(() => nvrtc.Compile(Compilers.Request(architecture, kind)), Throws.TypeOf<KernelCompilationException>().With.Message.Contains("sm_30"));
    }

    [TestCaseSource(typeof(Compilers), nameof(Compilers.Nvrtc))]
    public void Its_options_reach_the_compiler_and_its_version_is_told(NvrtcCompiler? found)
    {
        NvrtcCompiler nvrtc = Compilers.Need(found);
        Assert.That(() => nvrtc.Compile(Compilers.Request() with { Options = ["--no-such-option"] }), Throws.TypeOf<KernelCompilationException>().With.Message.Contains("no-such-option"));
        Assert.That(NvrtcCompiler.TryOpen(nvrtc.Source, out LoadAttempt attempt)!.Name, Is.EqualTo(attempt.Outcome));
    }

    [Test]
    public void A_library_that_is_no_compiler_lacks_its_symbols()
    {
        Assert.That(NvrtcCompiler.TryOpen(OperatingSystem.IsWindows() ? "kernel32.dll" : "libm.so.6", out LoadAttempt attempt), Is.Null);
        Assert.That(attempt.Outcome, Does.StartWith("lacks nvrtcVersion, "));
    }

    /// <summary>12.9 and 13.0 write binaries of two forms; within a major release older drivers take a newer compiler's.</summary>
    [TestCaseSource(typeof(Compilers), nameof(Compilers.Nvrtc))]
    public void A_driver_of_an_earlier_major_release_gets_ptx(NvrtcCompiler? found)
    {
        NvrtcCompiler nvrtc = Compilers.Need(found);
        int major = nvrtc.Version / 1000 * 1000;
        Assert.That(nvrtc.TargetFor(80, major - 100), Is.EqualTo(("80", KernelImageKind.Ptx)));
        Assert.That(nvrtc.TargetFor(80, major), Is.EqualTo(("80", KernelImageKind.Cubin)));
        Assert.That(nvrtc.TargetFor(80, major + 1000), Is.EqualTo(("80", KernelImageKind.Cubin)));
    }

    [Test]
    public void Clang_is_asked_for_what_it_makes()
    {
        ClangCompiler clang = Compilers.NeedClang();
        foreach (int capability in new[] { 75, 80, 90, 120 })
        {
            (string architecture, KernelImageKind kind) = clang.TargetFor(capability, 12000);
            Assert.That(clang.Compile(new(Compilers.Source(Compilers.Plain), architecture, kind)).Image, Is.Not.Empty, $"{capability}");
        }
    }

    [TestCase("75", "+ptx64"), TestCase("80", "+ptx75"), TestCase("90a", "+ptx75"), TestCase("100", "+ptx75"), TestCase("120f", "+ptx75"), Platform(Exclude = "Win")]
    public void Clang_is_asked_for_the_ptx_that_has_the_architectures_instructions(string architecture, string feature)
    {
        using TemporaryFolder folder = new();
        CompileRequest request = new(Compilers.Source(Compilers.Plain), architecture, KernelImageKind.Ptx) { Defines = ["WIDTH=4"], Options = ["-ffast-math"] };
        string[] words = Encoding.UTF8.GetString(ClangCompiler.TryOpen(FakeClang(folder), out _)!.Compile(request).Image).Split(' ', '\n');
        Assert.That(words, Is.SupersetOf(new[] { $"--cuda-gpu-arch=sm_{architecture}", feature, "-DWIDTH=4", "-ffast-math" }));
        string source = words.Single(static word => word.EndsWith("/scale.cu", StringComparison.Ordinal));
        Assert.That(Directory.Exists(Path.GetDirectoryName(source)), Is.False, "its temporary folder is gone");
    }

    [Test, Platform(Exclude = "Win")]
    public void Clang_is_not_asked_for_what_it_does_not_make()
    {
        using TemporaryFolder folder = new();
        ClangCompiler clang = ClangCompiler.TryOpen(FakeClang(folder), out _)!;
        CompileRequest ptx = new(Compilers.Source(Compilers.Plain), "80", KernelImageKind.Ptx);
        Assert.That(() => clang.Compile(ptx with { Kind = KernelImageKind.Cubin }), Throws.TypeOf<KernelCompilationException>().With.Message.Contains("needs NVRTC"));
        Assert.That(() => clang.Compile(ptx with { Names = ["twice<float>"] }), Throws.TypeOf<KernelCompilationException>().With.Message.Contains("extern \"C\""));
        Assert.That(clang.TargetFor(75, 12000), Is.EqualTo(("75", KernelImageKind.Ptx)));
        Assert.That(clang.TargetFor(120, 13000), Is.EqualTo(("80", KernelImageKind.Ptx)), "what every clang knows");
    }

    [TestCase("echo x86-64", "has no NVPTX target"), TestCase("echo nvptx64; exit 3", "exits with 3"), Platform(Exclude = "Win")]
    public void A_clang_that_makes_no_ptx_is_told(string script, string outcome)
    {
        using TemporaryFolder folder = new();
        Assert.That(ClangCompiler.TryOpen(FakeClang(folder, script), out LoadAttempt attempt), Is.Null);
        Assert.That(attempt.Outcome, Is.EqualTo(outcome));
        Assert.That(ClangCompiler.TryOpen(folder["none"], out attempt), Is.Null);
        Assert.That(attempt, Is.EqualTo(new LoadAttempt(folder["none"], "not found")));
    }

    // "Compiles" into its own command line, whose last word names the output. Written by another process: one that is forked here meanwhile would keep it open.
    private static string FakeClang(TemporaryFolder folder, string script = "if [ $# = 1 ]; then echo nvptx64; else for last; do :; done; echo \"$@\" > \"$last\"; fi")
    {
        using Process write = Process.Start("sh", ["-c", "printf '#!/bin/sh\\n%s\\n' \"$0\" > \"$1\" && chmod +x \"$1\"", script, folder["clang"]]);
        Assert.That(write.WaitForExit(10_000));
        return folder["clang"];
    }

    [Test]
    public void Clang_makes_ptx_of_plain_sources()
    {
        ClangCompiler clang = Compilers.NeedClang();
        CompiledKernel kernel = clang.Compile(new(Compilers.Source(Compilers.Plain), "80", KernelImageKind.Ptx));
        Assert.That(Encoding.UTF8.GetString(kernel.Image), Does.Contain(".target sm_80").And.Contain(".entry scale"));
        Assert.Throws<KernelCompilationException>(() => clang.Compile(new(Compilers.Source("int f( {"), "80", KernelImageKind.Ptx)));
    }

    [Test]
    public void Spills_are_read_from_the_assemblers_log()
    {
        const string Log = """
            ptxas info    : 0 bytes gmem
            ptxas info    : Compiling entry function 'heavy' for 'sm_80'
            ptxas info    : Function properties for heavy
                16 bytes stack frame, 8 bytes spill stores, 12 bytes spill loads
            ptxas info    : Used 255 registers, used 1 barriers, 16 bytes cumulative stack size, 4096 bytes smem, 360 bytes cmem[0]
            ptxas info    : Compiling entry function 'light' for 'sm_80'
            ptxas info    : Function properties for light
                0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
            ptxas info    : Used 8 registers, 360 bytes cmem[0]
            """;
        Assert.That(AssemblerLog.Parse(Log), Is.EqualTo(new KernelUsage[] { new("heavy", 255, 8, 12, 16, 4096), new("light", 8, 0, 0, 0, 0) }));
    }
}
