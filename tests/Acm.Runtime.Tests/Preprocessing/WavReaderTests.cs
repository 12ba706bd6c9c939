using System.Buffers.Binary;
using System.Text;
using Acm.Runtime;
using FsCheck;
using FsCheck.Fluent;
using NUnit.Framework;

namespace Acm.Runtime.Tests.Preprocessing;

public class WavReaderTests
{
    [TestCase(1, 8, 1.0 / 128)]
    [TestCase(1, 16, 1.0 / 32768)]
    [TestCase(1, 24, 1.0 / 8388608)]
    [TestCase(1, 32, 1.0 / 2147483648)]
    [TestCase(3, 32, 1e-7)]
    [TestCase(3, 64, 1e-7)]
    public void Every_format_reads_back_what_was_written(int tag, int bits, double step)
    {
        double[] written = [0, 0.5, -0.5, 0.999, -1, 0.123456789, -0.987654321];
        foreach (bool extensible in new[] { false, true })
        {
            using WavReader reader = WavReader.Open(new MemoryStream(Wav(tag, bits, 1, 16000, written, extensible)), "made");
            float[] read = new float[written.Length + 3];
            Assert.That(reader.Read(read), Is.EqualTo(written.Length));
            Assert.That(reader.SampleRate, Is.EqualTo(16000));
            for (int i = 0; i < written.Length; i++)
                Assert.That(read[i], Is.EqualTo(written[i]).Within(step + 1e-7));
        }
    }

    [Test]
    public void Sixteen_bits_are_exact()
    {
        byte[] wav = Wav(1, 16, 1, 16000, [0.25, -32768 / 32768.0, 12345 / 32768.0]);
        float[] read = new float[3];
        WavReader.Open(new MemoryStream(wav), "made").Read(read);
        Assert.That(read, Is.EqualTo(new[] { 0.25f, -1f, 12345 / 32768f }));
    }

    [Test]
    public void Channels_are_averaged()
    {
        using WavReader reader = WavReader.Open(new MemoryStream(Wav(3, 32, 2, 8000, [0.5, 0.25, -1, 1])), "made");
        float[] read = new float[2];
        Assert.That(reader.Length, Is.EqualTo(2));
        reader.Read(read);
        Assert.That(read, Is.EqualTo(new[] { 0.375f, 0f }));
    }

    [Test]
    public void Chunks_it_does_not_know_are_passed_over_and_a_stream_need_not_seek()
    {
        byte[] wav = Wav(1, 16, 1, 16000, [0.5, 0.25], extra: "LIST");
        foreach (Stream stream in new Stream[] { new MemoryStream(wav), new ForwardOnly(wav) })
        {
            float[] read = new float[4];
            Assert.That(WavReader.Open(stream, "made").Read(read), Is.EqualTo(2));
            Assert.That(read[..2], Is.EqualTo(new[] { 0.5f, 0.25f }));
        }
    }

    [Test]
    public void A_length_that_was_never_filled_in_is_taken_from_the_file([Values(0u, uint.MaxValue)] uint claimed)
    {
        byte[] wav = Wav(1, 16, 1, 16000, [0.5, 0.25, 0.125]);
        BinaryPrimitives.WriteUInt32LittleEndian(wav.AsSpan(4), claimed);
        BinaryPrimitives.WriteUInt32LittleEndian(wav.AsSpan(40), claimed);
        foreach (Stream stream in new Stream[] { new MemoryStream(wav), new ForwardOnly(wav) })
        {
            using WavReader reader = WavReader.Open(stream, "made");
            Assert.That(reader.Read(new float[9]), Is.EqualTo(3));
            Assert.That(reader.Missing, Is.Zero);
        }
    }

    [Test]
    public void A_recording_without_samples_is_empty_whatever_follows_it()
    {
        byte[] wav = [.. Wav(1, 16, 1, 16000, []), .. "LIST"u8, 4, 0, 0, 0, 1, 2, 3, 4];
        BinaryPrimitives.WriteInt32LittleEndian(wav.AsSpan(4), wav.Length - 8);
        using WavReader reader = WavReader.Open(new MemoryStream(wav), "made");
        Assert.That((reader.Length, reader.Read(new float[9])), Is.EqualTo((0L, 0)));
    }

    [Test]
    public void What_the_header_promises_and_the_file_lacks_is_counted([Values(1, 2)] int channels)
    {
        byte[] wav = Wav(1, 16, channels, 16000, [.. Enumerable.Repeat(0.5, 10 * channels)]);
        // Ends within a sample.
        foreach (Stream stream in new Stream[] { new MemoryStream(wav[..^(6 * channels + 1)]), new ForwardOnly(wav[..^(6 * channels + 1)]) })
        {
            using WavReader reader = WavReader.Open(stream, "made");
            Assert.That(reader.Read(new float[20]), Is.EqualTo(6));
            Assert.That(reader.Missing, Is.EqualTo(4));
        }
    }

