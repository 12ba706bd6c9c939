using System.Text.Json.Nodes;
using Acm.Runtime.Conversion;
using Acm.Testing;
using NUnit.Framework;

namespace Acm.Runtime.Tests.Conversion;

/// <summary>Hugging Face folders whose weights are shards, or PyTorch's own files.</summary>
public class ShardedWeightsTests
{
    private TemporaryFolder _folder = null!;
    private string _whole = null!;

    // The text encoder every clone has, under Hugging Face's names, and what a folder of one file becomes.
    [SetUp]
    public void MakeAFolder()
    {
        _folder = new TemporaryFolder();
        string package = SharedFolder.Data("bert-tiny");
        Directory.CreateDirectory(_folder["source"]);
        var config = JsonNode.Parse(File.ReadAllBytes(Path.Combine(package, "config.json")))!.AsObject();
        config.Remove("format_version");
        config["model_type"] = "bert";
        File.WriteAllText(_folder["source", "config.json"], config.ToJsonString());
        _whole = Path.Combine(package, "model.safetensors");
    }

    [TearDown]
    public void Clean() => _folder.Dispose();

    private static string Shard(int i, string extension) => $"model-{i + 1:00000}-of-00003{extension}";

    private void WriteShards(string extension = ".safetensors", Action<JsonObject>? change = null, string? alsoIn0 = null)
    {
        using var file = SafeTensorsFile.Open(_whole);
        var map = new JsonObject();
        for (int shard = 0; shard < 3; shard++)
        {
            string[] names = [.. file.Names.Where((name, i) => i % 3 == shard || (shard == 0 && name == alsoIn0))];
            // A tensor that is in two is where the index has it last.
            foreach (string name in names)
                map[name] = Shard(shard, extension);
            string path = _folder["source", Shard(shard, extension)];
            if (extension == ".bin")
            {
                TorchFile.Write(path, [.. names.Select(name => (name, file.Get(name).Shape.ToArray(), Floats(file.Get(name))))]);
                continue;
            }
            SafeTensorsWriter writer = new();
            foreach (string name in names)
                writer.Add(file.Get(name));
            writer.Save(path);
        }
        change?.Invoke(map);
        string index = extension == ".bin" ? "pytorch_model.bin.index.json" : "model.safetensors.index.json";
        File.WriteAllText(_folder["source", index], new JsonObject { ["metadata"] = new JsonObject { ["total_size"] = 1 }, ["weight_map"] = map }.ToJsonString());
    }

    private static float[] Floats(TensorView tensor)
    {
        float[] values = new float[tensor.ElementCount];
        tensor.CopyTo(values);
        return values;
    }

    private Dictionary<string, float[]> Converted()
    {
        ModelConverter.Convert([_folder["source"]], _folder["package"], new ConversionOptions());
        using var package = SafeTensorsFile.Open(_folder["package", "model.safetensors"]);
        var tensors = package.Names.ToDictionary(static name => name, name => Floats(package.Get(name)));
        Directory.Delete(_folder["package"], recursive: true);
        return tensors;
    }

    [Test]
    public void Shards_and_PyTorch_files_become_the_package_that_one_safetensors_file_becomes([Values] bool torch, [Values] bool shards)
    {
        File.Copy(_whole, _folder["source", "model.safetensors"]);
        Dictionary<string, float[]> want = Converted();
        Assert.That(want, Has.Count.GreaterThan(10));
        File.Delete(_folder["source", "model.safetensors"]);
        if (shards)
            WriteShards(torch ? ".bin" : ".safetensors");
        else if (torch)
        {
            using var file = SafeTensorsFile.Open(_whole);
            TorchFile.Write(_folder["source", "pytorch_model.bin"], [.. file.Names.Select(name => (name, file.Get(name).Shape.ToArray(), Floats(file.Get(name))))]);
        }
        else
            File.Copy(_whole, _folder["source", "model.safetensors"]);
        Assert.That(Converted(), Is.EqualTo(want));
    }

    /// <summary>As Hugging Face looks for them; what comes later is not even opened.</summary>
    [Test]
    public void Safetensors_go_before_PyTorchs_own_format_and_one_file_before_shards()
    {
        File.Copy(_whole, _folder["source", "model.safetensors"]);
        File.WriteAllText(_folder["source", "model.safetensors.index.json"], "broken");
        File.WriteAllText(_folder["source", "pytorch_model.bin"], "broken");
        Assert.That(Converted(), Is.Not.Empty);
        File.Delete(_folder["source", "model.safetensors"]);
        WriteShards();
        Assert.That(Converted(), Is.Not.Empty);
    }

