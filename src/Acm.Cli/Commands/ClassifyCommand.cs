using System.CommandLine;
using System.Text.Json;
using Acm.Cli.Images;
using Acm.Cli.Output;
using Acm.Runtime;

namespace Acm.Cli.Commands;

/// <summary><c>acm classify</c>: what is in a picture, how sure, and what it cost.</summary>
internal static class ClassifyCommand
{
    public static Command Create(TextWriter output, TextWriter error)
    {
        Argument<string> model = new("MODEL") { Description = "the model package" };
        Argument<string[]> images = new("IMAGE") { Description = "pictures: " + PictureFile.Supported, Arity = ArgumentArity.OneOrMore };
        Option<string?> map = new("--map") { Description = "draw where the compute went, over the pictures, as PNG" };
        Command command = new("classify", "Names what is in pictures.") { model, images, map };
        CommonOptions common = new(command);
        command.SetAction(parsed =>
        {
            using AcmModel loaded = AcmModel.Load(parsed.GetValue(model)!);
            ImagePreprocessor preprocessor = new(loaded);
            string[] paths = parsed.GetValue(images)!;
            byte[][] crops = [.. paths.Select(path =>
            {
                PictureFile picture = PictureFile.Read(path);
                return preprocessor.Crop(picture.Rgb, picture.Width, picture.Height);
            })];
            OutputFile.Ready("--map", parsed.GetValue(map));
            using InferenceSession session = loaded.CreateSession(common.Session(parsed, 1));
            RunOptions run = common.Run(parsed);
            Classification[] found = LongWork.Each(error, "classifying", crops.Length, i => Classify(loaded, session, preprocessor, run, paths[i], crops[i]));
            if (parsed.GetValue(map) is { } file)
                ComputeMap.Draw(found, loaded, session, file);
            if (common.Json(parsed))
                Report.Json(output, json => Write(json, found, session, parsed.GetValue(map)));
            else
            {
                error.WriteLine(Report.Backend(session));
                Write(output, found, parsed.GetValue(map));
            }
            return AcmTool.Done;
        });
        return command;
    }

    private static Classification Classify(
        AcmModel model, InferenceSession session, ImagePreprocessor preprocessor, RunOptions run, string path, byte[] crop)
    {
        float[] pixels = new float[preprocessor.Count];
        preprocessor.Normalize(crop, pixels);
        InferenceResult result = session.CreateResult();
        session.Run(ModelInput.Pixels(pixels), result, run);
        return Classification.Of(model, result, path, crop);
    }

    private static void Write(TextWriter output, Classification[] found, string? map)
    {
        int width = Math.Max(5, found.Max(one => Path.GetFileName(one.Path).Length));
        output.WriteLine($"{"image".PadRight(width)}  class   probability  learners        MACs  of dense");
        foreach (Classification one in found)
            output.WriteLine($"{Path.GetFileName(one.Path).PadRight(width)}  {one.Label,-6}  {one.Probability,11:P1}  {one.LearnerFraction,8:P1}  {Report.Macs(one.Macs),10}  {(double)one.Macs / one.DenseMacs,8:P1}");
        output.WriteLine(Report.Budget(found[0].Budget));
        if (map is not null)
            output.WriteLine($"map: {map}");
    }

    private static void Write(Utf8JsonWriter json, Classification[] found, InferenceSession session, string? map)
    {
        json.WriteStartObject();
        Report.Backend(json, session);
        Report.Budget(json, found[0].Budget);
        if (map is not null)
            json.WriteString("map", map);
        json.WriteStartArray("images");
        foreach (Classification one in found)
        {
            json.WriteStartObject();
            json.WriteString("file", one.Path);
            json.WriteNumber("class", one.Class);
            json.WriteString("label", one.Label);
            Report.Number(json, "probability", one.Probability);
            json.WriteNumber("learner_fraction", one.LearnerFraction);
            json.WriteNumber("macs", one.Macs);
            json.WriteNumber("dense_macs", one.DenseMacs);
            json.WriteStartArray("top");
            foreach (var (label, probability) in one.Top)
            {
                json.WriteStartObject();
                json.WriteString("label", label);
                Report.Number(json, "probability", probability);
                json.WriteEndObject();
            }
            json.WriteEndArray();
            json.WriteEndObject();
        }
        json.WriteEndArray();
        json.WriteEndObject();
    }
}
