using System.Text.Json;
using System.Text.Json.Nodes;
using Acm.Testing;
using NUnit.Framework;

namespace Acm.Cli.Tests;

/// <summary><c>acm simulate</c>: a table, JSON, and exit codes.</summary>
[TestFixture]
public sealed class SimulateCommandTests
{
    private static readonly string s_cases = SharedFolder.Data("ptx");

    /// <summary>A case that fails: one bit of what it is to give is another.</summary>
    internal static void WrongCase(TemporaryFolder folder)
    {
        foreach (string extension in (string[])[".ptx", ".json"])
            File.Copy(Path.Combine(s_cases, "cu_brx_idx" + extension), Path.Combine(folder.Path, "cu_brx_idx" + extension));
        byte[] tensors = File.ReadAllBytes(Path.Combine(s_cases, "cu_brx_idx.safetensors"));
        int header = (int)BitConverter.ToInt64(tensors);
        using (JsonDocument json = JsonDocument.Parse(tensors.AsMemory(8, header)))
        {
            JsonProperty output = json.RootElement.EnumerateObject().First(p => p.Name.StartsWith("out.", StringComparison.Ordinal));
            tensors[8 + header + output.Value.GetProperty("data_offsets")[0].GetInt32()] ^= 1;
        }

        File.WriteAllBytes(Path.Combine(folder.Path, "cu_brx_idx.safetensors"), tensors);
    }

    [Test]
    public void Every_case_of_a_folder_is_in_the_table_and_in_the_json([Values("fast", "checked")] string mode)
    {
        using TemporaryFolder folder = new();
        string file = Path.Combine(folder.Path, "results.json");
        string table = Tool.Succeed("simulate", s_cases, "--json", file, "--mode", mode, "--seed", "3");
        string?[] names = [.. Directory.GetFiles(s_cases, "*.json", SearchOption.AllDirectories).Order(StringComparer.Ordinal).Select(Path.GetFileNameWithoutExtension)];
        using JsonDocument json = JsonDocument.Parse(File.ReadAllBytes(file));
        Assert.That(json.RootElement.EnumerateArray().Select(r => r.GetProperty("name").GetString()), Is.EqualTo(names));
        foreach (JsonElement result in json.RootElement.EnumerateArray())
        {
            Assert.That(table, Does.Contain(result.GetProperty("name").GetString()!));
            Assert.That(result.GetProperty("status").GetString(), Is.EqualTo("pass"), result.GetProperty("reason").GetString());
            Assert.That(result.GetProperty("milliseconds").GetDouble(), Is.Positive);
            Assert.That(result.GetProperty("counters").GetProperty("warp_instructions").GetInt64(), Is.Positive);
        }
    }

    [Test]
    public void One_case_to_standard_output()
    {
        using JsonDocument json = JsonDocument.Parse(Tool.Succeed("simulate", s_cases, "--case", "cu_brx_idx", "--json", "-"));
        Assert.That(json.RootElement.GetArrayLength(), Is.EqualTo(1));
    }

    [Test]
    public void A_wrong_result_fails_with_its_first_difference()
    {
        using TemporaryFolder folder = new();
        WrongCase(folder);
        (int code, string table, string _) = Tool.Run("simulate", folder.Path);
        Assert.That(code, Is.EqualTo(1));
        Assert.That(table, Does.Contain("FAIL").And.Contain("[0] = ").And.Contain("1 failed"));
    }

    [TestCase("vote.sync.ballot", "vote.sync.bellow", "unsupported", 0)]
    [TestCase("bar.sync \t0;", "", "fail", 1)]
    public void What_the_device_does_not_know_or_forbids_is_said_with_its_line(string instruction, string instead, string status, int exit)
    {
        using TemporaryFolder folder = new();
        string name = status == "fail" ? "cu_cp_async" : "cu_votes_match_redux", ptx = folder[name + ".ptx"];
        folder.Copy(Directory.GetFiles(s_cases, name + ".*"));
        File.WriteAllText(ptx, File.ReadAllText(ptx).Replace(instruction, instead));
        var (code, output, error) = Tool.Run("simulate", folder.Path, "--mode", "checked", "--json", folder["results.json"]);
        Assert.That((code, error), Is.EqualTo((exit, "")));
        Assert.That(output.TrimEnd(), Does.EndWith($"0 passed, {exit} failed, {1 - exit} unsupported"));
        using JsonDocument json = JsonDocument.Parse(File.ReadAllBytes(folder["results.json"]));
        Assert.That(json.RootElement[0].GetProperty("status").GetString(), Is.EqualTo(status));
        Assert.That(json.RootElement[0].GetProperty("reason").GetString(), Does.Contain("line"));
    }

    [Test]
    public void Bad_input_is_one_line()
    {
        Assert.That(Tool.Refuse(2, "simulate", "/no/such/folder"), Does.Contain("/no/such/folder"));
        Assert.That(Tool.Refuse(2, "simulate", s_cases, "--case", "none"), Does.Contain("'none'"));
        Assert.That(Tool.Refuse(2, "simulate", s_cases, "--mode", "quick"), Does.Contain("--mode: ").And.Contain("quick"));
        Assert.That(Tool.Refuse(2, "simulate", s_cases, "--threads", "-1"), Does.Contain("--threads -1: 0 or more"));
    }

    [TestCase("grid", "[]", "grid is [], expected 1 to 3 sizes")]
    [TestCase("block", "[]", "block is []")]
    [TestCase("block", "[1, 1, 1, 1]", "block is [1, 1, 1, 1]")]
    [TestCase("grid", "[1, 0]", "grid is [1, 0]")]
    [TestCase("grid", "[-1]", "grid is [-1]")]
    [TestCase("grid", "[2147483648]", "grid is [2147483648]")]
    [TestCase("shape", "[2147483647]", "the shape [2147483647]")]
    [TestCase("shape", "[4611686018427387904, 4]", "the shape [4611686018427387904, 4]")]
    [TestCase("shape", "[65536, 65536, 65536, 65536]", "the shape [65536, 65536, 65536, 65536]")]
    [TestCase("shape", "[-1]", "the shape [-1]")]
    [TestCase("shape", "[100000000]", "400000000 bytes, its tensor 'in.")]
    [TestCase("shape", "[1]", "4 bytes, its tensor 'in.")]
    [TestCase("dtype", "\"i33\"", "'i33'")]
    [TestCase("launches", "[]", "no launches")]
    public void A_case_of_impossible_sizes_is_named_before_memory_is_taken(string key, string value, string expected)
    {
        using TemporaryFolder folder = new();
        folder.Copy(Directory.GetFiles(s_cases, "cu_brx_idx.*"));
        string file = folder["cu_brx_idx.json"];
        JsonNode json = JsonNode.Parse(File.ReadAllText(file))!;
        (key is "shape" or "dtype" ? json["params"]!.AsArray().First(p => p!["input"] is not null)! : json)[key] = JsonNode.Parse(value);
        File.WriteAllText(file, json.ToJsonString());
        long before = GC.GetAllocatedBytesForCurrentThread();
        Assert.That(Tool.Refuse(2, "simulate", folder.Path), Does.Contain(file).And.Contain(expected));
        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.LessThan(64 << 20));
    }
}
