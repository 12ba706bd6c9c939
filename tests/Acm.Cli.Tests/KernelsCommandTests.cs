using System.Text.Json;
using Acm.Native.Compile;
using Acm.Testing;
using NUnit.Framework;

namespace Acm.Cli.Tests;

[TestFixture]
internal sealed class KernelsCommandTests
{
    [Test]
    public void BuildsIntoAFolderOnceAndListsIt()
    {
        if (CompilerSearch.Result.Compiler is not { } compiler)
        {
            Assert.Ignore("no compiler on this machine");
            return;
        }
        string folder = Directory.CreateTempSubdirectory("acm-kernels-").FullName;
        try
        {
            string source = Path.Combine(folder, "one.cu"), cache = Path.Combine(folder, "cache");
            File.WriteAllText(Path.Combine(folder, "value.cuh"), "#define VALUE WIDTH\n");
            File.WriteAllText(source, "#include \"value.cuh\"\nextern \"C\" __attribute__((global)) void one(int* x) { *x = VALUE; }\n");
            string[] build = ["kernels", "build", source, "--arch", "80", "--define", "WIDTH=17", "--output", cache];
            JsonElement first = Tool.Json(build).GetProperty("kernels")[0], second = Tool.Json(build).GetProperty("kernels")[0];
            Assert.That((first.GetProperty("from_cache").GetBoolean(), second.GetProperty("from_cache").GetBoolean()), Is.EqualTo((false, true)));
            Assert.That(Tool.Succeed(build), Does.Contain("\n0 compiled, "));
            if (compiler.Name.StartsWith("NVRTC", StringComparison.Ordinal))
                Assert.That(Tool.Json([.. build, "--cubin"]).GetProperty("kernels")[0].GetProperty("kind").GetString(), Is.EqualTo("cubin"));
            JsonElement listed = Tool.Json("kernels", "list", "--output", cache).GetProperty("kernels")[0];
            Assert.That(listed.GetProperty("compiler").GetString(), Is.EqualTo(compiler.Name));
            Assert.That(listed.GetProperty("request").GetString(), Does.Contain("one.cu").And.Contain("WIDTH=17"));
            Assert.That(Tool.Refuse(1, [.. build[..6], "WIDTH=wrong", .. build[7..]]), Does.Contain("one.cu"));
            Assert.That(Tool.Refuse(2, "kernels", "build", Path.Combine(folder, "none.cu"), "--output", cache), Does.Contain("none.cu: no such file"));
            JsonElement[] both = [.. Tool.Json([.. build[..4], "75", "--arch", "80", .. build[5..]]).GetProperty("kernels").EnumerateArray()];
            Assert.That(both.Select(static one => one.GetProperty("architecture").GetString()), Is.EqualTo(new[] { "75", "80" }));
            if (Directory.Exists("/sys/kernel"))
                Assert.That(Tool.Refuse(2, [.. build[..^1], "/sys/kernel"]), Does.Contain("/sys/kernel cannot be written"));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Test]
    public void WhatIsNotUnderstoodIsRefusedBeforeAnythingIsCompiled()
    {
        using TemporaryFolder folder = new();
        File.WriteAllText(folder["one.cu"], "extern \"C\" __attribute__((global)) void one() { }\n");
        foreach (string architecture in (string[])["foo", "80aa", "8", "-80", "a"])
            Assert.That(Tool.Refuse(2, "kernels", "build", folder["one.cu"], $"--arch={architecture}", "--output", folder["cache"]), Does.Contain($"--arch {architecture}: "));
        Assert.That(Tool.Refuse(2, "kernels", "build", folder["one.cu"], "--precision", "junk", "--output", folder["cache"]), Does.Contain("--precision junk: "));
        foreach (string[] command in (string[][])[["kernels", "list"], ["kernels", "build", folder["one.cu"]]])
            Assert.That(Tool.Refuse(2, [.. command, "--output", folder["one.cu"]]), Does.Contain("a file; name a folder"));
        Assert.That(Tool.Refuse(2, "kernels", "build"), Does.Contain("(acm kernels build --help lists"));
    }

    [Test]
    public void BuildsAllKernelsOfAModelOnce()
    {
        if (CompilerSearch.Result.Compiler is null)
            Assert.Ignore("no compiler on this machine");
        using TemporaryFolder cache = new();
        string[] build = ["kernels", "build", SharedFolder.Data("bert-tiny"), "--arch", "80", "--precision", "fp16", "--output", cache.Path];
        JsonElement[] first = [.. Tool.Json(build).GetProperty("kernels").EnumerateArray()], second = [.. Tool.Json(build).GetProperty("kernels").EnumerateArray()];
        string[] families = [.. first.Select(static one => one.GetProperty("request").GetString()!.Split('.')[0]).Distinct()];
        Assert.That(families, Is.SupersetOf(new[] { "attention", "dense", "norm_gate", "text" }));
        Assert.That(second.Select(static one => one.GetProperty("from_cache").GetBoolean()), Is.All.True);
        Assert.That(second, Has.Length.EqualTo(first.Length));
        Assert.That(first.Select(static one => one.GetProperty("request").GetString()), Is.Ordered.Using((IComparer<string>)StringComparer.Ordinal));
        Assert.That(Tool.Refuse(2, "kernels", "build", SharedFolder.Data("bert-tiny"), "--arch", "sixty"), Does.Contain("sixty"));
    }
}
