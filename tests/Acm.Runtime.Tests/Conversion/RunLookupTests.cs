using Acm.Runtime.Conversion;
using Acm.Runtime.Conversion.Torch;
using Acm.Testing;
using NUnit.Framework;

namespace Acm.Runtime.Tests.Conversion;

/// <summary>Where the runs of a chain are looked for, and what is refused there.</summary>
public class RunLookupTests
{
    private static readonly string[] Chain = ["base.pth", "acm.pth", "acm_deep_gumbel.pth"];

    private TemporaryFolder _folder = null!;
    private string _last = null!;

    [SetUp]
    public void MakeAFolder()
    {
        _folder = new TemporaryFolder();
        _last = PublishedChanges.Copy(_folder, "facm.pth", "mine", "facm.pth");
    }

    [TearDown]
    public void Clean() => _folder.Dispose();

    private ConversionReport Convert(params string[] more) => ModelConverter.Convert([_last, .. more], _folder["package"], new ConversionOptions());

    private ModelFormatException Refused() => Assert.Throws<ModelFormatException>(() => Convert())!;

    private string Beside(string file, string? name = null) => PublishedChanges.Copy(_folder, file, "mine", name ?? file);

    /// <summary>The name that the run after a file of the chain knows it by.</summary>
    private static string NameOf(string file)
    {
        string next = file switch { "base.pth" => "acm.pth", "acm.pth" => "acm_deep_gumbel.pth", _ => "facm.pth" };
        using Checkpoint checkpoint = Checkpoint.Open(SharedFolder.Data("published-chain", next));
        return $"{checkpoint.Args!.Text("base_on")}_{checkpoint.Args.Int("exp_id", 0, int.MaxValue)}";
    }

    [Test]
    public void Runs_may_lie_in_folders_beside_the_file_under_their_names()
    {
        foreach (string file in Chain)
            PublishedChanges.Copy(_folder, file, "mine", NameOf(file), "final.pth");
        Assert.That(Convert().Tensors, Is.EqualTo(57));
    }

    [Test]
    public void A_file_of_a_runs_name_goes_before_others_that_could_be_it()
    {
        foreach (string file in Chain)
        {
            Beside(file, $"{NameOf(file)}.pth");
            Beside(file, $"old-{file}");
        }
        Assert.That(Convert().Tensors, Is.EqualTo(57));
    }

    [Test]
    public void Of_two_files_that_could_be_a_run_none_is_chosen()
    {
        foreach (string file in Chain)
            Beside(file);
        string other = Beside("acm_deep_gumbel.pth", "other.pth");
        Assert.That(Refused().Message, Does.Contain("one file that can be the run it names").And.Contain("acm_deep_gumbel.pth' and").And.Contain("other.pth"));
        PublishedChanges.Set(other, "exp_id", PublishedChanges.Number(1), PublishedChanges.Number(2));
        Assert.That(Convert().Tensors, Is.EqualTo(57), "one of another number is none of it");
    }

    [Test]
    public void A_file_beside_the_chain_that_is_broken_or_bare_is_no_concern_of_it()
    {
        foreach (string file in Chain)
            Beside(file);
        File.WriteAllText(_folder["mine", "optimizer.pth"], "not a checkpoint");
        TorchFile.Write(_folder["mine", "bare.pth"], [("w", [1], [1])]);
        Assert.That(Convert().Tensors, Is.EqualTo(57));
    }

    [Test]
    public void A_file_of_a_runs_name_that_is_another_is_refused([Values] bool bare)
    {
        foreach (string file in Chain)
            Beside(file);
        string wrong = _folder["mine", $"{NameOf("acm_deep_gumbel.pth")}.pth"];
        if (bare)
            TorchFile.Write(wrong, [("w", [1], [1])]);
        else
            Beside("acm.pth", Path.GetFileName(wrong));
        ModelFormatException error = Refused();
        Assert.That((Path.GetFileName(error.File), error.Tensor), Is.EqualTo((Path.GetFileName(wrong), "args.model_class")));
        Assert.That(error.Expected, Does.StartWith("phase 2"));
    }

    [TestCase("../run")]
    [TestCase("a/b")]
    [TestCase("a\\b")]
    [TestCase("a..b")]
    [TestCase("a b")]
    public void A_name_that_leads_elsewhere_is_refused(string name)
    {
        PublishedChanges.Set(_last, "base_on", TorchFile.Text(NameOf("acm_deep_gumbel.pth")[..^"_1".Length]), TorchFile.Text(name));
        // There, and good: it is not for being missing that it must be refused.
        foreach (string file in Chain)
            Beside(file);
        PublishedChanges.Copy(_folder, "acm_deep_gumbel.pth", "mine", "..", $"{name}_1", "final.pth");
        ModelFormatException error = Refused();
        Assert.That((error.File, error.Tensor, error.Expected), Is.EqualTo((_last, "args.base_on", "a run's name")));
    }

    [Test]
    public void Of_several_files_none_may_be_a_bare_state_dict([Values] bool first)
    {
        string bare = _folder["bare.pth"];
        TorchFile.Write(bare, [("w", [1], [1])]);
        ModelFormatException error = Assert.Throws<ModelFormatException>(
            () => ModelConverter.Convert(first ? [bare, _last] : [_last, bare], _folder["package"], new ConversionOptions()))!;
        Assert.That((error.File, error.Tensor, error.Found), Is.EqualTo((bare, "args", "a bare state dict")));
    }

    [Test]
    public void Files_that_were_found_are_closed_again([Values] bool refused)
    {
        foreach (string file in refused ? Chain[1..] : Chain)
            Beside(file);
        if (refused)
            Refused();
        else
            Convert();
        foreach (string file in Directory.GetFiles(_folder["mine"]))
            using (File.Open(file, FileMode.Open, FileAccess.ReadWrite, FileShare.None))
            {
            }
    }
}
