using Acm.Cli.Output;
using NUnit.Framework;

namespace Acm.Cli.Tests;

/// <summary>A full pipe is written into again, until it has taken everything once.</summary>
public class PatientStreamTests
{
    [Test]
    public void What_a_full_pipe_does_not_take_is_given_again([Values(1, 4096, 4097, 100_000)] int length)
    {
        byte[] bytes = new byte[length];
        new Random(length).NextBytes(bytes);
        using FullPipe pipe = new();
        using (PatientStream stream = new(pipe))
            stream.Write(bytes);
        Assert.That(pipe.Taken.ToArray(), Is.EqualTo(bytes));
        Assert.That(pipe.Most, Is.LessThanOrEqualTo(4096), "more than a pipe takes as a whole");
    }

    [Test]
    public void Another_failure_is_one()
    {
        using FullPipe pipe = new() { Code = 32 };
        using PatientStream stream = new(pipe);
        Assert.That(() => stream.Write(new byte[1]), Throws.TypeOf<IOException>());
    }

    // Takes every other write.
    private sealed class FullPipe : MemoryStream
    {
        private int _writes;

        public int Code { get; init; } = 11;

        public int Most { get; private set; }

        public MemoryStream Taken { get; } = new();

        public override void Write(ReadOnlySpan<byte> buffer)
        {
            if (_writes++ % 2 == 0)
                throw new IOException("full", Code);
            Most = Math.Max(Most, buffer.Length);
            Taken.Write(buffer);
        }
    }
}
