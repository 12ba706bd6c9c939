using System.Diagnostics;
using Acm.Native.Compile;
using Acm.Testing;
using NUnit.Framework;

namespace Acm.Native.Tests.Compile;

[TestFixture]
internal sealed class KernelCacheTests
{
    private string _folder = "";

    [SetUp]
    public void MakeFolder() => _folder = Directory.CreateTempSubdirectory("acm-cache-test-").FullName;

    [TearDown]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    [Test]
    public void A_second_process_finds_what_the_first_compiled()
    {
        CountingCompiler compiler = new();
        KernelCache first = new(_folder), second = new(_folder);
        CompiledKernel made = first.Get(Compilers.Request(), compiler), found = second.Get(Compilers.Request(), compiler);
        Assert.That(compiler.Count, Is.EqualTo(1));
        Assert.That((made.FromCache, found.FromCache, second.Compilations), Is.EqualTo((false, true, 0)));
        Assert.That(found.Image, Is.EqualTo(made.Image));
        Assert.That((found.Log, found.Compiler, found.LoweredNames), Is.EqualTo((made.Log, made.Compiler, made.LoweredNames)));
        Assert.That(second.List().Single().Request, Does.Contain("scale.cu"));
    }

    [Test]
    public void Everything_that_decides_the_result_is_in_the_key()
    {
        CountingCompiler compiler = new();
        KernelCache cache = new(_folder);
        CompileRequest request = Compilers.Request();
        CompileRequest[] others =
        [
            request, request with { Architecture = "90" }, request with { Kind = KernelImageKind.Cubin }, request with { Defines = ["A=1"] }, request with { Options = ["-A=1"] },
            request with { Names = ["twice<float>"] }, request with { Source = Compilers.Source(factor: "4.f") }, request with { Source = Compilers.Source(Compilers.Plain) },
            request with { Source = request.Source with { Name = "other.cu" } }, request with { Source = request.Source with { Includes = new Dictionary<string, string> { ["other.cuh"] = "" } } },
            request with { Source = request.Source with { Includes = new Dictionary<string, string> { ["another.cuh"] = "" } } },
            request with { Defines = ["A=1", "A=2"] }, request with { Defines = ["A=2", "A=1"] }, request with { Defines = ["AB", "C"] }, request with { Defines = ["A", "BC"] },
            request with { Defines = ["-use_fast_math"] }, request with { Options = ["-use_fast_math"] }, request with { Names = ["-use_fast_math"] },
        ];
        foreach (CompileRequest other in others)
            cache.Get(other, compiler);
        Assert.That(compiler.Count, Is.EqualTo(others.Length));
        cache.Get(request, new CountingCompiler { Name = "Counting 2" });
        Assert.That(cache.Compilations, Is.EqualTo(others.Length + 1));
    }

    [Test]
    public void A_corrupt_entry_is_a_miss_and_is_replaced([Values(0, 1, 40, -1)] int keep)
    {
        CountingCompiler compiler = new();
        byte[] image = new KernelCache(_folder).Get(Compilers.Request(), compiler).Image;
        string file = Directory.GetFiles(_folder, "*.kernel").Single();
        byte[] bytes = File.ReadAllBytes(file);
        bytes[^40] ^= 1;
        File.WriteAllBytes(file, keep < 0 ? bytes : bytes[..keep]);
        Assert.That(new KernelCache(_folder).Get(Compilers.Request(), compiler).Image, Is.EqualTo(image));
        Assert.That(compiler.Count, Is.EqualTo(2));
        Assert.That(new KernelCache(_folder).Get(Compilers.Request(), compiler).FromCache, "the replacement is sound");
    }

    [Test]
    public void A_file_that_is_whole_and_no_kernel_is_a_miss([Values(0, 1, 20)] int length)
    {
        CountingCompiler compiler = new();
        new KernelCache(_folder).Get(Compilers.Request(), compiler);
        byte[] content = [.. Enumerable.Repeat((byte)'k', length)];
        File.WriteAllBytes(Directory.GetFiles(_folder, "*.kernel").Single(), [.. content, .. System.Security.Cryptography.SHA256.HashData(content)]);
        Assert.That(new KernelCache(_folder).List(), Is.Empty);
        Assert.That(new KernelCache(_folder).Get(Compilers.Request(), compiler).FromCache, Is.False);
    }