    [TestCase(32)]
    [TestCase(64)]
    public void Samples_that_are_no_numbers_are_silence_and_counted(int bits)
    {
        double[] samples = [0.5, double.NaN, double.PositiveInfinity, 0.25, 0.5, double.NegativeInfinity];
        float[] read = new float[6];
        using WavReader mono = WavReader.Open(new MemoryStream(Wav(3, bits, 1, 16000, samples)), "made"), stereo = WavReader.Open(new MemoryStream(Wav(3, bits, 2, 16000, samples)), "made");
        mono.Read(read);
        Assert.That(read, Is.EqualTo(new[] { 0.5f, 0, 0, 0.25f, 0.5f, 0 }));
        stereo.Read(read);
        Assert.That(read[..3], Is.EqualTo(new[] { 0.25f, 0.125f, 0.25f }));
        Assert.That((mono.NotFinite, stereo.NotFinite), Is.EqualTo((3L, 3L)));
    }

    [Test]
    public void Chunks_of_odd_length_are_followed_by_a_byte_that_is_none_of_theirs()
    {
        byte[] wav = Wav(1, 16, 1, 16000, [0.5, 0.25]);
        byte[] odd = [.. wav[..12], .. "junk"u8, 5, 0, 0, 0, 9, 9, 9, 9, 9, 0, .. wav[12..16], 17, 0, 0, 0, .. wav[20..36], 7, 0, .. wav[36..]];
        foreach (Stream stream in new Stream[] { new MemoryStream(odd), new ForwardOnly(odd) })
            Assert.That(WavReader.Open(stream, "made").Read(new float[4]), Is.EqualTo(2));
    }

    [Test]
    public void Frames_that_are_not_their_channels_are_refused()
    {
        byte[] wav = Wav(1, 24, 1, 16000, [0.5, 0.25]);
        wav[32] = 4;
        Assert.That(() => WavReader.Open(new MemoryStream(wav), "made"), Throws.TypeOf<AudioFormatException>().With.Message.Contains("1 channels of 24 bits in frames of 4 bytes"));
    }

    [Test]
    public void What_is_not_supported_is_named_with_what_is()
    {
        byte[] mp3 = Wav(1, 16, 1, 16000, [0]);
        BinaryPrimitives.WriteUInt16LittleEndian(mp3.AsSpan(20), 85);
        AudioFormatException refused = Assert.Throws<AudioFormatException>(() => WavReader.Open(new MemoryStream(mp3), "song.wav"))!;
        Assert.That(refused.Message, Does.StartWith("song.wav").And.Contain("MP3").And.Contain(AudioFormatException.Supported));
        Assert.That(() => WavReader.Open(new MemoryStream(), "none"), Throws.TypeOf<AudioFormatException>().With.Message.Contains("empty"));
        Assert.That(() => WavReader.Open(new MemoryStream("not a wav file"u8.ToArray()), "text"), Throws.TypeOf<AudioFormatException>());
    }

    [TestCase(1, 1000)]
    [TestCase(64, 768_000)]
    public void The_limits_themselves_are_supported(int channels, int rate)
    {
        using WavReader reader = WavReader.Open(new MemoryStream(Wav(1, 16, channels, rate, new double[channels])), "made");
        Assert.That((reader.Channels, reader.SampleRate, reader.Length), Is.EqualTo((channels, rate, 1L)));
    }

    [TestCase(0, 16000, "0 channels")]
    [TestCase(65, 16000, "65 channels")]
    [TestCase(1, 999, "999 Hz")]
    [TestCase(1, 768_001, "768001 Hz")]
    public void What_is_beyond_them_is_refused(int channels, int rate, string found) =>
        Assert.That(() => WavReader.Open(new MemoryStream(Wav(1, 16, channels, rate, new double[channels])), "made"), Throws.TypeOf<AudioFormatException>().With.Property("Found").Contains(found));

    [Test]
    public void A_file_that_is_damaged_before_its_data_is_refused_with_what_is_wrong()
    {
        byte[] wav = Wav(1, 16, 1, 16000, [0.5], extra: "LIST");
        byte[] avi = [.. wav[..8], .. "AVI "u8, .. wav[12..]], narrow = [.. wav], endless = [.. wav];
        narrow[16] = 15;
        BinaryPrimitives.WriteInt32LittleEndian(endless.AsSpan(40), 1000);
        (byte[] File, string Found)[] damaged =
        [
            (avi, "no RIFF/WAVE header"), (narrow, "a fmt chunk of 15 bytes"), (endless, "ends in a chunk before its data"),
            (wav[..36], "no data chunk"), (wav[..12], "no fmt chunk"),
        ];
        foreach (var (file, found) in damaged)
            foreach (Stream stream in new Stream[] { new MemoryStream(file), new ForwardOnly(file) })
                Assert.That(() => WavReader.Open(stream, "made"), Throws.TypeOf<AudioFormatException>().With.Property("Found").Contains(found));
    }

