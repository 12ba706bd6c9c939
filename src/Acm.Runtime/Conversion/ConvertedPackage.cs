using System.Text.Json;
using System.Text.Json.Nodes;
using Acm.Runtime.Configuration;

namespace Acm.Runtime.Conversion;

/// <summary>A package that exists in memory as a configuration and in its sources as tensors.</summary>
/// <param name="Source">The file the configuration was made from, for messages.</param>
/// <param name="Config">What will be <c>config.json</c>.</param>
/// <param name="Tensors">By their names in the package.</param>
/// <param name="Entries">What will be <c>labels.txt</c> or <c>vocab.txt</c>; null for none.</param>
/// <param name="Notes">What the user should know, a sentence each.</param>
internal sealed record ConvertedPackage(
    string Source, JsonObject Config, IReadOnlyDictionary<string, PackageTensor> Tensors, IReadOnlyList<string>? Entries, IReadOnlyList<string> Notes)
{
    /// <summary>Writes the folder, whole or not at all, and only if it can be loaded.</summary>
    /// <param name="folder">Must not exist, or be empty.</param>
    /// <param name="allowNonFinite">Whether weights may be NaN or infinite.</param>
    public void Save(string folder, bool allowNonFinite)
    {
        var config = ModelConfig.Parse(ConfigNode.Parse(Source, Json()), folder: null);
        string place = Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder));
        // An empty folder stays the one it is: it may be the current one, a link's target, or where a disk is mounted.
        bool into = Directory.Exists(place);
        string temporary = into ? Path.Combine(place, $"{Guid.NewGuid():N}.tmp") : $"{place}.{Guid.NewGuid():N}.tmp";
        try
        {
            Directory.CreateDirectory(temporary);
            WriteWeights(Path.Combine(temporary, "model.safetensors"));
            File.WriteAllBytes(Path.Combine(temporary, "config.json"), Json());
            if (Entries is not null)
            {
                string name = config.Architecture == Architecture.Vit ? "labels.txt" : "vocab.txt";
                File.WriteAllText(Path.Combine(temporary, name), string.Concat(Entries.Select(entry => entry.ReplaceLineEndings(" ") + "\n")));
            }
            Prove(temporary, allowNonFinite);
            if (into)
            {
                MoveUp(temporary, place);
            }
            else
            {
                Directory.Move(temporary, place);
            }
        }
        catch
        {
            if (Directory.Exists(temporary))
            {
                Directory.Delete(temporary, recursive: true);
            }
            throw;
        }
    }

    // The configuration comes last: without it there is no package.
    private static void MoveUp(string from, string to)
    {
        foreach (string file in Directory.GetFiles(from).OrderBy(static file => Path.GetFileName(file) == "config.json"))
        {
            File.Move(file, Path.Combine(to, Path.GetFileName(file)));
        }
        Directory.Delete(from);
    }

    private void WriteWeights(string path)
    {
        var writer = new SafeTensorsWriter();
        writer.Metadata["format"] = "pt";
        foreach (var tensor in Tensors.Values)
        {
            TensorShape.TryCount(tensor.Shape, out long count);
            writer.Add(tensor.Name, tensor.DType, tensor.Shape, count * tensor.DType.Size(), stream => stream.Write(tensor.ReadBytes()));
        }
        writer.Save(path);
    }

    /// <summary>Loads what was written; what is wrong with it is said of the source.</summary>
    private void Prove(string folder, bool allowNonFinite)
    {
        try
        {
            AcmModel.Load(folder, new ModelLoadOptions { AllowNonFinite = allowNonFinite }).Dispose();
        }
        catch (ModelFormatException e)
        {
            var source = e.Tensor is null ? null : Tensors.GetValueOrDefault(e.Tensor)?.Source;
            throw new ModelFormatException(source?.File ?? Source, source?.Name ?? e.Tensor, e.Expected, e.Found, e);
        }
    }

    private byte[] Json()
    {
        using var stream = new MemoryStream();
        using (var writer = new Utf8JsonWriter(stream, new JsonWriterOptions { Indented = true }))
        {
            Config.WriteTo(writer);
        }
        stream.WriteByte((byte)'\n');
        return stream.ToArray();
    }
}
