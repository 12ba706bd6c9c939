using Acm.Runtime;
using Acm.Testing;
using NUnit.Framework;

namespace Acm.Cli.Tests;

/// <summary>Whatever a command writes, its folder is made; where no file can be written, that is said before any work, with the option's name.</summary>
public class OutputFileTests
{
    private static IEnumerable<TestCaseData> Commands()
    {
        string cases = SharedFolder.Data("ptx"), images = Tool.Pictures[0];
        yield return new TestCaseData("--map", (string[])["classify", Tool.Model, images]).SetArgDisplayNames("classify --map");
        yield return new TestCaseData("--plot", (string[])["info", Tool.Model]).SetArgDisplayNames("info --plot");
        yield return new TestCaseData("--output", (string[])["run", Tool.Model, "--input", "INPUT"]).SetArgDisplayNames("run --output");
        yield return new TestCaseData("--output", (string[])["embed", "TEXT", "one"]).SetArgDisplayNames("embed --output");
        yield return new TestCaseData("--map", (string[])["embed", "TEXT", "one"]).SetArgDisplayNames("embed --map");
        yield return new TestCaseData("--map", (string[])["transcribe", "SPEECH", "WAV"]).SetArgDisplayNames("transcribe --map");
        yield return new TestCaseData("--json", (string[])["simulate", cases, "--case", "cu_votes_match_redux"]).SetArgDisplayNames("simulate --json");
    }

    [TestCaseSource(nameof(Commands))]
    public void A_folder_is_made_and_what_is_no_file_refused(string option, string[] command)
    {
        using TemporaryFolder folder = new();
        command = [.. command.Select(word => Named(folder, word))];
        Tool.Succeed([.. command, option, folder["new", "deep", "file"]]);
        Assert.That(new FileInfo(folder["new", "deep", "file"]).Length, Is.GreaterThan(0));
        File.WriteAllText(folder["blocked"], "");
        foreach (string path in (string[])[folder.Path, folder["absent"] + Path.DirectorySeparatorChar, folder["blocked", "file"]])
            Assert.That(Tool.Refuse(2, [.. command, option, path]), Does.Contain($"{option} {path}: "));
        // A folder in which nobody may make a file.
        if (Directory.Exists("/sys/kernel"))
            Assert.That(Tool.Refuse(2, [.. command, option, "/sys/kernel/file"]), Does.Contain($"{option} /sys/kernel/file: no file can be made there"));
        Assert.That(Directory.Exists(folder["absent"]), Is.False);
    }

    [TestCaseSource(nameof(Commands))]
    public void A_file_that_nobody_may_write_is_refused(string option, string[] command)
    {
        const string Forbidden = "/sys/kernel/notes";
        if (!File.Exists(Forbidden))
            Assert.Ignore($"there is no {Forbidden}");
        using TemporaryFolder folder = new();
        var (code, _, error) = Tool.Run([.. command.Select(word => Named(folder, word)), option, Forbidden]);
        Assert.That(code, Is.EqualTo(2));
        Assert.That(error, Does.Match(@"^acm: .*/sys/kernel/notes.*\n$"));
    }

    [TestCaseSource(nameof(Commands))]
    public void What_stood_there_is_replaced_as_a_whole(string option, string[] command)
    {
        using TemporaryFolder folder = new();
        command = [.. command.Select(word => Named(folder, word))];
        File.WriteAllText(folder["file"], "before");
        using StreamReader before = new(new FileStream(folder["file"], FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete));
        Tool.Succeed([.. command, option, folder["file"]]);
        Assert.That(before.ReadToEnd(), Is.EqualTo("before"), "whoever reads it meanwhile");
        Assert.That(File.ReadAllBytes(folder["file"])[..6], Is.Not.EqualTo("before"u8.ToArray()));
        Assert.That(Directory.GetFiles(folder.Path, "file*"), Has.Length.EqualTo(1), "nothing is left beside it");
    }

    private static string Named(TemporaryFolder folder, string word)
    {
        switch (word)
        {
            case "INPUT":
                SafeTensorsWriter writer = new();
                writer.Add("pixels", [1, 3, 96, 96], new float[3 * 96 * 96]);
                writer.Save(folder["in.safetensors"]);
                return folder["in.safetensors"];
            case "TEXT":
                foreach (string file in Directory.GetFiles(SharedFolder.Data("bert-tiny")))
                    folder.CopyAs(file, "text", Path.GetFileName(file));
                File.WriteAllLines(folder["text", "vocab.txt"], ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "one"]);
                return folder["text"];
            case "SPEECH":
                foreach (string file in Directory.GetFiles(SharedFolder.Data("wav2vec2-tiny-layer-stable-bias")))
                    folder.CopyAs(file, "speech", Path.GetFileName(file));
                using (AcmModel model = AcmModel.Load(folder["speech"]))
                    File.WriteAllLines(folder["speech", "vocab.txt"], Enumerable.Range(0, model.Config.Wav2Vec2!.VocabSize).Select(static i => $"{(char)('a' + i)}"));
                return folder["speech"];
            case "WAV":
                byte[] sound = new byte[2 * 8000];
                new Random(1).NextBytes(sound);
                File.WriteAllBytes(folder["sound.wav"], [
                    .. "RIFF"u8, .. BitConverter.GetBytes(36 + sound.Length), .. "WAVEfmt "u8, 16, 0, 0, 0, 1, 0, 1, 0,
                    .. BitConverter.GetBytes(16000), .. BitConverter.GetBytes(32000), 2, 0, 16, 0, .. "data"u8, .. BitConverter.GetBytes(sound.Length), .. sound]);
                return folder["sound.wav"];
            default:
                return word;
        }
    }
}