    [Test]
    public void The_length_is_what_is_there()
    {
        byte[] wav = Wav(1, 16, 1, 16000, new double[10]);
        using WavReader reader = WavReader.Open(new MemoryStream(wav[..^8]), "made");
        Assert.That((reader.Length, reader.Missing), Is.EqualTo((6L, 4L)));
    }

    [Test]
    public void A_number_that_only_a_double_holds_is_silence_too()
    {
        using WavReader reader = WavReader.Open(new MemoryStream(Wav(3, 64, 2, 16000, [1e300, 0.5, 0.25, 0.25])), "made");
        float[] read = new float[2];
        reader.Read(read);
        Assert.That(read, Is.EqualTo(new[] { 0.25f, 0.25f }));
        Assert.That(reader.NotFinite, Is.EqualTo(1));
    }

    [Test]
    public void It_closes_what_it_has_opened_and_nothing_else()
    {
        using Acm.Testing.TemporaryFolder folder = new();
        byte[] wav = Wav(1, 16, 1, 16000, [0.5]);
        File.WriteAllBytes(folder["a.wav"], wav);
        WavReader.Open(folder["a.wav"]).Dispose();
        using (File.Open(folder["a.wav"], FileMode.Open, FileAccess.ReadWrite, FileShare.None))
        {
        }
        using MemoryStream stream = new(wav);
        WavReader.Open(stream, "made").Dispose();
        Assert.That(stream.CanRead, Is.True);
    }

    [FsCheck.NUnit.Property(MaxTest = 2000, Replay = "1,3")]
    public void A_damaged_file_is_read_or_refused_and_nothing_else(int seed)
    {
        Random random = new(seed);
        byte[] wav = Wav(1, 16, 2, 16000, Enumerable.Range(0, 40).Select(_ => random.NextDouble()).ToArray(), extra: "fact");
        for (int i = random.Next(1, 6); i > 0; i--)
            wav[random.Next(60)] = (byte)random.Next(256);
        if (random.Next(3) == 0)
            wav = wav[..random.Next(wav.Length)];
        try
        {
            using WavReader reader = WavReader.Open(random.Next(2) == 0 ? new MemoryStream(wav) : new ForwardOnly(wav), "damaged");
            int read = reader.Read(new float[1000]);
            Assert.That(read, Is.InRange(0, wav.Length));
        }
        catch (AudioFormatException)
        {
        }
    }

    internal static byte[] Wav(int tag, int bits, int channels, int rate, double[] samples, bool extensible = false, string? extra = null)
    {
        MemoryStream file = new();
        BinaryWriter to = new(file);
        int formatSize = extensible ? 40 : 16, bytes = samples.Length * bits / 8;
        to.Write("RIFF"u8);
        to.Write(4 + 8 + formatSize + 8 + bytes + (extra is null ? 0 : 12));
        to.Write("WAVE"u8);
        to.Write("fmt "u8);
        to.Write(formatSize);
        to.Write((short)(extensible ? 0xFFFE : tag));
        to.Write((short)channels);
        to.Write(rate);
        to.Write(rate * channels * bits / 8);
        to.Write((short)(channels * bits / 8));
        to.Write((short)bits);
        if (extensible)
        {
            to.Write((short)22);
            to.Write((short)bits);
            to.Write(0);
            to.Write((short)tag);
            to.Write(new byte[14]);
        }
        if (extra is not null)
        {
            to.Write(Encoding.ASCII.GetBytes(extra));
            to.Write(3);
            to.Write(0);
        }
        to.Write("data"u8);
        to.Write(bytes);
        foreach (double sample in samples)
            WriteSample(to, tag, bits, sample);
        return file.ToArray();
    }

    private static void WriteSample(BinaryWriter to, int tag, int bits, double sample)
    {
        long scaled = (long)Math.Clamp(Math.Round(sample * Math.Pow(2, bits - 1)), -Math.Pow(2, bits - 1), Math.Pow(2, bits - 1) - 1);
        if (tag == 3 && bits == 32)
            to.Write((float)sample);
        else if (tag == 3)
            to.Write(sample);
        else if (bits == 8)
            to.Write((byte)(scaled + 128));
        else
            for (int i = 0; i < bits / 8; i++)
                to.Write((byte)(scaled >> (8 * i)));
    }

    private sealed class ForwardOnly(byte[] bytes) : MemoryStream(bytes)
    {
        public override bool CanSeek => false;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override long Seek(long offset, SeekOrigin loc) => throw new NotSupportedException();
    }
}
