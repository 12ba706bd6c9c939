using System.CommandLine;
using System.Text.Json;
using Acm.Cli.Audio;
using Acm.Cli.Output;
using Acm.Runtime;
using Spectre.Console;

namespace Acm.Cli.Commands;

/// <summary><c>acm transcribe</c>: the words of recordings, when they were said, and what hearing them cost.</summary>
internal static class TranscribeCommand
{
    public static Command Create(TextWriter output, TextWriter error)
    {
        Argument<string> model = new("MODEL") { Description = "the model package" };
        Argument<string[]> files = new("WAV") { Description = "recordings: " + AudioFormatException.Supported, Arity = ArgumentArity.OneOrMore };
        Option<string?> map = new("--map") { Description = "draw waveform, words and compute over time, as PNG (one recording: the name; several: numbered)" };
        Option<double> window = new("--window") { Description = "most seconds given to the model at once; longer recordings are cut in their pauses", DefaultValueFactory = _ => 20, CustomParser = Number.Of<double> };
        Option<double> overlap = new("--overlap") { Description = "seconds that neighbouring windows share where there is no pause", DefaultValueFactory = _ => 4, CustomParser = Number.Of<double> };
        Command command = new("transcribe", "Writes down what is said in recordings.") { model, files, map, window, overlap };
        CommonOptions common = new(command);
        command.SetAction(parsed =>
        {
            using AcmModel loaded = AcmModel.Load(parsed.GetValue(model)!);
            int rate = loaded.Config.Wav2Vec2?.SamplingRate ?? 16000;
            double seconds = parsed.GetValue(window);
            if (!(seconds is >= 1 and <= 3600))
                throw new BadInputException($"--window {seconds}: 1 to 3600 seconds");
            if (!(parsed.GetValue(overlap) is >= 0 and double shared && shared < seconds / 2))
                throw new BadInputException($"--overlap {parsed.GetValue(overlap)}: 0 seconds to less than half of --window");
            using InferenceSession session = loaded.CreateSession(common.Session(parsed, 1, (int)(seconds * rate) + rate));
            SpeechTranscriber transcriber = new(loaded, session, seconds, parsed.GetValue(overlap));
            RunOptions run = common.Run(parsed);
            string[] paths = parsed.GetValue(files)!;
            // What is no recording is said before hours are spent on those before it.
            FileStream?[] pipes = Array.ConvertAll(paths, LookInto);
            OutputFile.Ready("--map", parsed.GetValue(map));
            TextWriter words = parsed.GetValue(map) is null ? output : DroppingWriter.Unread(output);
            List<Transcription> heard = [];
            for (int i = 0; i < paths.Length; i++)
            {
                Transcription one = Listen(transcriber, paths[i], pipes[i], run, parsed.GetValue(map) is not null, error);
                heard.Add(one);
                if (parsed.GetValue(map) is { } picture)
                    SpeechMap.Draw(one, transcriber.FrameSeconds, paths.Length == 1 ? picture : Numbered(picture, i));
                if (!common.Json(parsed))
                    words.WriteLine($"{Path.GetFileName(paths[i])}\t{one.Text}");
            }
            if (common.Json(parsed))
                Report.Json(output, json => Write(json, heard, session));
            else
            {
                error.WriteLine(Report.Backend(session));
                double length = heard.Sum(static one => one.Seconds), frames = heard.Sum(static one => (double)one.FramesRun), macs = heard.Sum(static one => (double)one.Macs), dense = heard.Sum(static one => (double)one.DenseMacs);
                error.WriteLine($"{length:0.0} s of sound; {heard.Sum(static one => one.LearnerFraction * one.FramesRun) / Math.Max(frames, 1):P1} of the learners, {Report.Macs(macs)} MACs of {Report.Macs(dense)} dense; {Report.Budget(Budget(heard))}");
            }
            return AcmTool.Done;
        });
        return command;
    }

    /// <returns>A pipe, which can be opened and read but once, so that it is not looked into; null for a file.</returns>
    private static FileStream? LookInto(string path)
    {
        FileStream file = File.OpenRead(InputFile.Need(path));
        if (!file.CanSeek)
            return file;
        using (file)
            WavReader.Open(file, path).Dispose();
        return null;
    }

