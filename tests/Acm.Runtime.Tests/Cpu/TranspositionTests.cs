using Acm.Runtime.Backends.Cpu;
using NUnit.Framework;

namespace Acm.Runtime.Tests.Cpu;

public sealed unsafe class TranspositionTests
{
    [Test]
    public void Rows_become_columns_and_nothing_else_is_written([Range(0, 37)] int count, [Values(1, 3, 4, 15, 16, 17, 33, 48)] int depth)
    {
        int stride = depth + 5, pitch = count + 3;
        float[] rows = [.. Enumerable.Range(1, Math.Max(1, count * stride)).Select(static i => (float)i)], to = new float[depth * pitch];
        fixed (float* from = rows, into = to)
            Transposition.Turn(from, stride, count, depth, into, pitch);
        float[] wanted = [.. Enumerable.Range(0, to.Length).Select(at => at % pitch < count ? rows[at % pitch * stride + at / pitch] : 0)];
        Assert.That(to, Is.EqualTo(wanted));
    }
}
