using Acm.Runtime;
using Acm.Testing;
using NUnit.Framework;

namespace Acm.Cli.Tests;

/// <summary>What cannot be used gets one line that says so, and the exit code that scripts rely on.</summary>
public class BadInputTests
{
    private string _folder = "";

    [SetUp]
    public void MakeFolder() => _folder = Directory.CreateTempSubdirectory("acm-bad").FullName;

    [TearDown]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    private static string Picture => Tool.Pictures[0];

    private string File(string name, params byte[] bytes)
    {
        string path = Path.Combine(_folder, name);
        System.IO.File.WriteAllBytes(path, bytes);
        return path;
    }

    [TestCase()]
    [TestCase("no-such-command")]
    [TestCase("classify")]
    [TestCase("classify", "MODEL")]
    [TestCase("classify", "MODEL", "PICTURE", "--no-such-option")]
    [TestCase("classify", "MODEL", "PICTURE", "--budget", "a lot")]
    [TestCase("classify", "MODEL", "PICTURE", "--budget", "0.3", "--lambda", "1")]
    [TestCase("classify", "MODEL", "PICTURE", "--budget", "1.5")]
    [TestCase("classify", "MODEL", "PICTURE", "--budget", "-0.1")]
    [TestCase("classify", "MODEL", "PICTURE", "--budget", "NaN")]
    [TestCase("classify", "MODEL", "PICTURE", "--lambda", "Infinity")]
    [TestCase("classify", "MODEL", "PICTURE", "--lambda", "-1e308")]
    [TestCase("classify", "MODEL", "PICTURE", "--learners", "5")]
    [TestCase("classify", "MODEL", "PICTURE", "--learners", "-1")]
    [TestCase("classify", "MODEL", "PICTURE", "--lambda", "1,5")]
    [TestCase("classify", "MODEL", "PICTURE", "--budget", "inf")]
    [TestCase("classify", "MODEL", "PICTURE", "--learners", "2.0")]
    [TestCase("classify", "MODEL", "PICTURE", "--threads", "2147483648")]
    [TestCase("classify", "MODEL", "PICTURE", "--map", "")]
    [TestCase("classify", "MODEL", "PICTURE", "")]
    [TestCase("info", "")]
    [TestCase("kernels", "list", "--output", "")]
    [TestCase("classify", "MODEL", "PICTURE", "--backend", "abacus")]
    [TestCase("classify", "MODEL", "PICTURE", "--precision", "int1")]
    [TestCase("classify", "MODEL", "PICTURE", "--threads", "-1")]
    [TestCase("bench", "MODEL", "--seconds", "0")]
    [TestCase("bench", "MODEL", "--seconds", "NaN")]
    [TestCase("bench", "MODEL", "--batch", "0")]
    [TestCase("bench", "MODEL", "--batch", "8", "--batch", "2000")]
    [TestCase("info", "MODEL", "--backend", "abacus")]
    [TestCase("info", "MODEL", "--precision", "int1")]
    [TestCase("info", "MODEL", "--threads", "-1")]
    [TestCase("run", "MODEL")]
    [TestCase("run", "MODEL", "--input", "PICTURE", "--output", "PICTURE.out")]
    public void WrongUseIsExitCode2(params string[] arguments) =>
        Tool.Refuse(2, [.. arguments.Select(text => text.Replace("MODEL", Tool.Model).Replace("PICTURE", Picture))]);

    [TestCase("--lambda", "1,5", "--lambda 1,5: not a number")]
    [TestCase("--learners", "two", "--learners two: not a whole number of 32 bits")]
    [TestCase("--budget", "", "--budget is empty")]
    [TestCase("--budget", "0.3 --learners=2", "give only one of --budget, --lambda and --learners")]
    [TestCase("--lambda", "1 --learners=2", "give only one of --budget, --lambda and --learners")]
    public void Values_that_are_none_are_named_with_their_option(string option, string value, string said) =>
        Assert.That(Tool.Refuse(2, ["classify", Tool.Model, Picture, option, .. value.Split(' ')]), Does.Contain(said));

    [Test]
    public void A_batch_that_is_no_number_is_named() =>
        Assert.That(Tool.Refuse(2, "bench", Tool.Model, "--batch", "8", "--batch", "x"), Does.Contain("--batch x: not a whole number of 32 bits"));

    [Test]
    public void A_budget_is_looked_at_before_the_plot_is_drawn()
    {
        string plot = Path.Combine(_folder, "plot.png");
        Tool.Refuse(2, "info", Tool.Model, "--budget", "7", "--plot", plot);
        Assert.That(System.IO.File.Exists(plot), Is.False);
    }

    [Test]
    public void A_command_that_is_none_is_named()
    {
        Assert.That(Tool.Refuse(2, "clasify", Tool.Model), Does.Contain("no command 'clasify'"));
        Assert.That(Tool.Refuse(2, "kernels", "biuld"), Does.Contain("no command 'biuld' (acm kernels --help"));
    }

