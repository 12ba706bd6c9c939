using System.Text.Json;
using System.Text.Json.Nodes;
using Acm.Runtime.Configuration;
using Acm.Testing;
using NUnit.Framework;

namespace Acm.Runtime.Tests.Configuration;

/// <summary>config.json: what is there is read, what contradicts itself is refused by key.</summary>
public class ModelConfigTests
{
    private string _folder = "";

    [SetUp]
    public void MakeFolder() => _folder = Directory.CreateTempSubdirectory("acm-config").FullName;

    [TearDown]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    [Test]
    public void EveryPackageOfTheSharedFolderIsRead()
    {
        string root = SharedFolder.Need("models");
        var files = new[] { root, SharedFolder.Need("golden") }
            .SelectMany(folder => Directory.GetFiles(folder, "config.json", SearchOption.AllDirectories))
            .Where(file => JsonNode.Parse(File.ReadAllBytes(file))!["format_version"] is not null)
            .ToList();
        Assert.That(files, Is.Not.Empty);
        foreach (string file in files)
        {
            var json = JsonNode.Parse(File.ReadAllBytes(file))!;
            var config = ModelConfig.Load(Path.GetDirectoryName(file)!);
            Assert.That(config.HiddenSize, Is.EqualTo((int)json["hidden_size"]!), file);
            Assert.That(config.Layers, Is.EqualTo((int)json["num_hidden_layers"]!), file);
            Assert.That(config.Heads * config.HeadSize, Is.EqualTo(config.HiddenSize), file);
            Assert.That(config.Architecture.ToString().ToLowerInvariant(), Is.EqualTo((string)json["architecture"]!), file);
            Assert.That(config.Sites.Values.Select(site => site.Name), Is.EquivalentTo((json["acm"] as JsonObject)?.Select(site => site.Key) ?? []), file);
            foreach (var site in config.Sites.Values)
            {
                Assert.That(site.Learners, Is.EqualTo((int)json["acm"]![site.Name]!["learners"]!), file);
                Assert.That(site.LearnerSize, Is.EqualTo((int)json["acm"]![site.Name]!["learner_size"]!), file);
                Assert.That(site.MinK, Is.EqualTo((int)json["acm"]![site.Name]!["min_k"]!), file);
            }
            Assert.That(config.Budget is null, Is.EqualTo(json["budget"] is null), file);
        }
    }

    [Test]
    public void SitesMayNameTheirLayers()
    {
        Write(Vit(json => json["acm"] = new JsonObject { ["v_proj"] = Site("\"layers\": [1]") }));
        var config = ModelConfig.Load(_folder);
        Assert.That(config.SiteAt(AcmSiteKind.VProj, 0), Is.Null);
        Assert.That(config.SiteAt(AcmSiteKind.VProj, 1)!.GateOutputs, Is.EqualTo(4));
        Assert.That(config.SiteAt(AcmSiteKind.Mlp, 1), Is.Null);
    }

    [Test]
    public void AGateOfOneLayerNeedsNoHiddenUnitsAndNoActivation()
    {
        Write(Vit(json => json["acm"] = new JsonObject { ["mlp"] = Site("\"gate\": {\"layers\": 1}") }));
        Assert.That(ModelConfig.Load(_folder).SiteAt(AcmSiteKind.Mlp, 0)!.Gate.Layers, Is.EqualTo(1));
    }

