using System.Text.Json;
using Acm.Testing;
using NUnit.Framework;

namespace Acm.Cli.Tests;

/// <summary><c>acm simulate</c>: a table, JSON, and exit codes.</summary>
[TestFixture]
public sealed class SimulateCommandTests
{
    private static readonly string s_cases = SharedFolder.Data("ptx");

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
        (int code, string table, string _) = Tool.Run("simulate", folder.Path);
        Assert.That(code, Is.EqualTo(1));
        Assert.That(table, Does.Contain("FAIL").And.Contain("[0] = ").And.Contain("1 failed"));
    }

    [Test]
    public void Bad_input_is_one_line()
    {
        Assert.That(Tool.Refuse(2, "simulate", "/no/such/folder"), Does.Contain("/no/such/folder"));
        Assert.That(Tool.Refuse(2, "simulate", s_cases, "--case", "none"), Does.Contain("'none'"));
        Assert.That(Tool.Refuse(2, "simulate", s_cases, "--mode", "quick"), Does.Contain("quick"));
    }
}
