using System.Runtime.InteropServices;
using Acm.Runtime;
using Acm.Runtime.Configuration;
using Architecture = Acm.Runtime.Architecture;

namespace Acm.Cli;

/// <summary>What <c>acm run</c> reads from its input file: one batch, unpadded, and the routing it forces.</summary>
internal sealed class TensorBatch
{
    private readonly float[] _values = [];
    private readonly int[] _ids = [], _types = [];
    private readonly int[] _lengths = [];
    private readonly int _padded = 1;
    private readonly Architecture _architecture;

    private TensorBatch(AcmModel model, SafeTensorsFile file)
    {
        _architecture = model.Architecture;
        switch (_architecture)
        {
            case Architecture.Vit:
                VitConfig vit = model.Config.Vit!;
                TensorView pixels = Need(file, "pixels", 4);
                if (pixels.Shape[1] != vit.Channels || pixels.Shape[2] != vit.ImageSize || pixels.Shape[3] != vit.ImageSize)
                    throw Wrong(file, pixels, $"[B, {vit.Channels}, {vit.ImageSize}, {vit.ImageSize}]");
                _values = Floats(file, pixels);
                _lengths = [.. Enumerable.Repeat(1, (int)pixels.Shape[0])];
                break;
            case Architecture.Bert:
                TensorView ids = Need(file, "input_ids", 2);
                _lengths = Lengths(file, ids);
                _padded = (int)ids.Shape[1];
                _ids = Unpad(file, ids, Ints(file, ids));
                if (file.TryGet("token_type_ids", out TensorView types))
                    _types = Unpad(file, types, Ints(file, types));
                break;
            default:
                TensorView samples = Need(file, "samples", 2);
                _lengths = Lengths(file, samples);
                _padded = (int)samples.Shape[1];
                _values = Unpad(file, samples, Floats(file, samples));
                break;
        }
        Forced = ReadForced(model, file);
    }

    /// <summary>Reads and checks an input file.</summary>
    /// <exception cref="BadInputException">It lacks what the model takes, or holds it in another shape.</exception>
    public static TensorBatch Read(AcmModel model, string path)
    {
        using SafeTensorsFile file = SafeTensorsFile.Open(path);
        return new TensorBatch(model, file);
    }

    public int Sequences => _lengths.Length;

    public int TotalLength => _lengths.Sum();

    public IReadOnlyDictionary<string, ReadOnlyMemory<int>>? Forced { get; }

    public ModelInput Input => _architecture switch
    {
        Architecture.Vit => ModelInput.Pixels(_values),
        Architecture.Bert => ModelInput.Text(_ids, _lengths, _types),
        _ => ModelInput.Samples(_values, _lengths),
    };

    /// <summary>Whether the output has a row per token: [B, T, width] rather than [B, width].</summary>
    public bool Rank3(AcmModel model) => model.Architecture == Architecture.Wav2Vec2;

    private Dictionary<string, ReadOnlyMemory<int>>? ReadForced(AcmModel model, SafeTensorsFile file)
    {
        Dictionary<string, ReadOnlyMemory<int>> forced = [];
        int[] tokens = [.. _lengths.Select(length => model.Plan.Tokens.RowsOf(length))];
        // As wide as this tool writes it, or as the input is padded.
        int longest = tokens.DefaultIfEmpty(0).Max(), all = model.Plan.Tokens.RowsOf(_padded);
        foreach (string name in file.Names.Where(name => name.StartsWith("k.", StringComparison.Ordinal)))
        {
            TensorView k = Need(file, name, 2);
            int width = (int)k.Shape[1];
            if (k.Shape[0] != _lengths.Length || (width != longest && width != all))
                throw Wrong(file, k, $"[{_lengths.Length}, {longest}]{(all == longest ? "" : $" or [{_lengths.Length}, {all}]")}");
            int[] padded = Ints(file, k);
            forced[name[2..]] = tokens.SelectMany((count, s) => padded.AsSpan(s * width, count).ToArray()).ToArray();
        }
        return forced.Count == 0 ? null : forced;
    }

    private static int[] Lengths(SafeTensorsFile file, TensorView of)
    {
        int batch = (int)of.Shape[0], width = (int)of.Shape[1];
        // Without data, a file of any size could have any number of them.
        if (width == 0 && batch > 0)
            throw Wrong(file, of, $"sequences of at least 1: [{batch}, 1] or longer");
        if (!file.TryGet("lengths", out TensorView stored))
            return [.. Enumerable.Repeat(width, batch)];
        if (stored.Shape.Length != 1 || stored.Shape[0] != batch)
            throw Wrong(file, stored, $"[{batch}]");
        int[] lengths = Ints(file, stored);
        int bad = Array.FindIndex(lengths, length => length < 0 || length > width);
        return bad < 0 ? lengths : throw new BadInputException($"{file.Path}: lengths[{bad}] is {lengths[bad]}, {of.Name} has room for {width}");
    }

    private T[] Unpad<T>(SafeTensorsFile file, TensorView of, T[] padded)
    {
        if (of.Shape.Length != 2 || of.Shape[0] != _lengths.Length || of.Shape[1] != _padded)
            throw Wrong(file, of, $"[{_lengths.Length}, {_padded}]");
        return [.. _lengths.SelectMany((length, s) => padded.AsSpan(s * _padded, length).ToArray())];
    }

    private static TensorView Need(SafeTensorsFile file, string name, int rank) =>
        !file.TryGet(name, out TensorView view) ? throw new BadInputException($"{file.Path}: the model takes a tensor '{name}', the file has {string.Join(", ", file.Names.Order().Take(6).DefaultIfEmpty("none"))}")
        : view.Shape.Length != rank ? throw Wrong(file, view, $"{rank} dimensions")
        : view.ElementCount > Array.MaxLength || view.Shape.ContainsAnyExceptInRange(0L, int.MaxValue) ? throw Wrong(file, view, $"at most {Array.MaxLength} numbers, no dimension above {int.MaxValue}")
        : view;

    private static float[] Floats(SafeTensorsFile file, TensorView view)
    {
        if (view.DType is not (TensorDType.F32 or TensorDType.F16 or TensorDType.BF16))
            throw Wrong(file, view, "F32");
        float[] values = new float[view.ElementCount];
        view.CopyTo(values);
        return values;
    }

    private static int[] Ints(SafeTensorsFile file, TensorView view) => view.DType switch
    {
        TensorDType.I32 => MemoryMarshal.Cast<byte, int>(view.Bytes).ToArray(),
        TensorDType.I64 => Array.ConvertAll(MemoryMarshal.Cast<byte, long>(view.Bytes).ToArray(), value => value == (int)value
            ? (int)value : throw new BadInputException($"{file.Path}: {view.Name} holds {value}; 32 bits are enough for what it stands for")),
        TensorDType.U8 => Array.ConvertAll(view.Bytes.ToArray(), static value => (int)value),
        _ => throw Wrong(file, view, "I32"),
    };

    private static BadInputException Wrong(SafeTensorsFile file, TensorView view, string expected) =>
        new($"{file.Path}: {view.Name} is {view.DType} [{string.Join(", ", view.Shape.ToArray())}], expected {expected}");
}
