using System.Buffers.Binary;

namespace Acm.Runtime;

/// <summary>Reads a WAV file front to back as mono samples in [-1, 1], channels averaged. Memory does not grow with the file. Not thread-safe.</summary>
/// <remarks>A reader of our own, for streams of any length, one typed error and NativeAOT: the format is forty bytes of header.</remarks>
public sealed class WavReader : IDisposable
{
    private readonly Stream _stream;
    private readonly bool _owned;
    private readonly SampleFormat _format;
    private readonly byte[] _block;
    private long _remaining;

    private WavReader(Stream stream, bool owned, SampleFormat format, int channels, int rate, long bytes, long promised)
    {
        (_stream, _owned, _format, Channels, SampleRate, _remaining) = (stream, owned, format, channels, rate, bytes);
        FrameBytes = channels * format.Bytes();
        _remaining -= _remaining % FrameBytes;
        Length = _remaining / FrameBytes;
        Missing = promised / FrameBytes - Length;
        _block = new byte[4096 * FrameBytes];
    }

    /// <summary>Samples a second and channel.</summary>
    public int SampleRate { get; }

    /// <summary>Channels in the file; <see cref="Read"/> gives their mean.</summary>
    public int Channels { get; }

    /// <summary>Mono samples in the file: what its header says, or for a header written before the end was known, what the file holds.</summary>
    public long Length { get; }

    /// <summary>Mono samples that the header promises and that are not there; of a stream that cannot seek, known once it has been read.</summary>
    public long Missing { get; private set; }

    /// <summary>Samples read so far, of any channel, that were NaN or infinite: they count as silence.</summary>
    public long NotFinite { get; private set; }

    private int FrameBytes { get; }

    /// <summary>Opens a file.</summary>
    /// <exception cref="AudioFormatException">It is no WAV, or one of a kind that is not supported.</exception>
    /// <exception cref="IOException">It cannot be opened.</exception>
    public static WavReader Open(string path)
    {
        FileStream stream = new(path, FileMode.Open, FileAccess.Read, FileShare.Read, 1 << 16);
        try
        {
            return Open(stream, path, owned: true);
        }
        catch
        {
            stream.Dispose();
            throw;
        }
    }

    /// <summary>Reads from a stream, which stays the caller's.</summary>
    /// <param name="stream">Positioned at the RIFF header; need not seek.</param>
    /// <param name="name">For messages.</param>
    /// <exception cref="AudioFormatException">It is no WAV, or one of a kind that is not supported.</exception>
    public static WavReader Open(Stream stream, string name)
    {
        ArgumentNullException.ThrowIfNull(stream);
        return Open(stream, name, owned: false);
    }