    [Test]
    public void Who_loses_the_race_for_a_file_discards_its_own_without_an_error()
    {
        KernelCache winner = new(_folder), loser = new(_folder);
        DateTime then = new(2020, 1, 1, 0, 0, 0, DateTimeKind.Utc);
        CompiledKernel made = loser.Get(Compilers.Request(), new CountingCompiler { Meanwhile = () =>
        {
            winner.Get(Compilers.Request(), new CountingCompiler());
            File.SetLastWriteTimeUtc(Directory.GetFiles(_folder, "*.kernel").Single(), then);
        } });
        Assert.That((made.FromCache, winner.Compilations, loser.Compilations), Is.EqualTo((false, 1, 1)));
        Assert.That(loser.LastWriteError, Is.Null);
        Assert.That(loser.List().Count(), Is.EqualTo(1));
        Assert.That(File.GetLastWriteTimeUtc(Directory.GetFiles(_folder, "*.kernel").Single()), Is.EqualTo(then), "the winner's");
        Assert.That(Directory.GetFiles(Path.Combine(_folder, "tmp")), Is.Empty);
    }

    [Test]
    public void What_a_killed_process_left_is_swept_a_day_later()
    {
        string temporary = Directory.CreateDirectory(Path.Combine(_folder, "tmp")).FullName;
        foreach ((string name, int hours) in new[] { ("old", 25), ("young", 23) })
        {
            File.WriteAllText(Path.Combine(temporary, name), "half a kernel");
            File.SetLastWriteTimeUtc(Path.Combine(temporary, name), DateTime.UtcNow.AddHours(-hours));
        }
        new KernelCache(_folder).Get(Compilers.Request(), new CountingCompiler());
        Assert.That(Directory.GetFiles(temporary).Select(Path.GetFileName), Is.EqualTo(new[] { "young" }), "another process may be writing it");
    }

    [Test]
    public void What_was_built_ahead_serves_its_compiler_too_and_is_listed()
    {
        string prebuilt = Path.Combine(_folder, "prebuilt"), own = Path.Combine(_folder, "own");
        CompileRequest request = Compilers.Request() with { Names = ["twice<float>"] };
        CompiledKernel made = new KernelCache(prebuilt).Get(request, new CountingCompiler());
        KernelCache cache = new(own, prebuilt);
        CompiledKernel found = cache.Get(request, new CountingCompiler());
        Assert.That((found.FromCache, cache.Compilations), Is.EqualTo((true, 0)));
        Assert.That(found.LoweredNames, Is.EqualTo(made.LoweredNames));
        Assert.That(cache.List().Single().File, Does.StartWith(prebuilt));
        Assert.That(cache.Get(request, new CountingCompiler { Name = "Counting 2" }).FromCache, Is.False, "another compiler makes its own");
    }

    [Test]
    public void An_unwritable_folder_still_yields_the_kernel()
    {
        string file = Path.Combine(_folder, "a-file");
        File.WriteAllText(file, "");
        KernelCache cache = new(Path.Combine(file, "below"));
        Assert.That(cache.Get(Compilers.Request(), new CountingCompiler()).Image, Is.Not.Empty);
        Assert.That(cache.LastWriteError, Is.Not.Null);
    }

    [Test]
    public void One_kernel_that_could_not_be_kept_is_not_forgotten_over_the_next()
    {
        new KernelCache(_folder).Get(Compilers.Request("80"), new CountingCompiler());
        string file = Directory.GetFiles(_folder, "*.kernel").Single();
        File.Delete(file);
        Directory.CreateDirectory(file);
        KernelCache cache = new(_folder);
        cache.Get(Compilers.Request("80"), new CountingCompiler());
        cache.Get(Compilers.Request("90"), new CountingCompiler());
        Assert.That(cache.LastWriteError, Is.Not.Null);
        Assert.That(cache.List().Count(), Is.EqualTo(1), "the other one");
    }

    [Test]
    public void Without_a_compiler_prebuilt_kernels_serve_and_others_are_refused_with_the_next_step()
    {
        string prebuilt = Path.Combine(_folder, "prebuilt"), own = Path.Combine(_folder, "own");
        byte[] image = new KernelCache(prebuilt).Get(Compilers.Request(), new CountingCompiler()).Image;
        KernelCache cache = new(own, prebuilt);
        Assert.That(cache.Get(Compilers.Request(), null).Image, Is.EqualTo(image));
        CudaUnavailableException e = Assert.Throws<CudaUnavailableException>(() => cache.Get(Compilers.Request("75"), null))!;
        Assert.That(e.Message, Does.Contain("scale.cu").And.Contain("ACM_NVRTC"));
    }

    [Test]
    public void Without_a_compiler_ptx_of_the_devices_architecture_or_an_older_one_serves_for_a_binary()
    {
        CountingCompiler compiler = new();
        KernelCache cache = new(_folder);
        CompileRequest binary = Compilers.Request("89", KernelImageKind.Cubin);
        foreach ((string made, KernelImageKind kind) in new[] { ("75", KernelImageKind.Ptx), ("80", KernelImageKind.Ptx), ("89", KernelImageKind.Ptx), ("89", KernelImageKind.Cubin) })
        {
            cache.Get(Compilers.Request(made, kind), compiler);
            CompiledKernel found = new KernelCache(_folder).Get(binary, null);
            Assert.That((found.Architecture, found.Kind), Is.EqualTo((made, kind)), "the nearest there is");
        }
        Assert.Throws<CudaUnavailableException>(() => new KernelCache(_folder).Get(Compilers.Request("90"), null), "PTX was asked for, of exactly that");
    }

