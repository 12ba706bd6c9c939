using System.Buffers.Binary;
using System.Diagnostics;
using System.Text.Json;
using Acm.Runtime;
using Acm.Testing;
using NUnit.Framework;

namespace Acm.Cli.Tests;

/// <summary>Long recordings, made by joining the speech model's samples.</summary>
public class TranscribeCommandTests
{
    private const int Rate = 16000;

    /// <summary>Joins recordings with digital silence until <paramref name="seconds"/> are full, and says which were taken.</summary>
    private static List<string> Join(string path, string[] parts, double seconds, double silence)
    {
        List<string> taken = [];
        using FileStream file = File.Create(path);
        file.Write(Header(0));
        for (int i = 0; file.Length < seconds * Rate * 2; i++)
        {
            taken.Add(parts[i % parts.Length]);
            using WavReader recording = WavReader.Open(taken[^1]);
            Assert.That((recording.SampleRate, recording.Channels), Is.EqualTo((Rate, 1)));
            float[] samples = new float[recording.Length];
            recording.Read(samples);
            byte[] bytes = new byte[2 * (samples.Length + (int)(silence * Rate))];
            for (int n = 0; n < samples.Length; n++)
                BinaryPrimitives.WriteInt16LittleEndian(bytes.AsSpan(2 * n), (short)MathF.Round(samples[n] * 32768));
            file.Write(bytes);
        }
        int length = (int)file.Length - 44;
        file.Position = 0;
        file.Write(Header(length));
        return taken;
    }

