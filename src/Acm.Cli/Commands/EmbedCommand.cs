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
            string? path = parsed.GetValue(to);
            bool json = common.Json(parsed) || (path is not null && Path.GetExtension(path) == ".json");
            Stopwatch watch = Stopwatch.StartNew();
            EncodingReport total;
            List<string>? drawn = parsed.GetValue(map) is null ? null : [];
            using (VectorWriter vectors = VectorWriter.Create(path, json, output, encoder.Width))
            {
                total = Encode(encoder, given.Length > 0 ? given : Lines(parsed.GetValue(file)), vectors, drawn, common.Run(parsed), error);
                vectors.Finish(session, total);
            }
            if (drawn is not null)
            {
                WordPieceEncoder pieces = WordPieceEncoder.For(loaded);
                InferenceResult result = session.CreateResult();
                TokenMap.Draw(
                    [.. drawn.Select(text => TokenCompute.Of(loaded, pieces, session, result, text, common.Run(parsed)))],
                    drawn.Count == total.Texts, parsed.GetValue(map)!);
            }
            if (!common.Json(parsed))
            {
                error.WriteLine(Report.Backend(session));
                double seconds = watch.Elapsed.TotalSeconds;
                error.WriteLine($"{total.Texts} texts, {total.WordPieces} word pieces in {seconds:0.00} s ({total.Texts / seconds:0} texts/s); "
                    + $"{Report.Macs(total.Macs)} MACs of {Report.Macs(total.DenseMacs)} dense; {Report.Budget(total.Budget)}");
                if (total.Truncated > 0)
                    error.WriteLine($"{total.Truncated} {(total.Truncated == 1 ? "text was" : "texts were")} longer than {WordPieceEncoder.For(loaded).MaxLength} word pieces and cut there");
            }
            return AcmTool.Done;
        });
        return command;
    }

    private static EncodingReport Encode(SentenceEncoder encoder, IEnumerable<string> texts, VectorWriter vectors, List<string>? drawn, RunOptions run, TextWriter error)
    {
        EncodingReport total = default;
        float[] buffer = new float[TextsAtOnce * encoder.Width];
        void Work(Action<int>? progress)
        {
            foreach (string[] chunk in texts.Chunk(TextsAtOnce))
            {
                EncodingReport report = encoder.Encode(chunk, buffer, run);
                drawn?.AddRange(chunk.Take(TokenMap.MostTexts - drawn.Count));
                for (int i = 0; i < chunk.Length; i++)
                    vectors.Write(chunk[i], buffer.AsSpan(i * encoder.Width, encoder.Width));
                total = new EncodingReport(
                    total.Texts + report.Texts, total.Truncated + report.Truncated, total.WordPieces + report.WordPieces,
                    total.Macs + report.Macs, total.DenseMacs + report.DenseMacs, report.Budget);
                progress?.Invoke(total.Texts);
            }
        }
        if (Console.IsErrorRedirected || texts is string[])
            Work(null);
        else
            LongWork.Terminal(error).Status().Start("embedding", status => Work(done => status.Status($"{done} texts")));
        return total.Texts > 0 ? total : throw new BadInputException("no text given: as arguments, with --file, or on standard input");
    }

    private static IEnumerable<string> Lines(string? file)
    {
        if (file is null or "-")
            return ReadAll(Console.In);
        return File.Exists(file) ? File.ReadLines(file) : throw new BadInputException($"{file}: no such file");
    }

    private static IEnumerable<string> ReadAll(TextReader reader)
    {
        while (reader.ReadLine() is { } line)
            yield return line;
    }
}
