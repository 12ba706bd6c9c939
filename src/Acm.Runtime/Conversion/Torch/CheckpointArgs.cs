namespace Acm.Runtime.Conversion.Torch;

/// <summary>The arguments of a run: an omegaconf DictConfig, read by name.</summary>
internal sealed class CheckpointArgs
{
    private readonly PickleDict _content;

    private CheckpointArgs(string file, string path, PickleDict content)
    {
        File = file;
        Path = path;
        _content = content;
    }

    /// <summary>The checkpoint, for messages.</summary>
    public string File { get; }

    /// <summary>Where these arguments are in it, for messages.</summary>
    public string Path { get; }

    /// <summary>Takes a DictConfig apart.</summary>
    public static CheckpointArgs Read(string file, string path, object? value) =>
        value is PickleInstance { Type.Name: "DictConfig", State: { } state } && state.GetValueOrDefault("_content") is PickleDict content
            ? new CheckpointArgs(file, path, content)
            : throw new ModelFormatException(file, path, "an omegaconf DictConfig", "something else");

    /// <summary>Whether an argument is there and not None.</summary>
    public bool Has(string name) => Find(name) is not null;

    /// <summary>A whole number in a range.</summary>
    public int Int(string name, int least, int most) =>
        Find(name) is long value && value >= least && value <= most ? (int)value : throw Wrong(name, $"a whole number from {least} to {most}");

    /// <summary>A number, whole or not, in a range.</summary>
    public double Number(string name, double least, double most)
    {
        double? value = Find(name) switch
        {
            double real => real,
            long whole => whole,
            _ => null,
        };
        return value >= least && value <= most ? value.Value : throw Wrong(name, $"a number from {least} to {most}");
    }

    /// <summary>Text.</summary>
    public string Text(string name) => Find(name) as string ?? throw Wrong(name, "text");

    /// <summary>Text, or null where the argument is absent or None.</summary>
    public string? TextOrNull(string name) => Has(name) ? Text(name) : null;

    /// <summary>True or False; False where the argument is absent or None.</summary>
    public bool Flag(string name) => Find(name) switch
    {
        null => false,
        bool value => value,
        _ => throw Wrong(name, "True or False"),
    };

    /// <summary>Arguments within arguments, or null where there are none.</summary>
    public CheckpointArgs? ObjectOrNull(string name) => Has(name) ? Read(File, $"{Path}.{name}", _content[name]) : null;

    /// <summary>Whether the argument is a whole number.</summary>
    public bool IsInt(string name) => Find(name) is long;

    /// <summary>A complaint about an argument.</summary>
    public ModelFormatException Wrong(string name, string expected) => new(File, $"{Path}.{name}", expected, Find(name) switch
    {
        null => "nothing",
        PickleInstance => "something else",
        var value => $"{value}",
    });

    // A leaf is an AnyNode around its value; a DictConfig stands for itself, one without content for None.
    private object? Find(string name) => _content.GetValueOrDefault(name) switch
    {
        PickleInstance { Type.Name: "AnyNode", State: { } state } => state.GetValueOrDefault("_val"),
        PickleInstance { Type.Name: "DictConfig", State: { } state } instance when state.GetValueOrDefault("_content") is not null => instance,
        _ => null,
    };
}