    // Key that must be named, and a change of a valid configuration. The expectation is the format's, not this reader's.
    private static readonly (string Key, Action<JsonObject> Change)[] Contradictions =
    [
        ("format_version", json => json["format_version"] = 2),
        ("format_version", json => json["format_version"] = "1"),
        ("format_version", json => json.Remove("format_version")),
        ("architecture", json => json["architecture"] = "gpt"),
        ("architecture", json => json["architecture"] = 3),
        ("hidden_size", json => json["hidden_size"] = 0),
        ("hidden_size", json => json["hidden_size"] = -32),
        ("hidden_size", json => json["hidden_size"] = 32.5),
        ("hidden_size", json => json["hidden_size"] = 2_000_000_000),
        ("hidden_size", json => json["hidden_size"] = 1e300),
        ("hidden_size", json => json["hidden_size"] = null),
        ("num_hidden_layers", json => json["num_hidden_layers"] = 1_000_000),
        ("num_attention_heads", json => json["num_attention_heads"] = 3),
        ("num_attention_heads", json => json["num_attention_heads"] = 0),
        ("intermediate_size", json => json.Remove("intermediate_size")),
        ("layer_norm_eps", json => json["layer_norm_eps"] = -1e-6),
        ("layer_norm_eps", json => json["layer_norm_eps"] = 0),
        ("hidden_act", json => json["hidden_act"] = "swish"),
        ("image_size", json => json["image_size"] = 33),
        ("patch_size", json => json["patch_size"] = 64),
        ("patch_size", json => { json["image_size"] = 65536; json["patch_size"] = 1; }),
        ("num_labels", json => json["num_labels"] = new JsonArray(10)),
        ("acm", json => json["acm"] = "mlp"),
        ("acm.head", json => json["acm"] = new JsonObject { ["head"] = Site() }),
        ("acm.mlp.learners", json => json["acm"] = new JsonObject { ["mlp"] = Site("\"learners\": 17") }),
        ("acm.mlp.learners", json => json["acm"] = new JsonObject { ["mlp"] = Site("\"learners\": 0") }),
        ("acm.mlp.min_k", json => json["acm"] = new JsonObject { ["mlp"] = Site("\"min_k\": 5") }),
        ("acm.mlp.activation", json => json["acm"] = new JsonObject { ["mlp"] = Site("\"activation\": \"none\"") }),
        ("acm.mlp.gate", json => json["acm"] = new JsonObject { ["mlp"] = Site("\"gate\": 3") }),
        ("acm.mlp.gate.hidden_size", json => json["acm"] = new JsonObject { ["mlp"] = Site("\"gate\": {\"layers\": 2, \"activation\": \"relu\"}") }),
        ("acm.mlp.layers[0]", json => json["acm"] = new JsonObject { ["mlp"] = Site("\"layers\": [2]") }),
        ("acm.mlp.layers", json => json["acm"] = new JsonObject { ["mlp"] = Site("\"layers\": [1, 1]") }),
        ("acm_semantics", json => json["acm_semantics"] = "mine"),
        ("budget.fraction", json => json["budget"] = JsonNode.Parse("""{"lambda": [0, 1], "fraction": [0.5]}""")),
        ("budget.fraction[1]", json => json["budget"] = JsonNode.Parse("""{"lambda": [0, 1], "fraction": [0.5, 1.5]}""")),
        ("budget.fraction[1]", json => json["budget"] = JsonNode.Parse("""{"lambda": [0, 1], "fraction": [0.5, -0.1]}""")),
        ("budget.lambda", json => json["budget"] = JsonNode.Parse("""{"lambda": [], "fraction": []}""")),
        ("budget.lambda", json => json["budget"] = JsonNode.Parse("""{"lambda": [1, 1], "fraction": [0.5, 0.4]}""")),
        ("budget.wer", json => json["budget"] = JsonNode.Parse("""{"lambda": [0, 1], "fraction": [0.5, 0.4], "metric": "wer", "wer": [1]}""")),
        ("budget.accuracy", json => json["budget"] = JsonNode.Parse("""{"lambda": [0, 1], "fraction": [0.5, 0.4], "accuracy": [1]}""")),
        ("budget.wer[1]", json => json["budget"] = JsonNode.Parse("""{"lambda": [0, 1], "fraction": [0.5, 0.4], "wer": [1, -1.7e308]}""")),
        ("preprocessing.center_crop", json => json["preprocessing"] = Picture("\"center_crop\": 31")),
        ("preprocessing.resize", json => json["preprocessing"] = Picture("\"resize\": 16")),
        ("preprocessing.resample", json => json["preprocessing"] = Picture("\"resample\": \"nearest\"")),
        ("preprocessing.std[1]", json => json["preprocessing"] = Picture("\"std\": [1, 0, 1]")),
        ("preprocessing.mean", json => json["preprocessing"] = Picture("\"mean\": [0.5]")),
    ];

    [TestCaseSource(nameof(ContradictionCases))]
    public void AContradictionIsRefusedByKey(int index)
    {
        var (key, change) = Contradictions[index];
        Write(Vit());
        Assert.That(() => ModelConfig.Load(_folder), Throws.Nothing);
        Write(Vit(change));
        var e = Assert.Throws<ModelFormatException>(() => ModelConfig.Load(_folder))!;
        Assert.That(e.Tensor, Is.EqualTo(key), e.Message);
        Assert.That(e.Message, Does.Contain("config.json").And.Contain(key).And.Not.Contain("\n"));
    }

    private static IEnumerable<TestCaseData> ContradictionCases() =>
        Contradictions.Select((_, i) => new TestCaseData(i).SetArgDisplayNames($"{i} {Contradictions[i].Key}"));

