using Acm.Native.Compile;
using NUnit.Framework;

namespace Acm.Native.Tests.Compile;

[TestFixture]
internal sealed class KernelSourceTests
{
    [Test]
    public void What_an_include_includes_is_collected_each_file_once()
    {
        Dictionary<string, string> files = new()
        {
            ["k.cu"] = "#include \"a.cuh\"\n  #  include \"b.cuh\"\n \t# include \"d.cuh\" // and\n#include <cuda_fp16.h>\nint k;\n",
            ["a.cuh"] = "#pragma once\n#include \"c.cuh\"\n",
            ["b.cuh"] = "#pragma once\n\t#include \"c.cuh\"\n#include \"a.cuh\"\n",
            ["c.cuh"] = "#pragma once\n#include \"b.cuh\"\n",
            ["d.cuh"] = "#pragma once\n",
        };
        List<string> read = [];
        KernelSource source = KernelSource.Collect("k.cu", name =>
        {
            read.Add(name);
            return files[name];
        });
        Assert.That(source.Includes.Keys, Is.EqualTo(new[] { "a.cuh", "b.cuh", "c.cuh", "d.cuh" }));
        Assert.That(source.Includes.Values, Is.EqualTo(source.Includes.Keys.Select(name => files[name])));
        Assert.That(read, Is.Unique);
    }
}
