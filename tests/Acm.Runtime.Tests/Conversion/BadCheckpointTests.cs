using System.Diagnostics;
using System.Text.RegularExpressions;
using Acm.Runtime.Conversion;
using Acm.Testing;
using NUnit.Framework;

namespace Acm.Runtime.Tests.Conversion;

/// <summary>Every file of published-checkpoint/bad gets the answer its README lists; the table there drives the test.</summary>
public class BadCheckpointTests
{
    private const string Golden = "golden/published-checkpoint";

    /// <summary>The table's rows: what the first column names, by what the second expects.</summary>
    public static IEnumerable<TestCaseData> Cases()
    {
        string readme = Path.Combine(SharedFolder.Root ?? "", Golden, "README.md");
        if (!File.Exists(readme))
        {
            yield return new TestCaseData("none", "").SetName("no shared folder");
            yield break;
        }
        string table = File.ReadAllText(readme).Split("## bad/", 2)[1];
        string bad = Path.Combine(Path.GetDirectoryName(readme)!, "bad");
        foreach (string[] columns in table.Split('\n').Where(line => line.StartsWith("| `", StringComparison.Ordinal)).Select(line => line.Split('|')))
        {
            foreach (string name in Regex.Matches(columns[1], "`([^`]+)`").Select(match => match.Groups[1].Value.TrimEnd('/')))
            {
                if (File.Exists(Path.Combine(bad, $"{name}.pth")) || Directory.Exists(Path.Combine(bad, name)))
                {
                    yield return new TestCaseData(name, columns[2].Trim()).SetArgDisplayNames(name);
                }
            }
        }
    }

    [TestCaseSource(nameof(Cases))]
    public void GetsItsAnswer(string name, string expected)
    {
        string bad = SharedFolder.Need(Golden, "bad");
        using var folder = new TemporaryFolder();
        string last;
        if (Directory.Exists(Path.Combine(bad, name)))
        {
            folder.Copy(Directory.GetFiles(Path.Combine(bad, name)));
            last = folder["facm.pth"];
        }
        else
        {
            folder.Copy(Directory.GetFiles(Path.Combine(bad, "control")));
            last = folder.CopyAs(Path.Combine(bad, $"{name}.pth"), "facm.pth");
        }
        var (answer, refusal) = Convert(folder, last);

        string[] legal = expected.StartsWith("refuse", StringComparison.Ordinal) ? ["refuse"]
            : expected.Contains("or refuse", StringComparison.Ordinal) ? ["accept", "refuse"]
            : ["accept"];
        Assert.That(answer, Is.AnyOf(legal), refusal?.Message);
        TestContext.Out.WriteLine(refusal?.Message ?? "converted");
        if (refusal is not null)
        {
            // In a broken chain the file to name is the one whose base is missing.
            Assert.That(refusal.File, name.StartsWith("chain-", StringComparison.Ordinal) ? Does.StartWith(folder.Path) : Is.EqualTo(last));
            Assert.That(refusal.Message, Does.Not.Contain("\n"));
            Assert.That(Directory.Exists(folder["package"]), Is.False);
            Assert.That(Directory.GetDirectories(folder.Path), Is.Empty, "a half-written package");
            foreach (Match word in Regex.Matches(expected, "say \"([^\"]+)\""))
            {
                Assert.That(refusal.Message, Does.Contain(word.Groups[1].Value));
            }
        }
    }

    [Test]
    public void EveryFileIsInTheTable()
    {
        string bad = SharedFolder.Need(Golden, "bad");
        var listed = Cases().Select(row => (string)row.Arguments[0]!).ToHashSet();
        var present = Directory.GetFileSystemEntries(bad).Select(path => Path.GetFileNameWithoutExtension(path)!).Where(name => name != "control");
        Assert.That(present.Where(name => !listed.Contains(name)), Is.Empty);
    }

    [Test]
    public void TheControlIsConverted()
    {
        using var folder = new TemporaryFolder();
        folder.Copy(Directory.GetFiles(SharedFolder.Need(Golden, "bad", "control")));
        var (answer, refusal) = Convert(folder, folder["facm.pth"]);
        Assert.That(answer, Is.EqualTo("accept"), refusal?.Message);
    }

