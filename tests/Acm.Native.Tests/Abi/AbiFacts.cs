using System.Text.Json;
using Acm.Testing;
using NUnit.Framework;

namespace Acm.Native.Tests.Abi;

/// <summary>One file of facts read off real headers: functions, structs, enums, typedefs.</summary>
internal sealed class AbiFacts(string name, JsonElement root)
{
    public JsonElement Functions => root.GetProperty("functions");

    public JsonElement Structs => root.GetProperty("structs");

    public JsonElement Enums => root.GetProperty("enums");

    public JsonElement Typedefs => root.GetProperty("typedefs");

    /// <summary>driver-13.0 as 13000.</summary>
    public int Version
    {
        get
        {
            string[] parts = name[(name.IndexOf('-') + 1)..].Split('.');
            return 1000 * int.Parse(parts[0]) + 10 * int.Parse(parts[1]);
        }
    }

    public bool IsDriver => name.StartsWith("driver", StringComparison.Ordinal);

    public override string ToString() => name;

    /// <summary>Every file there is; one null where there is none, so that the test can say what is missing.</summary>
    public static IEnumerable<AbiFacts?> All()
    {
        string? folder = SharedFolder.Root is null ? null : Path.Combine(SharedFolder.Root, "cuda", "abi");
        string[] files = Directory.Exists(folder) ? Directory.GetFiles(folder, "*.json") : [];
        if (files.Length == 0)
            yield return null;
        foreach (string file in files)
            yield return new(Path.GetFileNameWithoutExtension(file), JsonDocument.Parse(File.ReadAllText(file)).RootElement);
    }

    /// <summary>The facts, or a skipped test.</summary>
    public static AbiFacts Need(AbiFacts? facts)
    {
        if (facts is null)
        {
            SharedFolder.Need("cuda", "abi");
            Assert.Ignore("no facts in shared/cuda/abi");
        }
        return facts!;
    }
}
