using Acm.Runtime.Configuration;
using Acm.Runtime.Conversion.Torch;

namespace Acm.Runtime.Conversion.HuggingFace;

/// <summary>
/// The weights of a Hugging Face folder, open: one file, or shards with an index that says which tensor lies in which. safetensors before
/// PyTorch's own format, one file before shards, as Hugging Face looks for them.
/// </summary>
internal sealed class WeightFiles : IDisposable
{
    private readonly List<IDisposable> _open = [];

    private WeightFiles()
    {
    }

    /// <summary>All tensors, whichever file they lie in.</summary>
    public StateDict State { get; private set; } = null!;

    /// <summary>Opens what the folder has.</summary>
    /// <exception cref="ModelFormatException">There is nothing, or it is wrong.</exception>
    public static WeightFiles Open(string folder)
    {
        WeightFiles files = new();
        try
        {
            files.State = files.Find(folder);
            return files;
        }
        catch
        {
            files.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _open.ForEach(static file => file.Dispose());

    private StateDict Find(string folder)
    {
        foreach (string name in (ReadOnlySpan<string>)["model.safetensors", "pytorch_model.bin"])
        {
            string file = Path.Combine(folder, name), index = file + ".index.json";
            if (File.Exists(file))
                return OpenFile(file);
            if (File.Exists(index))
                return Shards(folder, index, Path.GetExtension(name));
        }
        throw new ModelFormatException(
            folder, null, "weights: model.safetensors, model.safetensors.index.json, pytorch_model.bin or pytorch_model.bin.index.json", "none of them");
    }

    private StateDict OpenFile(string file)
    {
        if (Path.GetExtension(file) == ".safetensors")
        {
            var safetensors = SafeTensorsFile.Open(file);
            _open.Add(safetensors);
            return StateDict.Of(safetensors);
        }
        var checkpoint = Checkpoint.Open(file);
        _open.Add(checkpoint);
        return checkpoint.State;
    }

    // The index and the shards must say the same: every tensor once, where the index has it.
    private StateDict Shards(string folder, string index, string extension)
    {
        ConfigNode map = ConfigNode.Read(index).Object("weight_map");
        Dictionary<string, StateDict> shards = new(StringComparer.Ordinal);
        Dictionary<string, TensorSource> tensors = new(StringComparer.Ordinal);
        foreach (string tensor in map.Keys)
        {
            string shard = map.Text(tensor);
            if (!IsPlainName(shard, extension))
                throw map.Wrong(tensor, $"the name of a {extension} file of the same folder", $"'{shard}'");
            if (!shards.TryGetValue(shard, out StateDict? state))
            {
                string file = Path.Combine(folder, shard);
                if (!File.Exists(file))
                    throw map.Wrong(tensor, $"a shard {shard}", "no such file");
                shards.Add(shard, state = OpenFile(file));
            }
            tensors.Add(tensor, state.Need(tensor));
        }
        foreach (var (shard, state) in shards)
            foreach (string tensor in state.Tensors.Keys)
                if (!map.Has(tensor))
                    throw new ModelFormatException(state.File, tensor, $"a tensor that {Path.GetFileName(index)} knows", "one that it does not name");
                else if (map.Text(tensor) != shard)
                    throw new ModelFormatException(state.File, tensor, "a tensor in one shard only", $"another of this name in {map.Text(tensor)}");
        return new StateDict(index, tensors);
    }

    // Both kinds of slash on every system: what an index may open must not depend on where it is read.
    private static bool IsPlainName(string name, string extension) =>
        name.EndsWith(extension, StringComparison.Ordinal) && name.Length > extension.Length && !name.StartsWith('.')
        && name.AsSpan().IndexOfAny(['/', '\\', ':', '\0']) < 0;
}