    [Test]
    public void Files_are_closed_again([Values] bool refused)
    {
        WriteShards(".bin", change: map => map[refused ? "ghost" : map.First().Key] = Shard(0, ".bin"));
        if (refused)
            Refused();
        else
            Assert.That(Converted(), Is.Not.Empty);
        foreach (string file in Directory.GetFiles(_folder["source"]))
            using (File.Open(file, FileMode.Open, FileAccess.ReadWrite, FileShare.None))
            {
            }
    }

    [TestCase("../model-00001-of-00003.safetensors")]
    [TestCase("..\\model-00001-of-00003.safetensors")]
    [TestCase("/etc/passwd")]
    [TestCase("/tmp/model-00001-of-00003.safetensors")]
    [TestCase("C:\\model-00001-of-00003.safetensors")]
    [TestCase("C:model-00001-of-00003.safetensors")]
    [TestCase("./model-00001-of-00003.safetensors")]
    [TestCase("sub/model-00001-of-00003.safetensors")]
    [TestCase("config.json")]
    [TestCase(".safetensors")]
    [TestCase("..safetensors")]
    [TestCase("")]
    [TestCase("model\0.safetensors")]
    public void An_index_opens_files_of_its_own_folder_only(string shard)
    {
        string victim = "";
        WriteShards(change: map => map[victim = map.First().Key] = shard);
        // There, and good: it is not for being missing that it must be refused.
        foreach (string outside in new[] { _folder["model-00001-of-00003.safetensors"], _folder["source", "sub", "model-00001-of-00003.safetensors"] })
        {
            Directory.CreateDirectory(Path.GetDirectoryName(outside)!);
            File.Copy(_folder["source", Shard(0, ".safetensors")], outside);
        }
        ModelFormatException refused = Refused();
        Assert.That(refused.Message, Does.Contain("model.safetensors.index.json").And.Contain(victim).And.Contain("of the same folder"));
    }

    [Test]
    public void A_missing_shard_is_named()
    {
        WriteShards();
        File.Delete(_folder["source", Shard(1, ".safetensors")]);
        Assert.That(Refused().Message, Does.Contain(Shard(1, ".safetensors")).And.Contain("no such file"));
    }

    [Test]
    public void A_tensor_in_two_shards_is_refused()
    {
        using var file = SafeTensorsFile.Open(_whole);
        string twice = file.Names.ElementAt(1);
        WriteShards(alsoIn0: twice);
        Assert.That(Refused().Message, Does.Contain(twice).And.Contain(Shard(0, ".safetensors")).And.Contain(Shard(1, ".safetensors")));
    }

    [Test]
    public void The_index_and_the_shards_must_agree()
    {
        WriteShards(change: static map => map["ghost"] = Shard(0, ".safetensors"));
        Assert.That(Refused().Message, Does.Contain("ghost").And.Contain(Shard(0, ".safetensors")));
        string forgotten = "";
        WriteShards(change: map => map.Remove(forgotten = map.First().Key));
        Assert.That(Refused().Message, Does.Contain(forgotten));
        WriteShards(change: map => map[forgotten] = Shard(2, ".safetensors"));
        Assert.That(Refused().Message, Does.Contain(forgotten));
    }

    [TestCase("")]
    [TestCase("[]")]
    [TestCase("{}")]
    [TestCase("""{"weight_map": []}""")]
    [TestCase("""{"weight_map": {}}""")]
    [TestCase("""{"weight_map": {"a": 1}}""")]
    [TestCase("""{"weight_map": {"a": null}}""")]
    [TestCase("""{"weight_map": {"a": "x.safetensors", "a": "y.safetensors"}}""")]
    public void A_broken_index_is_refused(string text)
    {
        File.WriteAllText(_folder["source", "model.safetensors.index.json"], text);
        Assert.That(Refused().Message, Does.Contain(_folder["source"]));
    }

    [Test]
    public void A_shard_cut_short_and_a_folder_without_weights_are_refused()
    {
        Assert.That(Refused().Message, Does.Contain("pytorch_model.bin"));
        WriteShards();
        string shard = _folder["source", Shard(2, ".safetensors")];
        File.WriteAllBytes(shard, File.ReadAllBytes(shard)[..^1]);
        Assert.That(Refused().Message, Does.Contain(Shard(2, ".safetensors")));
    }

    private ModelFormatException Refused()
    {
        var refused = Assert.Throws<ModelFormatException>(() => ModelConverter.Convert([_folder["source"]], _folder["package"], new ConversionOptions()))!;
        Assert.That(Directory.Exists(_folder["package"]), Is.False);
        return refused;
    }
}
