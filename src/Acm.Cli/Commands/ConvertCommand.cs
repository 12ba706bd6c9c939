using System.CommandLine;
using System.Text;
using System.Text.Json;
using Acm.Runtime;
using Acm.Runtime.Conversion;

namespace Acm.Cli.Commands;

/// <summary><c>acm convert SOURCE... --output DIR</c>: makes a package of the files people have.</summary>
internal static class ConvertCommand
{
    private const int Done = 0;
    private const int BadInput = 2;

    public static Command Create()
    {
        var sources = new Argument<string[]>("source")
        {
            Description = "A Hugging Face folder; a .pth or .safetensors file; or a chain of the published code: its files, their folder, or its last file.",
            Arity = ArgumentArity.OneOrMore,
        };
        var output = new Option<string>("--output", "-o") { Description = "The package's folder; must not exist, or be empty.", Required = true };
        var heads = new Option<int?>("--heads") { Description = "Attention heads, where no file tells (a bare vision model, a chain without its dense model)." };
        var pooling = new Option<string?>("--pooling") { Description = "How a text encoder makes a sentence's vector: mean or cls." };
        pooling.AcceptOnlyFromAmong("mean", "cls");
        var normalize = new Option<bool?>("--normalize") { Description = "Whether a sentence's vector gets unit length: true or false." };
        var allowNonFinite = new Option<bool>("--allow-non-finite") { Description = "Accept weights that are NaN or infinite." };
        var json = new Option<bool>("--json") { Description = "Print the result as JSON." };
        var command = new Command("convert", "Makes a model package of a published checkpoint, a torchvision model or a Hugging Face folder. Runs nothing that is in them.")
        {
            sources, output, heads, pooling, normalize, allowNonFinite, json,
        };
        command.SetAction(parsed =>
        {
            var options = new ConversionOptions
            {
                Heads = parsed.GetValue(heads),
                Pooling = parsed.GetValue(pooling),
                Normalize = parsed.GetValue(normalize),
                AllowNonFinite = parsed.GetValue(allowNonFinite),
            };
            var (standard, error) = (parsed.InvocationConfiguration.Output, parsed.InvocationConfiguration.Error);
            try
            {
                var report = ModelConverter.Convert(parsed.GetValue(sources)!, parsed.GetValue(output)!, options);
                standard.WriteLine(parsed.GetValue(json) ? Json(report) : Text(report));
                return Done;
            }
            catch (Exception e) when (e is ModelFormatException or ArgumentException or IOException or UnauthorizedAccessException)
            {
                error.WriteLine($"acm convert: {e.Message.ReplaceLineEndings(" ")}");
                return BadInput;
            }
        });
        return command;
    }

    private static string Text(ConversionReport report)
    {
        var text = new StringBuilder($"{report.Output}: {report.Tensors} tensors, {report.Bytes / 1e6:F1} MB, from {report.Source}");
        foreach (string note in report.Notes)
        {
            text.AppendLine().Append($"note: {note}");
        }
        return text.ToString();
    }

    private static string Json(ConversionReport report)
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream, new JsonWriterOptions { Indented = true }))
        {
            json.WriteStartObject();
            json.WriteString("output", report.Output);
            json.WriteString("source", report.Source);
            json.WriteNumber("tensors", report.Tensors);
            json.WriteNumber("bytes", report.Bytes);
            json.WriteStartArray("notes");
            foreach (string note in report.Notes)
            {
                json.WriteStringValue(note);
            }
            json.WriteEndArray();
            json.WriteEndObject();
        }
        return Encoding.UTF8.GetString(stream.ToArray());
    }
}
