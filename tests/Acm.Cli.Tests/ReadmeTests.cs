using System.Text.RegularExpressions;
using Acm.Testing;
using NUnit.Framework;

namespace Acm.Cli.Tests;

/// <summary>What the README shows is what there is.</summary>
public class ReadmeTests
{
    private static string Readme => File.ReadAllText(Path.Combine(SharedFolder.Repo, "README.md")).ReplaceLineEndings("\n");

    [Test]
    public void TheCodeIsPartOfASampleThatIsBuilt()
    {
        string code = Regex.Match(Readme, "```csharp\n(.*?)```", RegexOptions.Singleline).Groups[1].Value;
        string sample = File.ReadAllText(Path.Combine(SharedFolder.Repo, "samples", "ClassifyConsole", "Program.cs")).ReplaceLineEndings("\n");
        Assert.That(code, Is.Not.Empty);
        Assert.That(sample, Does.Contain(code));
        Assert.That(code.Trim().Split('\n'), Has.Length.LessThanOrEqualTo(10));
    }

    [Test]
    public void EveryCommandIsInTheTable()
    {
        string help = Tool.Succeed("--help");
        string[] commands = [.. help[help.IndexOf("Commands:", StringComparison.Ordinal)..].Split('\n').Skip(1)
            .Select(static line => line.Trim().Split(' ')[0]).Where(static name => name.Length > 0)];
        Assert.That(commands, Does.Contain("classify"));
        Assert.That(commands.Where(command => !Readme.Contains($"| `acm {command} ", StringComparison.Ordinal) && !Readme.Contains($"| `acm {command}`", StringComparison.Ordinal)), Is.Empty);
    }

    [Test]
    public void EveryFileItPointsToIsThere()
    {
        string[] links = [.. Regex.Matches(Readme, @"\]\((?!http)([^)]+)\)").Select(static match => match.Groups[1].Value)];
        Assert.That(links, Is.Not.Empty);
        Assert.That(links.Where(static link => !File.Exists(Path.Combine(SharedFolder.Repo, link))), Is.Empty);
    }
}
