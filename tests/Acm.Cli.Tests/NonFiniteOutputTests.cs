using System.Text.Json;
using Acm.Testing;
using NUnit.Framework;

namespace Acm.Cli.Tests;

/// <summary>Weights that are finite but huge give outputs that are not; JSON says null there.</summary>
public class NonFiniteOutputTests
{
    private static string Huge(TemporaryFolder folder, string model, string tensor) => Tool.Changed(folder, model, static _ => float.MaxValue, tensor);

    [Test]
    public void Vectors_have_null_for_what_is_no_number()
    {
        using TemporaryFolder folder = new();
        string model = Huge(folder, Tool.TextModel(folder), "encoder.layer.1.output.LayerNorm.weight");
        Tool.Succeed("embed", model, "one", "--output", folder["v.json"]);
        using JsonDocument file = JsonDocument.Parse(File.ReadAllText(folder["v.json"]));
        foreach (JsonElement root in (JsonElement[])[file.RootElement, Tool.Json("embed", model, "one")])
            Assert.That(root.GetProperty("embeddings")[0].GetProperty("vector").EnumerateArray().Select(static one => one.ValueKind), Has.Some.EqualTo(JsonValueKind.Null));
    }

    [Test]
    public void A_check_that_fails_is_exit_code_1()
    {
        using TemporaryFolder folder = new();
        string model = Huge(folder, Tool.Model, "heads.head.weight");
        var (code, output, error) = Tool.Run("verify", model, "--backend", "cpu");
        Assert.That((code, error), Is.EqualTo((1, "")));
        Assert.That(output, Does.Contain("FAILED"));
        Assert.That(Tool.Run("verify", model, "--backend", "cpu", "--json").Code, Is.EqualTo(1));
    }

    [Test]
    public void Probabilities_are_null_where_they_are_no_number()
    {
        using TemporaryFolder folder = new();
        JsonElement image = Tool.Json("classify", Huge(folder, Tool.Model, "heads.head.weight"), Tool.Pictures[0]).GetProperty("images")[0];
        Assert.That(image.GetProperty("probability").ValueKind, Is.EqualTo(JsonValueKind.Null));
        Assert.That(image.GetProperty("top")[0].GetProperty("probability").ValueKind, Is.EqualTo(JsonValueKind.Null));
    }
}
