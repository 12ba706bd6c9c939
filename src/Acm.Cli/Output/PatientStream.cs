namespace Acm.Cli.Output;

/// <summary>A pipe to write into that may be full: whoever made it may have said that writing is not to wait, and then it fails instead.</summary>
internal sealed class PatientStream(Stream pipe) : Stream
{
    // So many bytes are taken as a whole or not at all, and can be given again: what PIPE_BUF is.
    private static readonly int s_whole = OperatingSystem.IsLinux() ? 4096 : 512;

    public override bool CanRead => false;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        for (; buffer.Length > 0; buffer = buffer[Math.Min(buffer.Length, s_whole)..])
            while (!TryWrite(buffer[..Math.Min(buffer.Length, s_whole)]))
                Thread.Sleep(1);
    }

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    public override void Flush() => pipe.Flush();

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    private bool TryWrite(ReadOnlySpan<byte> part)
    {
        // EAGAIN, as Linux and as macOS number it.
        const int linux = 11, mac = 35;
        try
        {
            pipe.Write(part);
            return true;
        }
        catch (IOException e) when (e.HResult is linux or mac)
        {
            return false;
        }
    }
}
