namespace Acm.Runtime.Conversion.Torch;

/// <summary>A file of <c>torch.save</c>, open: either a bare state dict, or what the published code saves at the end of a run.</summary>
internal sealed class Checkpoint : IDisposable
{
    private readonly TorchArchive _archive;

    private Checkpoint(TorchArchive archive, StateDict state, CheckpointArgs? args)
    {
        _archive = archive;
        State = state;
        Args = args;
    }

    /// <summary>The file.</summary>
    public string Path => _archive.Path;

    /// <summary>Its tensors, each checked to lie within its storage.</summary>
    public StateDict State { get; }

    /// <summary>The run's arguments; null for a bare state dict.</summary>
    public CheckpointArgs? Args { get; }

    /// <summary>Opens a checkpoint.</summary>
    /// <exception cref="ModelFormatException">It is broken, hostile, or neither of the two kinds.</exception>
    public static Checkpoint Open(string path)
    {
        var archive = TorchArchive.Open(path);
        try
        {
            return Read(archive);
        }
        catch
        {
            archive.Dispose();
            throw;
        }
    }

    private static Checkpoint Read(TorchArchive archive)
    {
        var root = archive.ReadPickle() as PickleDict ?? throw Wrong(archive, null, "a dict", "something else");
        bool hasArgs = root.TryGetValue("args", out object? args);
        bool hasState = root.TryGetValue("model_state", out object? state);
        if (!hasArgs && !hasState)
        {
            return root.Count > 0 && root.Values.All(value => value is PickleTensor)
                ? new Checkpoint(archive, Tensors(archive, root), null)
                : throw Wrong(archive, null, "a dict of tensors, or one with 'args' and 'model_state'", "another dict");
        }
        return new Checkpoint(
            archive,
            Tensors(archive, state as PickleDict ?? throw Wrong(archive, "model_state", "a dict of tensors", hasState ? "something else" : "nothing")),
            CheckpointArgs.Read(archive.Path, "args", hasArgs ? args : throw Wrong(archive, "args", "the run's arguments", "nothing")));
    }

    private static StateDict Tensors(TorchArchive archive, PickleDict values)
    {
        var tensors = new Dictionary<string, TensorSource>(StringComparer.Ordinal);
        foreach (var (key, value) in values)
        {
            string name = key as string ?? throw Wrong(archive, "model_state", "tensors' names as keys", $"{key}");
            tensors.Add(name, TorchTensor.Create(archive, name, value));
        }
        return new StateDict(archive.Path, tensors);
    }

    private static ModelFormatException Wrong(TorchArchive archive, string? part, string expected, string found) => new(archive.Path, part, expected, found);

    /// <summary>Closes the file; its tensors cannot be read any more.</summary>
    public void Dispose() => _archive.Dispose();
}