    private static byte[] Header(int bytes)
    {
        byte[] header = [.. "RIFF    WAVEfmt "u8, 16, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 16, 0, .. "data    "u8];
        BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(4), bytes + 36);
        BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(24), Rate);
        BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(28), 2 * Rate);
        BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(40), bytes);
        return header;
    }

    private static string[] Samples(string model) => [.. Directory.GetFiles(model, "*.wav").Order(StringComparer.Ordinal)];

    private static Dictionary<string, string> Words(string model, string[] files, params string[] options) =>
        Tool.Json(["transcribe", model, .. files, .. options]).GetProperty("files").EnumerateArray()
            .ToDictionary(static file => file.GetProperty("file").GetString()!, static file => file.GetProperty("text").GetString()!);

    [Test]
    public void A_long_recording_has_the_words_of_its_parts_where_they_were_said([Values("0", "3")] string lambda)
    {
        string model = SharedFolder.Need("models", "wav2vec2-words");
        using TemporaryFolder folder = new();
        string joined = folder["joined.wav"];
        List<string> parts = Join(joined, Samples(model), 70, 2);
        Dictionary<string, string> words = Words(model, Samples(model), "--lambda", lambda);
        JsonElement heard = Tool.Json("transcribe", model, joined, "--lambda", lambda).GetProperty("files")[0];
        Assert.That(heard.GetProperty("text").GetString(), Is.EqualTo(string.Join(' ', parts.Select(part => words[part]))));
        double start = 0;
        int next = 0;
        JsonElement[] all = [.. heard.GetProperty("words").EnumerateArray()];
        foreach (string part in parts)
        {
            double end = start + (new FileInfo(part).Length - 44) / 2.0 / Rate;
            foreach (string word in words[part].Split(' '))
            {
                JsonElement said = all[next++];
                Assert.That(said.GetProperty("word").GetString(), Is.EqualTo(word));
                Assert.That(said.GetProperty("start").GetDouble(), Is.InRange(start, end));
                Assert.That(said.GetProperty("end").GetDouble(), Is.InRange(start, end));
            }
            start = end + 2;
        }
        Assert.That(heard.GetProperty("seconds").GetDouble(), Is.EqualTo(start).Within(0.02));
    }

    [Test]
    public void Without_silences_windows_overlap_and_every_word_is_heard_once()
    {
        string model = SharedFolder.Need("models", "wav2vec2-words");
        using TemporaryFolder folder = new();
        string joined = folder["joined.wav"];
        Join(joined, Samples(model), 60, 0);
        // Noise over all of it, so that nothing is a pause: the words change with it, but one large window hears the same noise.
        byte[] bytes = File.ReadAllBytes(joined);
        Random random = new(1);
        for (int at = 44; at < bytes.Length; at += 2)
            BinaryPrimitives.WriteInt16LittleEndian(bytes.AsSpan(at), (short)Math.Clamp(BinaryPrimitives.ReadInt16LittleEndian(bytes.AsSpan(at)) + random.Next(-1500, 1500), -32768, 32767));
        File.WriteAllBytes(joined, bytes);
        string[] whole = Words(model, [joined], "--window", "90")[joined].Split(' '), windows = Words(model, [joined])[joined].Split(' ');
        Assert.That(whole, Has.Length.GreaterThan(20));
        Assert.That(Distance(whole, windows), Is.LessThanOrEqualTo(whole.Length / 4), $"{string.Join(' ', whole)} and {string.Join(' ', windows)}");
    }

    [TestCase("--window", "0")]
    [TestCase("--window", "NaN")]
    [TestCase("--window", "3600.5")]
    [TestCase("--overlap", "10")]
    [TestCase("--overlap", "-1")]
    [TestCase("--overlap", "NaN")]
    [TestCase("--budget", "3")]
    [TestCase("--learners", "5")]
    public void Options_out_of_range_are_named(string option, string value)
    {
        string model = SharedFolder.Need("models", "wav2vec2-words");
        string error = Tool.Refuse(2, "transcribe", model, Samples(model)[0], option, value);
        Assert.That(error, option[2] is 'w' or 'o' ? Does.Contain($"{option} {value}") : Is.Not.Empty);
    }

    [Test]
    public void What_is_no_recording_is_said_before_any_is_heard()
    {
        string model = SharedFolder.Need("models", "wav2vec2-words");
        using TemporaryFolder folder = new();
        File.WriteAllText(folder["text.wav"], "hello");
        Assert.That(Tool.Refuse(2, "transcribe", model, Samples(model)[0], folder["text.wav"]), Does.Contain(folder["text.wav"]));
        Assert.That(Tool.Refuse(2, "transcribe", model, Samples(model)[0], folder.Path), Does.Contain("a folder"));
    }

    [Test, Platform(Exclude = "Win")]
    public void A_pipe_is_read_though_it_cannot_be_looked_into_first([Values] bool drawn)
    {
        string model = SharedFolder.Need("models", "wav2vec2-words"), recording = Samples(model)[0];
        using TemporaryFolder folder = new();
        using (Process shell = Process.Start("sh", ["-c", "mkfifo \"$1\"; cat \"$0\" > \"$1\" &", recording, folder["pipe"]]))
            shell.WaitForExit();
        // Whoever opens it a second time waits until the test is over.
        string[] map = drawn ? ["--map", folder["pipe.png"]] : [];
        Task<Dictionary<string, string>> heard = Task.Run(() => Words(model, [folder["pipe"]], map));
        Assert.That(heard.Wait(60_000), "read twice");
        Assert.That(heard.Result.Values, Is.EqualTo(Words(model, [recording]).Values));
        if (drawn)
        {
            Tool.Succeed("transcribe", model, recording, "--map", folder["file.png"]);
            using SkiaSharp.SKBitmap pipe = SkiaSharp.SKBitmap.Decode(folder["pipe.png"]), file = SkiaSharp.SKBitmap.Decode(folder["file.png"]);
            // But for the recording's name at the top.
            Assert.That(pipe.Pixels[(80 * pipe.Width)..], Is.EqualTo(file.Pixels[(80 * file.Width)..]));
        }
    }

    [Test]
    public void A_recording_without_samples_has_no_words_and_says_so()
    {
        string model = SharedFolder.Need("models", "wav2vec2-words");
        using TemporaryFolder folder = new();
        File.WriteAllBytes(folder["none.wav"], Header(0));
        var (code, output, error) = Tool.Run("transcribe", model, folder["none.wav"], Samples(model)[5], "--lambda", "3");
        Assert.That(code, Is.Zero, error);
        Assert.That(output.Split('\n')[0], Is.EqualTo("none.wav\t"));
        Assert.That(error, Does.Contain("no samples").And.Contain("lambda 3"));
    }

    [Test]
    public void Words_alone_are_on_the_output_and_every_recording_has_a_map_of_its_own()
    {
        string model = SharedFolder.Need("models", "wav2vec2-words");
        using TemporaryFolder folder = new();
        var (code, output, error) = Tool.Run(["transcribe", model, .. Samples(model)[..2], "--learners", "2", "--map", folder["map.png"]]);
        Assert.That(code, Is.Zero, error);
        Assert.That(output.TrimEnd().Split('\n').Select(static line => line.Split('\t')[0]), Is.EqualTo(Samples(model)[..2].Select(Path.GetFileName)));
        Assert.That(error, Does.Match(@"^\w+ \(.*\): .*\r?\n[\d.]+ s of sound; "));
        Assert.That(Directory.GetFiles(folder.Path).Select(Path.GetFileName), Is.EquivalentTo(new[] { "map-0.png", "map-1.png" }));
    }

    [Test]
    public void Characters_follow_one_another_within_their_word_and_compute_is_below_the_dense_model_s()
    {
        string model = SharedFolder.Need("models", "wav2vec2-words");
        JsonElement file = Tool.Json("transcribe", model, Samples(model)[0], "--learners", "1").GetProperty("files")[0];
        Assert.That(file.GetProperty("macs").GetInt64(), Is.LessThan(file.GetProperty("dense_macs").GetInt64()));
        foreach (JsonElement word in file.GetProperty("words").EnumerateArray())
        {
            JsonElement[] characters = [.. word.GetProperty("characters").EnumerateArray()];
            Assert.That(string.Concat(characters.Select(static one => one.GetProperty("character").GetString())), Is.EqualTo(word.GetProperty("word").GetString()));
            double[] times = [Time(word, "start"), .. characters.SelectMany(static one => (double[])[Time(one, "start"), Time(one, "end")]), Time(word, "end")];
            Assert.That(times, Is.Ordered);
            Assert.That(characters.Select(static one => Time(one, "end") - Time(one, "start")), Is.All.Positive);
            Assert.That((times[0], times[^1]), Is.EqualTo((times[1], times[^2])));
        }

        static double Time(JsonElement of, string name) => of.GetProperty(name).GetDouble();
    }

    [Test]
    public void Windows_that_share_more_take_more_compute()
    {
        string model = SharedFolder.Need("models", "wav2vec2-words");
        long[] macs = [.. new[] { "0", "0.4" }.Select(overlap =>
            Tool.Json("transcribe", model, Samples(model)[0], "--window", "1", "--overlap", overlap, "--learners", "4").GetProperty("files")[0].GetProperty("macs").GetInt64())];
        Assert.That(macs[1], Is.GreaterThan(macs[0]));
    }

    [Test]
    public void An_outline_has_the_largest_sample_of_each_span_whatever_its_sign()
    {
        using TemporaryFolder folder = new();
        byte[] bytes = new byte[2 * 3 * 160];
        foreach (var (at, value) in new[] { (7, 8192), (170, -16384), (319, 4096), (470, -32768) })
            BinaryPrimitives.WriteInt16LittleEndian(bytes.AsSpan(2 * at), (short)value);
        File.WriteAllBytes(folder["spans.wav"], [.. Header(bytes.Length), .. bytes]);
        using WavReader recording = WavReader.Open(folder["spans.wav"]);
        Assert.That(Audio.Waveform.Read(recording, 0.01), Is.EqualTo(new[] { 0.25f, 0.5f, 1 }));
    }

    [Test]
    public void Silence_that_is_passed_over_is_in_no_figure_of_compute()
    {
        string model = SharedFolder.Need("models", "wav2vec2-words");
        using TemporaryFolder folder = new();
        Join(folder["silent.wav"], [Samples(model)[0]], 20, 6);
        JsonElement file = Tool.Json("transcribe", model, folder["silent.wav"], "--learners", "4").GetProperty("files")[0];
        Assert.That(file.GetProperty("learner_fraction").GetDouble(), Is.EqualTo(1).Within(1e-12));
        Assert.That(Tool.Run("transcribe", model, folder["silent.wav"], Samples(model)[0], "--learners", "4").Error, Does.Contain($"{1:P1} of the learners"));
    }

    [Test]
    public void The_same_words_are_heard_at_any_rate_and_in_any_number_of_channels()
    {
        string model = SharedFolder.Need("models", "wav2vec2-words");
        using TemporaryFolder folder = new();
        string original = Samples(model)[6], words = Words(model, [original])[original];
        List<string> files = [];
        foreach (int rate in (int[])[16000, 22050, 44100, 48000, 96000, 192000])
            foreach (int channels in (int[])[1, 2, 8])
                File.WriteAllBytes(AddFile($"{rate}-{channels}.wav"), Resampled(original, rate, channels));
        Assert.That(Words(model, [.. files]).Values, Has.All.EqualTo(words));
        // Half of what was heard is gone, but telephones are listened to as well.
        File.WriteAllBytes(AddFile("telephone.wav"), Resampled(original, 8000, 1));
        Assert.That(Words(model, [files[^1]]).Single().Value, Is.Not.Empty);

        string AddFile(string name)
        {
            files.Add(folder[name]);
            return files[^1];
        }
    }

    private static byte[] Resampled(string path, int rate, int channels)
    {
        using WavReader recording = WavReader.Open(path);
        float[] samples = new float[recording.Length];
        recording.Read(samples);
        Resampler resampler = new(recording.SampleRate, rate);
        List<float> changed = [];
        resampler.Process(samples, changed);
        resampler.Finish(changed);
        byte[] header = Header(4 * changed.Count * channels);
        header[20] = 3;
        header[22] = (byte)channels;
        header[32] = (byte)(4 * channels);
        header[34] = 32;
        BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(24), rate);
        byte[] data = new byte[4 * changed.Count * channels];
        for (int i = 0; i < changed.Count * channels; i++)
            BinaryPrimitives.WriteSingleLittleEndian(data.AsSpan(4 * i), changed[i / channels]);
        return [.. header, .. data];
    }

    [Test]
    public void A_recording_that_ends_early_or_holds_no_numbers_is_heard_and_said_to()
    {
        string model = SharedFolder.Need("models", "wav2vec2-words");
        using TemporaryFolder folder = new();
        byte[] whole = File.ReadAllBytes(Samples(model)[6]);
        File.WriteAllBytes(folder["cut.wav"], whole[..^(Rate * 2)]);
        var (code, output, error) = Tool.Run("transcribe", model, folder["cut.wav"]);
        double seconds = (whole.Length - 44) / 2.0 / Rate;
        Assert.That(code, Is.Zero, error);
        Assert.That(error, Does.Contain("cut.wav: ends early").And.Contain($"the header says {seconds:0.###} s, {seconds - 1:0.###} s are there"));
        Assert.That(output, Is.Not.Empty);

        byte[] loud = Resampled(Samples(model)[6], Rate, 1);
        BinaryPrimitives.WriteSingleLittleEndian(loud.AsSpan(44 + 400), float.NaN);
        File.WriteAllBytes(folder["nan.wav"], loud);
        (code, output, error) = Tool.Run("transcribe", model, folder["nan.wav"]);
        Assert.That(code, Is.Zero, error);
        Assert.That(error, Does.Contain("nan.wav: 1 samples are NaN or infinite"));
        Assert.That(output.Split('	')[1].Trim(), Is.EqualTo(Words(model, [Samples(model)[6]])[Samples(model)[6]]));
    }

    [Test, Explicit("ten minutes of sound, in a process of its own")]
    public void Ten_minutes_stream_in_bounded_memory()
    {
        string model = SharedFolder.Need("models", "wav2vec2-words");
        using TemporaryFolder folder = new();
        List<string> parts = Join(folder["ten.wav"], Samples(model), 600, 1.5);
        Join(folder["one.wav"], Samples(model), 60, 1.5);
        Dictionary<string, string> words = Words(model, Samples(model));
        var (oneText, onePeak) = ToolProcess.Measure("transcribe", model, folder["one.wav"]);
        var (text, peak) = ToolProcess.Measure("transcribe", model, folder["ten.wav"]);
        TestContext.Out.WriteLine($"peak {onePeak >> 20} MiB for one minute, {peak >> 20} MiB for ten");
        Assert.That(text.Trim().Split('\t')[1], Is.EqualTo(string.Join(' ', parts.Select(part => words[part]))));
        Assert.That(peak, Is.LessThan(onePeak + (32 << 20)).And.LessThan(300 << 20));
        Assert.That(oneText, Is.Not.Empty);
    }

    // Levenshtein's, over words.
    private static int Distance(string[] a, string[] b)
    {
        int[] row = [.. Enumerable.Range(0, b.Length + 1)];
        for (int i = 1; i <= a.Length; i++)
        {
            int diagonal = row[0]++;
            for (int j = 1; j <= b.Length; j++)
                (diagonal, row[j]) = (row[j], Math.Min(Math.Min(row[j], row[j - 1]) + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1)));
        }
        return row[^1];
    }
}