    [Test]
    public void AChainThatLeadsToItselfEnds()
    {
        string file = SharedFolder.Need(Golden, "bad", "chain-to-itself.pth");
        using var folder = new TemporaryFolder();
        string last = folder.CopyAs(file, "runs", "cifar10_facm_AAAAAAAA_1", "final.pth");
        Assert.That(Convert(folder, last).Answer, Is.EqualTo("refuse"));
    }

    [TestCase("nan-weight")]
    [TestCase("inf-weight")]
    public void NonFiniteWeightsAreTheCallersChoice(string name)
    {
        using var folder = new TemporaryFolder();
        folder.Copy(Directory.GetFiles(SharedFolder.Need(Golden, "bad", "control")));
        string last = folder.CopyAs(SharedFolder.Need(Golden, "bad", $"{name}.pth"), "facm.pth");
        ModelConverter.Convert([last], folder["package"], new ConversionOptions { AllowNonFinite = true });
        using var package = SafeTensorsFile.Open(folder["package", "model.safetensors"]);
        Assert.That(package.Names.Count(tensor => !package.Get(tensor).AllFinite()), Is.EqualTo(1));
    }

    [TestCase("float64-weight", 0)]
    [TestCase("shared-storage", 0)]
    [TestCase("half-weight", 5e-4)]
    [TestCase("bfloat16-weight", 4e-3)]
    public void AnAcceptedFileHoldsTheControlsNumbers(string name, double relative)
    {
        using var folder = new TemporaryFolder();
        folder.Copy(Directory.GetFiles(SharedFolder.Need(Golden, "bad", "control")));
        Assert.That(Convert(folder, folder["facm.pth"]).Answer, Is.EqualTo("accept"));
        Directory.Move(folder["package"], folder["control"]);
        Assert.That(Convert(folder, folder.CopyAs(SharedFolder.Need(Golden, "bad", $"{name}.pth"), "facm.pth")).Answer, Is.EqualTo("accept"));
        using var control = SafeTensorsFile.Open(folder["control", "model.safetensors"]);
        using var package = SafeTensorsFile.Open(folder["package", "model.safetensors"]);
        Assert.That(package.Names, Is.EquivalentTo(control.Names));
        foreach (string tensor in control.Names)
        {
            float[] expected = Values(control.Get(tensor));
            float[] found = Values(package.Get(tensor));
            for (int i = 0; i < expected.Length; i++)
            {
                Assert.That(found[i], Is.EqualTo(expected[i]).Within(relative * Math.Abs(expected[i])), $"{tensor}[{i}]");
            }
        }
    }

    [Test]
    public void StridesAreUndone()
    {
        using var folder = new TemporaryFolder();
        folder.Copy(Directory.GetFiles(SharedFolder.Need(Golden, "bad", "control")));
        Convert(folder, folder["facm.pth"]);
        Directory.Move(folder["package"], folder["control"]);
        Convert(folder, folder.CopyAs(SharedFolder.Need(Golden, "bad", "transposed-tensor.pth"), "facm.pth"));
        using var control = SafeTensorsFile.Open(folder["control", "model.safetensors"]);
        using var package = SafeTensorsFile.Open(folder["package", "model.safetensors"]);
        var view = package.Get("encoder.layers.encoder_layer_0.mlp.w1");
        float[] storage = Values(control.Get(view.Name)), found = Values(view);
        int rows = (int)view.Shape[0], columns = (int)view.Shape[1];
        for (int i = 0; i < rows; i++)
        {
            for (int j = 0; j < columns; j++)
            {
                Assert.That(found[i * columns + j], Is.EqualTo(storage[i + rows * j]));
            }
        }
    }

    private static float[] Values(TensorView view)
    {
        float[] values = new float[view.ElementCount];
        view.CopyTo(values);
        return values;
    }

    private static (string Answer, ModelFormatException? Refusal) Convert(TemporaryFolder folder, string last)
    {
        long before = GC.GetAllocatedBytesForCurrentThread();
        var watch = Stopwatch.StartNew();
        ModelFormatException? refusal = null;
        try
        {
            ModelConverter.Convert([last], folder["package"], new ConversionOptions());
        }
        catch (ModelFormatException e)
        {
            refusal = e;
        }
        Assert.That(watch.Elapsed, Is.LessThan(TimeSpan.FromSeconds(5)));
        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.LessThan(64 << 20));
        return (refusal is null ? "accept" : "refuse", refusal);
    }
}