    private static Transcription Listen(SpeechTranscriber transcriber, string path, FileStream? pipe, RunOptions run, bool draw, TextWriter error)
    {
        using FileStream? open = draw && pipe is not null ? Kept(pipe) : pipe;
        using WavReader recording = open is null ? WavReader.Open(path) : WavReader.Open(open, path);
        double length = (double)recording.Length / recording.SampleRate;
        Transcription heard = new(path);
        if (length < 60 || Console.IsErrorRedirected)
            foreach (TranscriptPart part in transcriber.Transcribe(recording, run))
                heard.Add(part);
        else
            LongWork.Terminal(error).Progress().Start(progress =>
            {
                ProgressTask task = progress.AddTask(Path.GetFileName(path).EscapeMarkup(), maxValue: length);
                foreach (TranscriptPart part in transcriber.Transcribe(recording, run))
                {
                    heard.Add(part);
                    task.Value = part.Seconds;
                }
            });
        if (heard.Seconds == 0)
            error.WriteLine($"{path}: no samples in it");
        if (recording.Missing > 0)
            error.WriteLine($"{path}: ends early: the header says {(double)(recording.Length + recording.Missing) / recording.SampleRate:0.###} s, {length:0.###} s are there and were heard");
        if (recording.NotFinite > 0)
            error.WriteLine($"{path}: {recording.NotFinite} samples are NaN or infinite; heard as silence");
        if (draw)
        {
            open?.Position = 0;
            using WavReader again = open is null ? WavReader.Open(path) : WavReader.Open(open, path);
            heard.Waveform = Waveform.Read(again, transcriber.FrameSeconds);
        }
        return heard;
    }

    // A picture takes a second look, which a pipe does not give.
    private static FileStream Kept(FileStream pipe)
    {
        using (pipe)
        {
            FileStream copy = new(Path.GetTempFileName(), FileMode.Open, FileAccess.ReadWrite, FileShare.None, 1 << 16, FileOptions.DeleteOnClose);
            pipe.CopyTo(copy);
            copy.Position = 0;
            return copy;
        }
    }

    // The first recording that had anything in it says which; a budget means the same to all.
    private static AppliedBudget Budget(List<Transcription> heard) => heard.FirstOrDefault(static one => one.Seconds > 0, heard[0]).Budget;

    private static string Numbered(string picture, int index) =>
        Path.Combine(Path.GetDirectoryName(picture) ?? "", $"{Path.GetFileNameWithoutExtension(picture)}-{index}{Path.GetExtension(picture)}");

    private static void Write(Utf8JsonWriter json, List<Transcription> heard, InferenceSession session)
    {
        json.WriteStartObject();
        Report.Backend(json, session);
        Report.Budget(json, Budget(heard));
        json.WriteStartArray("files");
        foreach (Transcription one in heard)
        {
            json.WriteStartObject();
            json.WriteString("file", one.Path);
            json.WriteString("text", one.Text);
            json.WriteNumber("seconds", one.Seconds);
            json.WriteNumber("learner_fraction", one.LearnerFraction);
            json.WriteNumber("macs", one.Macs);
            json.WriteNumber("dense_macs", one.DenseMacs);
            json.WriteStartArray("words");
            foreach (TimedWord word in one.Words)
            {
                json.WriteStartObject();
                json.WriteString("word", word.Text);
                json.WriteNumber("start", Math.Round(word.Start, 3));
                json.WriteNumber("end", Math.Round(word.End, 3));
                json.WriteStartArray("characters");
                foreach (TimedCharacter character in word.Characters)
                {
                    json.WriteStartObject();
                    json.WriteString("character", character.Text);
                    json.WriteNumber("start", Math.Round(character.Start, 3));
                    json.WriteNumber("end", Math.Round(character.End, 3));
                    json.WriteEndObject();
                }
                json.WriteEndArray();
                json.WriteEndObject();
            }
            json.WriteEndArray();
            json.WriteEndObject();
        }
        json.WriteEndArray();
        json.WriteEndObject();
    }
}
