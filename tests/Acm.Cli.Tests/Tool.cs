using System.Text.Json;
using Acm.Runtime;
using Acm.Testing;
using NUnit.Framework;

namespace Acm.Cli.Tests;

/// <summary>The tool as a caller sees it, run in this process.</summary>
internal static class Tool
{
    /// <summary>The trained model that every clone has.</summary>
    public static string Model { get; } = Path.Combine(SharedFolder.Repo, "models", "vit-chars");

    /// <summary>Its pictures, in the order of their names.</summary>
    public static string[] Pictures { get; } = [.. Directory.GetFiles(Path.Combine(Model, "images"), "*.png").Order(StringComparer.Ordinal)];

    /// <summary>A small text model with a vocabulary, in every clone.</summary>
    public static string TextModel(TemporaryFolder folder)
    {
        foreach (string file in Directory.GetFiles(SharedFolder.Data("bert-tiny")))
            folder.CopyAs(file, "bert", Path.GetFileName(file));
        File.WriteAllLines(folder["bert", "vocab.txt"], ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "one", "two"]);
        return folder["bert"];
    }

    /// <summary>A package like another, but for all numbers of some tensors.</summary>
    public static string Changed(TemporaryFolder folder, string model, Func<float, float> change, params string[] tensors)
    {
        foreach (string file in Directory.GetFiles(model))
            folder.CopyAs(file, "changed", Path.GetFileName(file));
        using SafeTensorsFile weights = SafeTensorsFile.Open(Path.Combine(model, "model.safetensors"));
        SafeTensorsWriter writer = new();
        foreach (string name in weights.Names.Except(tensors))
            writer.Add(weights.Get(name));
        foreach (string name in tensors)
        {
            TensorView old = weights.Get(name);
            float[] values = new float[old.ElementCount];
            old.CopyTo(values);
            writer.Add(name, old.Shape, Array.ConvertAll(values, value => change(value)));
        }
        writer.Save(folder["changed", "model.safetensors"]);
        return folder["changed"];
    }

    /// <summary>A package that is not verified: its gates' logits differ by less than a float holds beside their bias, and only double precision tells the winner.</summary>
    public static string WrongGates(TemporaryFolder small, TemporaryFolder equal)
    {
        string[] gates;
        using (AcmModel model = AcmModel.Load(Model))
            gates = [.. model.Sites.Select(static site => $"{site.Path}.gating_network.net.2.")];
        string package = Changed(small, Model, static weight => weight * 1e-9f, [.. gates.Select(static gate => gate + "weight")]);
        return Changed(equal, package, static _ => 1, [.. gates.Select(static gate => gate + "bias")]);
    }

    public static (int Code, string Output, string Error) Run(params IReadOnlyList<string> arguments)
    {
        using StringWriter output = new(), error = new();
        int code = AcmTool.Run(arguments, output, error);
        return (code, output.ToString(), error.ToString());
    }

    /// <summary>Runs a command that must end well, and gives its output.</summary>
    public static string Succeed(params IReadOnlyList<string> arguments)
    {
        var (code, output, error) = Run(arguments);
        Assert.That(code, Is.Zero, error);
        return output;
    }

    /// <summary>Runs a command that must end well with --json: nothing but JSON on its output.</summary>
    public static JsonElement Json(params IReadOnlyList<string> arguments)
    {
        using JsonDocument document = JsonDocument.Parse(Succeed([.. arguments, "--json"]));
        return document.RootElement.Clone();
    }

    /// <summary>Runs a command that must be refused: one line on its error output, nothing on the other.</summary>
    public static string Refuse(int code, params IReadOnlyList<string> arguments)
    {
        var (exit, output, error) = Run(arguments);
        Assert.That((exit, output), Is.EqualTo((code, "")), error);
        Assert.That(error.TrimEnd('\n', '\r'), Is.Not.Empty.And.Not.Contain("\n").And.Not.Contain("   at ").And.Not.Contain("(Parameter"));
        return error;
    }
}
