using Acm.Runtime.Conversion.Torch;

namespace Acm.Runtime.Conversion.Published;

/// <summary>Finds the runs a checkpoint is based on: among given files, in the published code's own folders, or beside it.</summary>
/// <remarks>Owns the checkpoints it opens itself, until it is disposed.</remarks>
internal sealed class CheckpointChain : IDisposable
{
    private const string RunFile = "final.pth";

    private readonly Dictionary<Phase, Checkpoint> _runs = [];
    private readonly List<Checkpoint> _opened = [];

    private CheckpointChain()
    {
    }

    /// <summary>The run of a phase, or null where it was not found.</summary>
    public Checkpoint? this[Phase phase] => _runs.GetValueOrDefault(phase);

    /// <summary>Follows <c>base_on</c> from a checkpoint down to the dense model.</summary>
    /// <param name="last">The chain's last run.</param>
    /// <param name="given">Files to look in first.</param>
    /// <param name="denseNeeded">Whether a chain without its dense model is refused.</param>
    public static CheckpointChain Follow(Checkpoint last, IReadOnlyList<Checkpoint> given, bool denseNeeded)
    {
        var chain = new CheckpointChain();
        try
        {
            var run = last;
            for (var phase = Phases.Of(last.Args!); ; phase--)
            {
                chain._runs.Add(phase, run);
                if (phase == Phase.Dense)
                {
                    return chain;
                }
                var wanted = phase - 1;
                var found = chain.Find(run, wanted, given);
                if (found is null && wanted == Phase.Dense && !denseNeeded)
                {
                    return chain;
                }
                run = found ?? throw new ModelFormatException(
                    run.Path, "args.base_on", $"the run '{RunName(run)}' ({wanted.Describe()}) among the files given, as ../{RunName(run)}/{RunFile}, or beside this file", "none");
            }
        }
        catch
        {
            chain.Dispose();
            throw;
        }
    }

    private Checkpoint? Find(Checkpoint run, Phase wanted, IReadOnlyList<Checkpoint> given)
    {
        string name = RunName(run);
        string folder = Path.GetDirectoryName(Path.GetFullPath(run.Path))!;
        return Only(run, given.Where(other => other != run && Fits(other, run, wanted)))
            ?? AtItsPlace(run, wanted, Path.Combine(folder, "..", name, RunFile))
            ?? AtItsPlace(run, wanted, Path.Combine(folder, name, RunFile))
            ?? AtItsPlace(run, wanted, Path.Combine(folder, $"{name}.pth"))
            ?? Only(run, Neighbours(run, folder).Where(other => Fits(other, run, wanted)));
    }

    /// <summary>The name of the run another is based on: <c>runs/{name}/final.pth</c>.</summary>
    private static string RunName(Checkpoint run)
    {
        string name = $"{run.Args!.Text("base_on")}_{run.Args.Int("exp_id", 0, int.MaxValue)}";
        // The name becomes part of a path; it may not lead anywhere else.
        return name.Length <= 200 && name.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '-' or '.') && !name.Contains("..")
            ? name
            : throw run.Args.Wrong("base_on", "a run's name");
    }

    private Checkpoint? AtItsPlace(Checkpoint run, Phase wanted, string path)
    {
        if (!File.Exists(path))
        {
            return null;
        }
        var other = Open(path);
        return other.Args is not null && Phases.Of(other.Args) == wanted
            ? other
            : throw new ModelFormatException(path, "args.model_class", $"{wanted.Describe()}, which '{run.Path}' is based on", "another");
    }

    private static Checkpoint? Only(Checkpoint run, IEnumerable<Checkpoint> candidates)
    {
        Checkpoint[] found = [.. candidates];
        return found.Length <= 1
            ? found.FirstOrDefault()
            : throw new ModelFormatException(run.Path, "args.base_on", "one file that can be the run it names", string.Join(" and ", found.Select(other => $"'{other.Path}'")));
    }

    // Files that lie beside each other have lost their run's name; data set, class and number are what is left of it.
    private static bool Fits(Checkpoint other, Checkpoint run, Phase wanted)
    {
        if (other.Args is not { } args || args.TextOrNull("model_class") is not { } modelClass || Phases.Of(args) != wanted)
        {
            return false;
        }
        string? ownName = Path.GetFileName(other.Path) == RunFile ? Path.GetFileName(Path.GetDirectoryName(Path.GetFullPath(other.Path))) : null;
        return ownName == RunName(run)
            || (args.Int("exp_id", 0, int.MaxValue) == run.Args!.Int("exp_id", 0, int.MaxValue)
                && run.Args.Text("base_on").StartsWith($"{args.TextOrNull("dataset")}_{modelClass}_", StringComparison.Ordinal));
    }

    private List<Checkpoint> Neighbours(Checkpoint run, string folder)
    {
        var neighbours = new List<Checkpoint>();
        foreach (string path in Directory.EnumerateFiles(folder, "*.pth").Order(StringComparer.Ordinal))
        {
            if (Path.GetFullPath(path) == Path.GetFullPath(run.Path))
            {
                continue;
            }
            try
            {
                var other = Open(path);
                if (other.Args is { } args)
                {
                    _ = Phases.Of(args);
                    neighbours.Add(other);
                }
            }
            catch (ModelFormatException)
            {
                // Nobody named this file; what is wrong with it is no concern of the chain's.
            }
        }
        return neighbours;
    }

    private Checkpoint Open(string path)
    {
        var checkpoint = Checkpoint.Open(path);
        _opened.Add(checkpoint);
        return checkpoint;
    }

    /// <summary>Closes the files this chain opened.</summary>
    public void Dispose() => _opened.ForEach(checkpoint => checkpoint.Dispose());
}
