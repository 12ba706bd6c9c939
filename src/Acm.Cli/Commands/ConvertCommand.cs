using System.CommandLine;
using System.Text.Json;
using Acm.Cli.Output;
using Acm.Runtime.Conversion;

namespace Acm.Cli.Commands;

/// <summary><c>acm convert SOURCE... --output DIR</c>: makes a package of the files people have.</summary>
internal static class ConvertCommand
{
    public static Command Create(TextWriter output, TextWriter error)
    {
        var sources = new Argument<string[]>("source")
        {
            Description = "A Hugging Face folder; a .pth or .safetensors file; or a chain of the published code: its files, their folder, or its last file.",
            Arity = ArgumentArity.OneOrMore,
        };
        var folder = new Option<string>("--output", "-o") { Description = "The package's folder; must not exist, or be empty.", Required = true };
        var heads = new Option<int?>("--heads") { Description = "Attention heads, where no file tells (a bare vision model, a chain without its dense model).", CustomParser = Number.OrNull<int> };
        var pooling = new Option<string?>("--pooling") { Description = "How a text encoder makes a sentence's vector: mean or cls." };
        pooling.AcceptOnlyFromAmong("mean", "cls");
        var normalize = new Option<string?>("--normalize") { Description = "Whether a sentence's vector gets unit length: true or false." };
        normalize.AcceptOnlyFromAmong("true", "false");
        var allowNonFinite = new Option<bool>("--allow-non-finite") { Description = "Accept weights that are NaN or infinite." };
        var json = new Option<bool>("--json") { Description = "Print the result as JSON." };
        var command = new Command("convert", "Makes a model package of a published checkpoint, a torchvision model or a Hugging Face folder. Runs nothing that is in them.")
        {
            sources, folder, heads, pooling, normalize, allowNonFinite, json,
        };
        command.SetAction(parsed =>
        {
            var options = new ConversionOptions
            {
                Heads = parsed.GetValue(heads),
                Pooling = parsed.GetValue(pooling),
                Normalize = parsed.GetValue(normalize) is { } flag ? flag == "true" : null,
                AllowNonFinite = parsed.GetValue(allowNonFinite),
            };
            var report = ModelConverter.Convert(parsed.GetValue(sources)!, parsed.GetValue(folder)!, options);
            if (parsed.GetValue(json))
            {
                Report.Json(output, writer => Write(writer, report));
            }
            else
            {
                output.WriteLine($"{report.Output}: {report.Tensors} tensors, {report.Bytes / 1e6:F1} MB, from {report.Source}");
                foreach (string note in report.Notes)
                {
                    error.WriteLine($"note: {note}");
                }
            }
            return AcmTool.Done;
        });
        return command;
    }

    private static void Write(Utf8JsonWriter json, ConversionReport report)
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
}
