using System.Text.Json;
using Acm.Testing;
using NUnit.Framework;

namespace Acm.Runtime.Tests.Weights;

/// <summary>Every malformed file of the shared folder gets the answer listed beside it.</summary>
public class SafeTensorsBadFilesTests
{
    private const string Folder = "golden/safetensors-bad";

    public static IEnumerable<TestCaseData> Files()
    {
        string list = Path.Combine(SharedFolder.Root ?? "", Folder, "expected.json");
        if (!File.Exists(list))
        {
            yield return new TestCaseData(null, null, null).SetName("no shared folder");
            yield break;
        }
        using var json = JsonDocument.Parse(File.ReadAllBytes(list));
        foreach (var row in json.RootElement.EnumerateObject())
        {
            yield return new TestCaseData(row.Name, row.Value.GetProperty("expected").GetString(), row.Value.GetProperty("why").GetString())
                .SetName($"{{m}}({row.Name})");
        }
    }

    [TestCaseSource(nameof(Files))]
    public void GetsItsAnswer(string? name, string? expected, string? why)
    {
        string path = SharedFolder.Need($"{Folder}/{name}.safetensors");
        long before = GC.GetAllocatedBytesForCurrentThread();
        ModelFormatException? refusal = null;
        try
        {
            using var file = SafeTensorsFile.Open(path);
            foreach (string tensor in file.Names)
            {
                _ = file.Get(tensor).Bytes.ToArray();
            }
        }
        catch (ModelFormatException e)
        {
            refusal = e;
        }
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;

        Assert.That(expected, Is.AnyOf("accept", "refuse", "either"));
        if (expected != "either")
        {
            Assert.That(refusal is null ? "accept" : "refuse", Is.EqualTo(expected), $"{why}; answer: {refusal?.Message ?? "loaded"}");
        }
        if (refusal is not null)
        {
            Assert.That(refusal.File, Is.EqualTo(path));
            Assert.That(refusal.Message, Does.Contain(path).And.Not.Contain("\n"));
        }
        Assert.That(allocated, Is.LessThan(1_000_000 + 16 * new FileInfo(path).Length));
        TestContext.Out.WriteLine(refusal?.Message ?? "loaded");
    }

    [Test]
    public void EveryFileOfTheFolderIsInTheList()
    {
        string folder = SharedFolder.Need(Folder);
        using var json = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(folder, "expected.json")));
        var listed = json.RootElement.EnumerateObject().Select(row => row.Name);
        var present = Directory.GetFiles(folder, "*.safetensors").Select(Path.GetFileNameWithoutExtension);
        Assert.That(listed, Is.EquivalentTo(present));
    }
}