    [TestCase("")]
    [TestCase("{")]
    [TestCase("[]")]
    [TestCase("null")]
    [TestCase("{\"format_version\": 1, \"format_version\": 1}")]
    [TestCase("{\"\\ud800\": 1}")]
    [TestCase("{\"format_version\": 1, \"architecture\": \"\\ud800\"}")]
    public void WhatIsNoConfigurationIsRefused(string text)
    {
        Write(text);
        Assert.Throws<ModelFormatException>(() => ModelConfig.Load(_folder));
    }

    [Test]
    public void BytesThatAreNoTextAreRefusedWhereverTheyStand([Values("vit", "32")] string within)
    {
        byte[] bytes = System.Text.Encoding.UTF8.GetBytes(Vit());
        bytes[System.Text.Encoding.UTF8.GetString(bytes).IndexOf(within, StringComparison.Ordinal)] = 0xFF;
        File.WriteAllBytes(Path.Combine(_folder, "config.json"), bytes);
        Assert.That(() => ModelConfig.Load(_folder), Throws.TypeOf<ModelFormatException>().With.Property("Found").EqualTo("invalid UTF-8"));
    }

    [Test]
    public void AnErrorIsTraceableToItsLine()
    {
        Write("{\n\"format_version\": 1,\n\"architecture\" \"vit\"\n}");
        Assert.That(() => ModelConfig.Load(_folder), Throws.TypeOf<ModelFormatException>().With.Property("Found").Contains("in line 3:"));
    }

    [Test]
    public void AFileTooLargeForAConfigurationIsNotRead()
    {
        const int most = 64 << 20;
        using (FileStream file = File.Create(Path.Combine(_folder, "config.json")))
            file.SetLength(most + 1);
        Assert.That(() => ModelConfig.Load(_folder), Throws.TypeOf<ModelFormatException>().With.Message.Match($"{most} .*{most + 1}"));
    }

    [Test]
    public void AMissingFileIsRefusedByName() =>
        Assert.That(() => ModelConfig.Load(_folder), Throws.TypeOf<ModelFormatException>().With.Property("File").EndsWith("config.json"));

    [Test]
    public void AFolderInItsPlaceIsCalledOne()
    {
        Directory.CreateDirectory(Path.Combine(_folder, "config.json"));
        Assert.That(() => ModelConfig.Load(_folder), Throws.TypeOf<ModelFormatException>().With.Property("Found").EqualTo("a folder"));
    }

    [Test]
    public void LabelsMustBeAsManyAsTheOutputs()
    {
        Write(Vit());
        File.WriteAllText(Path.Combine(_folder, "labels.txt"), string.Join("\r\n", Enumerable.Range(0, 10)) + "\r\n");
        Assert.That(ModelConfig.Load(_folder).Entries, Is.EqualTo(Enumerable.Range(0, 10).Select(i => $"{i}")));
        File.WriteAllText(Path.Combine(_folder, "labels.txt"), "a\nb\n");
        Assert.That(() => ModelConfig.Load(_folder), Throws.TypeOf<ModelFormatException>().With.Property("File").EndsWith("labels.txt"));
        File.WriteAllBytes(Path.Combine(_folder, "labels.txt"), [0xFF]);
        Assert.That(() => ModelConfig.Load(_folder), Throws.TypeOf<ModelFormatException>().With.Property("File").EndsWith("labels.txt"));
    }

    private void Write(string json) => File.WriteAllText(Path.Combine(_folder, "config.json"), json);

    private static string Vit(Action<JsonObject>? change = null)
    {
        var json = JsonNode.Parse(File.ReadAllBytes(SharedFolder.Data("vit-tiny", "config.json")))!.AsObject();
        change?.Invoke(json);
        return json.ToJsonString();
    }

    private static JsonNode Site(string change = "") => With(
        """{"learners": 4, "learner_size": 8, "min_k": 1, "activation": "gelu", "gate": {"layers": 3, "hidden_size": 16, "activation": "identity"}}""", change);

    private static JsonNode Picture(string change) => With(
        """{"resize": 32, "resample": "bilinear", "center_crop": 32, "mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]}""", change);

    private static JsonNode With(string json, string change)
    {
        var node = JsonNode.Parse(json)!.AsObject();
        foreach (var (key, value) in JsonNode.Parse($"{{{change}}}")!.AsObject().ToList())
        {
            node[key] = value?.DeepClone();
        }
        return node;
    }
}