    [Test]
    public void A_file_that_is_none_or_has_no_line_is_named()
    {
        using TemporaryFolder folder = new();
        string model = Tool.TextModel(folder);
        Assert.That(Tool.Refuse(2, "embed", model, "--file", File("none.txt")), Does.Contain("none.txt: no line in it"));
        Assert.That(Tool.Refuse(2, "embed", model, "one", "--file", File("some.txt", "one"u8.ToArray())), Does.Contain("texts or --file, not both"));
        Assert.That(Tool.Refuse(2, "run", model, "--input", _folder, "--output", "x"), Does.Contain($"{_folder}: ").And.Contain("a folder"));
    }

    [TestCase("--seconds", "3600.5", "at most 3600")]
    [TestCase("--batch", "1025", "1 to 1024")]
    public void What_a_bench_may_take_has_an_end(string option, string value, string said) =>
        Assert.That(Tool.Refuse(2, "bench", Path.Combine(_folder, "absent"), option, value), Does.Contain($"{option} {value}: ").And.Contain(said));

    [TestCase("--seconds", "3600")]
    [TestCase("--batch", "1024")]
    public void The_end_itself_is_taken(string option, string value) =>
        Assert.That(Tool.Refuse(2, "bench", Path.Combine(_folder, "absent"), option, value), Does.Contain("absent").And.Not.Contain(option));

    [Test]
    public void A_file_is_no_model_and_a_folder_no_picture()
    {
        Assert.That(Tool.Refuse(2, "classify", Tool.Model, _folder), Does.Contain($"{_folder}: a folder; name a file"));
        string config = Path.Combine(Tool.Model, "config.json");
        Assert.That(Tool.Refuse(2, "info", config), Does.Contain($"{config}: expected a package's folder, found a file"));
    }