    /// <summary>Reads the next samples.</summary>
    /// <param name="destination">Filled from the front.</param>
    /// <returns>How many were read; fewer than asked for only at the end of the recording.</returns>
    public int Read(Span<float> destination)
    {
        int done = 0;
        while (done < destination.Length && _remaining > 0)
        {
            int frames = (int)Math.Min(Math.Min(destination.Length - done, _block.Length / FrameBytes), _remaining / FrameBytes);
            int got = _stream.ReadAtLeast(_block.AsSpan(0, frames * FrameBytes), frames * FrameBytes, throwOnEndOfStream: false);
            int whole = got / FrameBytes;
            for (int i = 0; i < whole; i++)
                destination[done + i] = Mix(_block.AsSpan(i * FrameBytes, FrameBytes));
            done += whole;
            _remaining -= (long)whole * FrameBytes;
            if (whole == frames)
                continue;
            Missing += _remaining > long.MaxValue / 2 ? 0 : _remaining / FrameBytes;
            _remaining = 0;
        }
        return done;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_owned)
            _stream.Dispose();
    }

    private float Mix(ReadOnlySpan<byte> frame)
    {
        double sum = 0;
        int size = _format.Bytes();
        for (int c = 0; c < Channels; c++)
        {
            double sample = _format.Sample(frame[(c * size)..]);
            // What only a double can hold is no level of sound either.
            if (float.IsFinite((float)sample))
                sum += sample;
            else
                NotFinite++;
        }
        return (float)(sum / Channels);
    }

    private static WavReader Open(Stream stream, string name, bool owned)
    {
        Span<byte> head = stackalloc byte[12];
        int got = stream.ReadAtLeast(head, 12, throwOnEndOfStream: false);
        if (got < 12 || !head[..4].SequenceEqual("RIFF"u8) || !head[8..].SequenceEqual("WAVE"u8))
            throw new AudioFormatException(name, got == 0 ? "an empty file" : "no RIFF/WAVE header");

        uint riff = BinaryPrimitives.ReadUInt32LittleEndian(head[4..]);
        (SampleFormat Format, int Channels, int Rate)? format = null;
        Span<byte> chunk = stackalloc byte[8];
        while (stream.ReadAtLeast(chunk, 8, throwOnEndOfStream: false) == 8)
        {
            uint size = BinaryPrimitives.ReadUInt32LittleEndian(chunk[4..]);
            if (chunk[..4].SequenceEqual("fmt "u8))
                format = ReadFormat(stream, size, name);
            else if (chunk[..4].SequenceEqual("data"u8))
            {
                var (kind, channels, rate) = format ?? throw new AudioFormatException(name, "a data chunk before any fmt chunk");
                long there = stream.CanSeek ? stream.Length - stream.Position : long.MaxValue;
                // A program that streams writes 0 or what is largest here and leaves it; an empty recording's RIFF chunk ends where the file does.
                bool isOpen = size is >= 0x7FFF_F000 and <= 0x7FFF_FFFF or >= 0xFFFF_F000 || (size == 0 && !(stream.CanSeek && riff + 8L >= stream.Length));
                return new WavReader(stream, owned, kind, channels, rate, isOpen ? there : Math.Min(size, there), isOpen ? there : size);
            }
            else
                Skip(stream, size + (size & 1L), name);
        }
        throw new AudioFormatException(name, format is null ? "no fmt chunk" : "no data chunk");
    }

    private static (SampleFormat, int Channels, int Rate) ReadFormat(Stream stream, uint size, string name)
    {
        if (size is < 16 or > 4096)
            throw new AudioFormatException(name, $"a fmt chunk of {size} bytes");
        Span<byte> fmt = stackalloc byte[(int)(size + (size & 1))];
        if (stream.ReadAtLeast(fmt, fmt.Length, throwOnEndOfStream: false) < size)
            throw new AudioFormatException(name, "a file that ends in its fmt chunk");
        int tag = BinaryPrimitives.ReadUInt16LittleEndian(fmt);
        int channels = BinaryPrimitives.ReadUInt16LittleEndian(fmt[2..]);
        long rate = BinaryPrimitives.ReadUInt32LittleEndian(fmt[4..]);
        int bits = BinaryPrimitives.ReadUInt16LittleEndian(fmt[14..]);
        const int Extensible = 0xFFFE;
        if (tag == Extensible && size >= 40)
            tag = BinaryPrimitives.ReadUInt16LittleEndian(fmt[24..]);
        SampleFormat format = (tag, bits) switch
        {
            (1, 8) => SampleFormat.Unsigned8,
            (1, 16) => SampleFormat.Signed16,
            (1, 24) => SampleFormat.Signed24,
            (1, 32) => SampleFormat.Signed32,
            (3, 32) => SampleFormat.Float32,
            (3, 64) => SampleFormat.Float64,
            _ => throw new AudioFormatException(name, $"WAV format {tag} ({TagName(tag)}) of {bits} bits"),
        };
        if (channels is < 1 or > 64)
            throw new AudioFormatException(name, $"{channels} channels");
        int frame = BinaryPrimitives.ReadUInt16LittleEndian(fmt[12..]);
        if (frame != channels * format.Bytes())
            throw new AudioFormatException(name, $"{channels} channels of {bits} bits in frames of {frame} bytes");
        if (rate is < 1000 or > 768_000)
            throw new AudioFormatException(name, $"a sample rate of {rate} Hz");
        return (format, channels, (int)rate);
    }

    private static void Skip(Stream stream, long bytes, string name)
    {
        Span<byte> scratch = stackalloc byte[1024];
        if (stream.CanSeek && bytes <= stream.Length - stream.Position)
        {
            stream.Seek(bytes, SeekOrigin.Current);
            return;
        }
        while (bytes > 0)
        {
            int got = stream.Read(scratch[..(int)Math.Min(bytes, scratch.Length)]);
            if (got == 0)
                throw new AudioFormatException(name, "a file that ends in a chunk before its data");
            bytes -= got;
        }
    }

    private static string TagName(int tag) => tag switch
    {
        1 => "PCM", 2 => "Microsoft ADPCM", 3 => "float", 6 => "A-law", 7 => "mu-law", 17 => "IMA ADPCM", 85 => "MP3", _ => "unknown",
    };
}
