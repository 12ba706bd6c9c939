using Acm.Runtime;

namespace Acm.Testing;

/// <summary>A random batch for any model, sequence by sequence, so that tests can take it apart.</summary>
internal sealed class RandomBatch
{
    private readonly Architecture _architecture;
    private readonly float[][] _values;
    private readonly int[][] _ids;

    public RandomBatch(AcmModel model, int seed, int sequences)
    {
        var random = new Random(seed);
        _architecture = model.Architecture;
        int shortest = Enumerable.Range(1, 1000).First(length => model.Plan.Tokens.RowsOf(length) >= 1);
        _values = new float[sequences][];
        _ids = new int[sequences][];
        for (int s = 0; s < sequences; s++)
        {
            int length = _architecture switch
            {
                Architecture.Vit => model.Plan.InputWidth,
                Architecture.Bert => random.Next(1, model.Config.Bert!.MaxPositions + 1),
                _ => random.Next(shortest, shortest + 200),
            };
            _values[s] = [.. Enumerable.Range(0, length).Select(_ => (float)(random.NextDouble() * 4 - 2))];
            _ids[s] = [.. Enumerable.Range(0, length).Select(_ => random.Next(model.Config.Bert?.VocabSize ?? 1))];
        }
    }

    public int Count => _values.Length;

    /// <summary>The numbers of one sequence, for a test to spoil; a text has none.</summary>
    public float[] Values(int sequence) => _values[sequence];

    /// <summary>Some of the sequences as one batch; none given: all.</summary>
    public ModelInputMemory Input(params int[] sequences)
    {
        int[] chosen = sequences.Length > 0 ? sequences : [.. Enumerable.Range(0, Count)];
        int[] lengths = [.. chosen.Select(s => _values[s].Length)];
        float[] values = [.. chosen.SelectMany(s => _values[s])];
        return _architecture switch
        {
            Architecture.Vit => ModelInputMemory.Pixels(values),
            Architecture.Bert => ModelInputMemory.Text(chosen.SelectMany(s => _ids[s]).ToArray(), lengths),
            _ => ModelInputMemory.Samples(values, lengths),
        };
    }
}