    [Test]
    public void A_vocabulary_that_says_a_word_twice_is_named_with_both_lines()
    {
        foreach (string file in Directory.GetFiles(SharedFolder.Data("bert-tiny")))
            System.IO.File.Copy(file, Path.Combine(_folder, Path.GetFileName(file)));
        string path = Path.Combine(_folder, "vocab.txt");
        string[] lines = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "one", "two", "one"];
        System.IO.File.WriteAllLines(path, lines);
        Assert.That(Tool.Refuse(2, "embed", _folder, "one"), Does.Contain(path).And.Contain("'one' in lines 6 and 8"));
    }

    [TestCase("cpu", "bf16")]
    [TestCase("reference", "fp16")]
    public void ADeviceThatIsNotThereIsExitCode3(string backend, string precision)
    {
        string error = Tool.Refuse(3, "classify", Tool.Model, Picture, "--backend", backend, "--precision", precision);
        Assert.That(error, Does.Contain("CUDA"));
    }

    [Test]
    public void PicturesThatAreNoneAreNamedWithWhatWasFoundAndWhatIsSupported()
    {
        byte[] real = System.IO.File.ReadAllBytes(Picture);
        byte[] header = [.. real.Take(40)];
        Dictionary<string, string> wrong = new()
        {
            [File("text.png", "hello"u8.ToArray())] = "68656C6C",
            [File("empty.png")] = "empty",
            [File("cut.png", [.. real.Take(real.Length / 2)])] = "damaged",
            [File("header.png", header)] = "",
            [_folder] = "",
            [Path.Combine(_folder, "absent.png")] = "no such file",
            [Path.Combine(_folder, "absent", "absent.png")] = "no such file",
        };
        foreach (var (path, found) in wrong)
        {
            string error = Tool.Refuse(2, "classify", Tool.Model, Picture, path);
            Assert.That(error, Does.Contain(path).And.Contain(found), path);
            if (System.IO.File.Exists(path))
                Assert.That(error, Does.Contain("PNG"), path);
        }
    }

    [Test]
    public void ModelsThatAreNoneAreNamed()
    {
        string empty = Directory.CreateDirectory(Path.Combine(_folder, "empty")).FullName;
        string broken = Directory.CreateDirectory(Path.Combine(_folder, "broken")).FullName;
        System.IO.File.Copy(Path.Combine(Tool.Model, "config.json"), Path.Combine(broken, "config.json"));
        System.IO.File.WriteAllBytes(Path.Combine(broken, "model.safetensors"), [.. System.IO.File.ReadAllBytes(Path.Combine(Tool.Model, "model.safetensors")).Take(100_000)]);
        foreach (string model in (string[])[empty, broken, Path.Combine(_folder, "absent"), Picture])
            Assert.That(Tool.Refuse(2, "classify", model, Picture), Does.Contain(model));
        Assert.That(Tool.Refuse(2, "classify", SharedFolder.Data("bert-tiny"), Picture), Does.Contain("vision"));
    }

    [Test]
    public void AMapThatCannotBeWrittenIsExitCode2()
    {
        string blocked = File("file");
        Assert.That(Tool.Refuse(2, "classify", Tool.Model, Picture, "--map", Path.Combine(blocked, "map.png")), Does.Contain("file"));
    }

    [Test]
    public void TensorsOfTheWrongKindOrShapeAreNamed()
    {
        string output = Path.Combine(_folder, "out.safetensors");
        var inputs = new Dictionary<string, Action<SafeTensorsWriter>>
        {
            ["pixels"] = writer => writer.Add("images", [1, 3, 96, 96], new float[3 * 96 * 96]),
            ["96"] = writer => writer.Add("pixels", [1, 3, 32, 32], new float[3 * 32 * 32]),
            ["F32"] = writer => writer.Add("pixels", [1, 3, 96, 96], new int[3 * 96 * 96]),
            ["dimensions"] = writer => writer.Add("pixels", [3 * 96 * 96], new float[3 * 96 * 96]),
            ["0"] = writer => writer.Add("pixels", [0, 3, 96, 96], Array.Empty<float>()),
            ["k.nowhere"] = writer =>
            {
                writer.Add("pixels", [1, 3, 96, 96], new float[3 * 96 * 96]);
                writer.Add("k.nowhere", [1, 145], new int[145]);
            },
        };
        foreach (var (named, fill) in inputs)
        {
            SafeTensorsWriter writer = new();
            fill(writer);
            string input = Path.Combine(_folder, "in.safetensors");
            writer.Save(input);
            string error = Tool.Refuse(2, "run", Tool.Model, "--input", input, "--output", output);
            Assert.That(error, Does.Contain(named.Replace("k.", "")), named);
            Assert.That(System.IO.File.Exists(output), Is.False);
        }
    }

    [TestCase(1_000_000_000, 0, "at least 1")]
    [TestCase(int.MaxValue, 0, "at least 1")]
    [TestCase(1, 0, "at least 1")]
    [TestCase(1L << 31, 0, "no dimension above 2147483647")]
    [TestCase(1L << 32, 0, "no dimension above 2147483647")]
    [TestCase(0, 1L << 32, "no dimension above 2147483647")]
    [TestCase(0, 5, "The batch is empty")]
    public void SequencesOfNothingAreRefusedBeforeTheyAreCounted(long batch, long length, string expected)
    {
        SafeTensorsWriter writer = new();
        writer.Add("input_ids", [batch, length], Array.Empty<int>());
        string input = Path.Combine(_folder, "in.safetensors");
        writer.Save(input);
        long before = GC.GetAllocatedBytesForCurrentThread();
        string error = Tool.Refuse(2, "run", SharedFolder.Data("bert-tiny"), "--input", input, "--output", Path.Combine(_folder, "out.safetensors"));
        Assert.That(error, Does.Contain(expected));
        if (batch > 0)
            Assert.That(error, Does.Contain(input).And.Contain($"input_ids is I32 [{batch}, {length}]"));
        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.LessThan(64 << 20));
    }

    [Test]
    public void ATensorOfSequencesOfNothingIsNamedInSpeechToo()
    {
        SafeTensorsWriter writer = new();
        writer.Add("samples", [1_000_000_000, 0], Array.Empty<float>());
        string input = Path.Combine(_folder, "in.safetensors");
        writer.Save(input);
        string error = Tool.Refuse(2, "run", SharedFolder.Data("wav2vec2-tiny-layer-stable-bias"), "--input", input, "--output", Path.Combine(_folder, "out.safetensors"));
        Assert.That(error, Does.Contain("samples is F32 [1000000000, 0]").And.Contain("at least 1"));
    }

    // An output of which nothing is foreseen.
    private sealed class Broken(Exception e) : StringWriter
    {
        public override void WriteLine(string? value) => throw e;
    }

    [Test, NonParallelizable]
    public void What_is_nobodys_fault_but_acms_has_a_code_of_its_own_and_shows_where_on_request()
    {
        using StringWriter error = new();
        InvalidOperationException defect = new("two\nlines");
        Assert.That(AcmTool.Run(["info", Tool.Model], new Broken(defect), error), Is.EqualTo(70));
        Assert.That(error.ToString(), Is.EqualTo($"acm: a defect of acm's own, InvalidOperationException: two lines (ACM_TRACE=1 shows where){Environment.NewLine}"));
        try
        {
            Environment.SetEnvironmentVariable("ACM_TRACE", "1");
            Assert.That(() => AcmTool.Run(["info", Tool.Model], new Broken(defect), error), Throws.Exception.SameAs(defect));
            Assert.That(AcmTool.Run(["info", Path.Combine(_folder, "absent")], new Broken(defect), error), Is.EqualTo(2), "what the user can mend stays a line");
        }
        finally
        {
            Environment.SetEnvironmentVariable("ACM_TRACE", null);
        }
    }
}
