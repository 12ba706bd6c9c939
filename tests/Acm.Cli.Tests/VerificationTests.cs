using System.Text.Json;
using System.Text.Json.Nodes;
using Acm.Cli.Output;
using Acm.Runtime;
using Acm.Testing;
using NUnit.Framework;

namespace Acm.Cli.Tests;

/// <summary>What acm verify tells of its comparisons.</summary>
public class VerificationTests
{
    private static readonly Verification s_passed = new("cpu", "fp32", Error: 1e-5, Tolerance: 1e-4, Flips: 1, Choices: 2000, Problem: null);

    [Test]
    public void A_line_has_the_verdict()
    {
        Assert.That(s_passed.Line(), Does.StartWith("cpu ").And.Contain("1.0e-5").And.Contain("1 of 2000").And.EndWith("passed"));
        Assert.That((s_passed with { Error = 1 }).Line(), Does.EndWith("FAILED"));
        Assert.That((s_passed with { Problem = "no driver" }).Line(), Does.StartWith("cpu ").And.EndWith("not at hand: no driver"));
    }

    [TestCase("fp32", 2, true)]
    [TestCase("fp32", 3, false)]
    [TestCase("bf16", 100, true)]
    [TestCase("bf16", 101, false)]
    public void Choices_may_differ_as_often_as_a_precision_makes_them(string precision, int flips, bool passed) =>
        Assert.That((s_passed with { Precision = precision, Flips = flips }).Passed, Is.EqualTo(passed));

    [Test]
    public void Json_has_the_figures()
    {
        using StringWriter output = new();
        Report.Json(output, s_passed.Write);
        Assert.That(
            JsonDocument.Parse(output.ToString()).RootElement.EnumerateObject().ToDictionary(static one => one.Name, static one => one.Value.ToString()),
            Is.EqualTo(new Dictionary<string, string>
            {
                ["backend"] = "cpu", ["precision"] = "fp32", ["available"] = "True", ["forced_error"] = "1E-05", ["tolerance"] = "0.0001", ["flips"] = "1",
                ["choices"] = "2000", ["passed"] = "True",
            }));
    }

    [Test]
    public void An_error_is_measured_against_the_largest_output()
    {
        using TemporaryFolder folder = new();
        string model = SharedFolder.Data("vit-tiny");
        double error = Error(model);
        // A power of two changes no digit of what follows.
        Assert.That(Error(Tool.Changed(folder, model, static value => 4096 * value, "heads.head.weight", "heads.head.bias")), Is.EqualTo(error));
        Assert.That(error, Is.Positive);

        static double Error(string model) => Tool.Json("verify", model, "--backend", "cpu").GetProperty("backends")[1].GetProperty("forced_error").GetDouble();
    }

    [Test]
    public void Routing_is_Reference_s_where_outputs_are_compared_and_free_where_choices_are()
    {
        using TemporaryFolder small = new(), equal = new();
        string package = Tool.WrongGates(small, equal);
        var (code, output, _) = Tool.Run("verify", package, "--backend", "cpu", "--json");
        JsonElement cpu = JsonDocument.Parse(output).RootElement.GetProperty("backends")[1];
        Assert.That(cpu.GetProperty("forced_error").GetDouble(), Is.Positive.And.LessThan(1e-4));
        Assert.That(cpu.GetProperty("flips").GetInt32(), Is.GreaterThan(cpu.GetProperty("choices").GetInt32() / 10));
        Assert.That(code, Is.EqualTo(1), "so many choices that differ are wrong gates");
    }

    [Test]
    public void Without_a_name_every_backend_is_compared_and_one_that_is_not_there_is_told_of_once()
    {
        JsonElement json = Tool.Json("verify", SharedFolder.Data("bert-tiny"));
        ILookup<string, JsonElement> rows = json.GetProperty("backends").EnumerateArray().ToLookup(static row => row.GetProperty("backend").GetString()!);
        Assert.That(rows.Select(static row => row.Key), Is.EqualTo(new[] { "reference", "cpu", "cuda", "simulator" }));
        foreach (var row in rows)
            Assert.That(row.Count(), Is.EqualTo(row.First().GetProperty("available").GetBoolean() && row.Key is "cuda" or "simulator" ? 4 : 1), row.Key);
    }

    [TestCase("--learners", "1")]
    [TestCase("--lambda", "2")]
    public void A_model_is_compared_at_any_width_and_budget(string option, string value)
    {
        JsonElement cpu = Tool.Json("verify", Tool.Model, "--backend", "cpu", option, value).GetProperty("backends")[1];
        Assert.That((cpu.GetProperty("passed").GetBoolean(), cpu.GetProperty("flips").GetInt32()), Is.EqualTo((true, 0)));
    }

    [Test]
    public void A_model_of_short_texts_is_given_texts_as_short()
    {
        using TemporaryFolder folder = new();
        string package = Edit(Tool.TextModel(folder), static config =>
        {
            config["max_position_embeddings"] = 6;
            config.AsObject().Remove("preprocessing");
        });
        const string positions = "embeddings.position_embeddings.weight";
        SafeTensorsWriter writer = new();
        using (SafeTensorsFile weights = SafeTensorsFile.Open(SharedFolder.Data("bert-tiny", "model.safetensors")))
        {
            foreach (string name in weights.Names.Where(static name => name != positions))
                writer.Add(weights.Get(name));
            float[] all = new float[weights.Get(positions).ElementCount];
            weights.Get(positions).CopyTo(all);
            int width = (int)weights.Get(positions).Shape[1];
            writer.Add(positions, [6, width], all[..(6 * width)]);
            writer.Save(Path.Combine(package, "model.safetensors"));
        }
        Assert.That(Tool.Json("verify", package, "--backend", "cpu").GetProperty("input").GetString(), Is.EqualTo("3 texts of random word pieces"));
    }

    [Test]
    public void A_model_of_grey_pictures_is_given_noise_though_pictures_lie_in_its_package()
    {
        using TemporaryFolder folder = new();
        int seed = Enumerable.Range(0, 100).First(seed =>
        {
            RandomPackage.Write(folder["grey"], seed, Architecture.Vit);
            return (int)JsonNode.Parse(File.ReadAllText(folder["grey", "config.json"]))!["num_channels"]! == 1;
        });
        Edit(folder["grey"], static config => config["preprocessing"] = new JsonObject
        {
            ["resize"] = (int)config["image_size"]!, ["resample"] = "bilinear", ["center_crop"] = (int)config["image_size"]!,
            ["mean"] = new JsonArray(0), ["std"] = new JsonArray(1),
        });
        folder.CopyAs(Tool.Pictures[0], "grey", "images", "one.png");
        Assert.That(Tool.Json("verify", folder["grey"], "--backend", "cpu").GetProperty("input").GetString(), Is.EqualTo("2 images of noise"), $"seed {seed}");
    }

    private static string Edit(string package, Action<JsonNode> edit)
    {
        string file = Path.Combine(package, "config.json");
        JsonNode config = JsonNode.Parse(File.ReadAllText(file))!;
        edit(config);
        File.WriteAllText(file, config.ToJsonString());
        return package;
    }
}