    [Test]
    public void A_failure_is_not_remembered()
    {
        KernelCache cache = new(_folder);
        Assert.Throws<KernelCompilationException>(() => cache.Get(Compilers.Request(), new CountingCompiler { Fails = true }));
        Assert.That(cache.Get(Compilers.Request(), new CountingCompiler()).Image, Is.Not.Empty);
    }

    [Test]
    public void Sixteen_threads_compile_each_kernel_once()
    {
        CountingCompiler compiler = new() { Delay = 20 };
        KernelCache cache = new(_folder);
        CompileRequest[] requests = [.. Enumerable.Range(0, 4).Select(i => Compilers.Request() with { Defines = [$"I={i}"] })];
        Thread[] threads = [.. Enumerable.Range(0, 16).Select(t => new Thread(() =>
        {
            for (int i = 0; i < requests.Length; i++)
                cache.Get(requests[(i + t) % requests.Length], compiler);
        }))];
        Array.ForEach(threads, t => t.Start());
        Array.ForEach(threads, t => t.Join());
        Assert.That(compiler.Count, Is.EqualTo(requests.Length));
    }

    /// <summary>Two more processes, both with 16 threads, one of them killed over and over, on one cold cache with a real compiler.</summary>
    [Test]
    public void Processes_share_a_cold_cache_and_kill_9_harms_nobody()
    {
        NvrtcCompiler nvrtc = Compilers.Need(Compilers.Nvrtc().First());
        List<Process> killed = [];
        for (int i = 0; i < 4; i++)
        {
            Process victim = CacheChild.Start(_folder, nvrtc.Source);
            Thread.Sleep(250 + 120 * i);
            victim.Kill();
            killed.Add(victim);
        }
        Process[] children = [CacheChild.Start(_folder, nvrtc.Source), CacheChild.Start(_folder, nvrtc.Source)];
        foreach (Process child in children)
        {
            string output = child.StandardOutput.ReadToEnd();
            child.WaitForExit();
            Assert.That(child.ExitCode, Is.Zero, output);
            Assert.That(int.Parse(output.Trim().Split('\n')[^1]), Is.LessThanOrEqualTo(CacheChild.Kernels), "compiled once per process at most");
        }
        killed.ForEach(k => k.WaitForExit());
        KernelCache after = new(_folder);
        Assert.That(after.List().Count(), Is.EqualTo(CacheChild.Kernels));
        Assert.That(Directory.GetFiles(_folder, "*.kernel"), Has.Length.EqualTo(CacheChild.Kernels), "every file is whole");
        foreach (CompileRequest request in CacheChild.Requests())
            Assert.That(after.Get(request, nvrtc).FromCache);
    }

    [Test, NonParallelizable, Platform(Exclude = "Win")]
    public void A_home_that_is_not_there_puts_no_cache_into_the_current_folder()
    {
        Dictionary<string, string?> before = new[] { "HOME", "XDG_CACHE_HOME" }.ToDictionary(static name => name, Environment.GetEnvironmentVariable);
        try
        {
            Environment.SetEnvironmentVariable("HOME", "/nonexistent");
            Environment.SetEnvironmentVariable("XDG_CACHE_HOME", null);
            Assert.That(UserCache.Root, Is.EqualTo("/nonexistent/.cache/acm"));
        }
        finally
        {
            foreach ((string name, string? value) in before)
                Environment.SetEnvironmentVariable(name, value);
        }
    }

    private sealed class CountingCompiler : IKernelCompiler
    {
        private int _count;

        public int Count => _count;

        public int Delay { get; init; }

        public bool Fails { get; init; }

        public Action? Meanwhile { get; init; }

        public string Name { get; init; } = "Counting 1";

        public string Source => "memory";

        public CompiledKernel Compile(CompileRequest request)
        {
            int number = Interlocked.Increment(ref _count);
            Thread.Sleep(Delay);
            Meanwhile?.Invoke();
            if (Fails)
                throw new KernelCompilationException(request, Name, [], "fails");
            byte[] image = new byte[1000];
            new Random(7).NextBytes(image);
            return new(image, request.Kind, request.Architecture, Name, $"log {Math.Min(number, 1)}", request.Names.ToDictionary(n => n, n => n + "_lowered"));
        }
    }
}
