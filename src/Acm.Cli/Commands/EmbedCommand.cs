using System.CommandLine;
using System.Diagnostics;
using Acm.Cli.Output;
using Acm.Cli.Text;
using Acm.Runtime;
using Spectre.Console;

namespace Acm.Cli.Commands;

/// <summary><c>acm embed</c>: sentence vectors, from arguments, a file or standard input.</summary>
internal static class EmbedCommand
{
    private const int TextsAtOnce = 64;

    public static Command Create(TextWriter output, TextWriter error)
    {
        Argument<string> model = new("MODEL") { Description = "the model package" };
        Argument<string[]> texts = new("TEXT") { Description = "texts; without any, lines of --file or of standard input", Arity = ArgumentArity.ZeroOrMore };
        Option<string?> file = new("--file") { Description = "a text a line, UTF-8; - for standard input" };
        Option<string?> to = new("--output") { Description = "write the vectors to a file: .npy (float32 [texts, width]), .json, or text" };
        Option<string?> map = new("--map") { Description = $"draw the first {TokenMap.MostTexts} texts, each word piece tinted by the compute it got, as PNG" };
        Command command = new("embed", "Turns texts into vectors.") { model, texts, file, to, map };
        CommonOptions common = new(command);
        command.SetAction(parsed =>
        {
            string[] given = parsed.GetValue(texts) ?? [];
            if (given.Length > 0 && parsed.GetValue(file) is not null)
                throw new BadInputException("give texts or --file, not both");
            using AcmModel loaded = AcmModel.Load(parsed.GetValue(model)!);
            using InferenceSession session = loaded.CreateSession(common.Session(parsed, TextsAtOnce));
            SentenceEncoder encoder = new(loaded, session);
            string? path = OutputFile.Ready("--output", parsed.GetValue(to)), picture = OutputFile.Ready("--map", parsed.GetValue(map));
            TextWriter vectors = picture is null ? output : DroppingWriter.Unread(output);
            Stopwatch watch = Stopwatch.StartNew();
            Counts counts = Encode(
                encoder, given.Length > 0 ? given : Lines(parsed.GetValue(file)), parsed.GetValue(file), common.Run(parsed), session, error,
                () => VectorWriter.Create(path, common.Json(parsed), vectors, encoder.Width), picture is not null);
            double seconds = watch.Elapsed.TotalSeconds;
            if (picture is not null)
            {
                WordPieceEncoder pieces = WordPieceEncoder.For(loaded);
                InferenceResult result = session.CreateResult();
                TokenMap.Draw(
                    [.. counts.Drawn.Select(text => TokenCompute.Of(loaded, pieces, session, result, text, common.Run(parsed)))],
                    counts.Drawn.Count == counts.Total.Texts, picture);
            }
            if (!common.Json(parsed))
                Write(error, session, counts, seconds, WordPieceEncoder.For(loaded).MaxLength);
            else if (path is not null)
                Report.Json(output, json =>
                {
                    json.WriteStartObject();
                    json.WriteString("output", path);
                    VectorWriter.Summary(json, session, counts.Total);
                    json.WriteEndObject();
                });
            return AcmTool.Done;
        });
        return command;
    }

    /// <summary>What was encoded; of the texts, those a map shows, and how many held what could not be read.</summary>
    private sealed class Counts
    {
        public EncodingReport Total;
        public int Unreadable;
        public List<string> Drawn { get; } = [];

        public void Add(string[] texts, EncodingReport report)
        {
            Total = new EncodingReport(
                Total.Texts + report.Texts, Total.Truncated + report.Truncated, Total.Empty + report.Empty, Total.WordPieces + report.WordPieces,
                Total.Macs + report.Macs, Total.DenseMacs + report.DenseMacs, report.Budget);
            // What bytes that are no UTF-8 were read as.
            Unreadable += texts.Count(static text => text.Contains('\uFFFD'));
        }
    }

    private static void Write(TextWriter error, InferenceSession session, Counts counts, double seconds, int mostPieces)
    {
        EncodingReport total = counts.Total;
        error.WriteLine(Report.Backend(session));
        error.WriteLine($"{total.Texts} texts, {total.WordPieces} word pieces in {seconds:0.00} s ({total.Texts / seconds:0} texts/s); "
            + $"{Report.Macs(total.Macs)} MACs of {Report.Macs(total.DenseMacs)} dense; {Report.Budget(total.Budget)}");
        if (total.Truncated > 0)
            error.WriteLine($"{Texts(total.Truncated, "was", "were")} longer than {mostPieces} word pieces and cut there");
        if (total.Empty > 0)
            error.WriteLine($"{Texts(total.Empty, "was", "were")} empty: every line and argument gets a vector, an empty one that of [CLS] [SEP]");
        if (counts.Unreadable > 0)
            error.WriteLine($"{Texts(counts.Unreadable, "has", "have")} bytes that are no UTF-8, or U+FFFD: the model does not see them");

        static string Texts(int count, string one, string many) => count == 1 ? $"1 text {one}" : $"{count} texts {many}";
    }

    // Nothing is opened for writing before the first vectors are there.
    private static Counts Encode(
        SentenceEncoder encoder, IEnumerable<string> texts, string? file, RunOptions run, InferenceSession session, TextWriter error, Func<VectorWriter> open, bool draw)
    {
        Counts counts = new();
        float[] buffer = new float[TextsAtOnce * encoder.Width];
        VectorWriter? vectors = null;
        void Work(Action<int>? progress)
        {
            foreach (string[] chunk in texts.Chunk(TextsAtOnce))
            {
                counts.Add(chunk, encoder.Encode(chunk, buffer, run));
                if (draw)
                    counts.Drawn.AddRange(chunk.Take(TokenMap.MostTexts - counts.Drawn.Count));
                vectors ??= open();
                for (int i = 0; i < chunk.Length; i++)
                    vectors.Write(chunk[i], buffer.AsSpan(i * encoder.Width, encoder.Width));
                progress?.Invoke(counts.Total.Texts);
            }
            (vectors ?? throw new BadInputException(file is null or "-" ? "no text given: as arguments, with --file, or on standard input" : $"{file}: no line in it")).Finish(session, counts.Total);
        }
        try
        {
            if (Console.IsErrorRedirected || texts is string[])
                Work(null);
            else
                LongWork.Terminal(error).Status().Start("embedding", status => Work(done => status.Status($"{done} texts")));
        }
        finally
        {
            vectors?.Dispose();
        }
        return counts;
    }

    private static IEnumerable<string> Lines(string? file)
    {
        if (file is null or "-")
            return ReadAll(Console.In);
        return File.ReadLines(InputFile.Need(file));
    }

    private static IEnumerable<string> ReadAll(TextReader reader)
    {
        while (reader.ReadLine() is { } line)
            yield return line;
    }
}
