using Acm.Runtime;
using Acm.Testing;

namespace Acm.Parity.Tests.Properties;

/// <summary>A random package loaded, with a random batch for it.</summary>
internal sealed class RandomModel : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public RandomModel(int seed, Architecture? architecture = null, string semantics = "paper", int sequences = 3, bool projectionsRun = false, bool wide = false)
    {
        RandomPackage.Write(_folder.Path, seed, architecture, semantics, projectionsRun, wide);
        Model = AcmModel.Load(_folder.Path);
        Batch = new RandomBatch(Model, seed, sequences);
    }

    public AcmModel Model { get; }

    public RandomBatch Batch { get; }

    public InferenceSession Session(BackendKind backend, int threads = 1) => Model.CreateSession(new SessionOptions { Backend = backend, Threads = threads });

    /// <summary>One run on a session of its own.</summary>
    public InferenceResult Run(BackendKind backend, ModelInputMemory input, RunOptions? options = null, int threads = 1)
    {
        using var session = Session(backend, threads);
        var result = session.CreateResult(hidden: true);
        session.Run(input.Input, result, options);
        return result;
    }

    /// <summary>Another run's k, to force.</summary>
    public IReadOnlyDictionary<string, ReadOnlyMemory<int>> ChoicesOf(InferenceResult result) =>
        Model.Sites.Select((site, s) => (site.Path, K: (ReadOnlyMemory<int>)result.K(s).ToArray())).ToDictionary(static pair => pair.Path, static pair => pair.K);

    public void Dispose()
    {
        Model.Dispose();
        _folder.Dispose();
    }
}

/// <summary>Equality of results to the bit.</summary>
internal static class Bits
{
    /// <summary>Output, k and hidden states of one run, sequence <paramref name="a"/>, are those of another's sequence <paramref name="b"/>.</summary>
    public static bool Same(InferenceResult first, int a, InferenceResult second, int b)
    {
        int tokens = first.TokensOf[a], rows = first.OutputRows[a];
        int tokenA = Before(first.TokensOf, a), tokenB = Before(second.TokensOf, b), rowA = Before(first.OutputRows, a), rowB = Before(second.OutputRows, b);
        if (tokens != second.TokensOf[b] || rows != second.OutputRows[b]
            || !Same(first.Output.Slice(rowA * first.OutputWidth, rows * first.OutputWidth), second.Output.Slice(rowB * first.OutputWidth, rows * first.OutputWidth)))
        {
            return false;
        }
        for (int site = 0; site < first.Plan.Sites.Count; site++)
        {
            if (!first.K(site).Slice(tokenA, tokens).SequenceEqual(second.K(site).Slice(tokenB, tokens)))
            {
                return false;
            }
        }
        for (int i = 0; i < first.HiddenCount; i++)
        {
            int width = first.Hidden(i).Length / first.Tokens;
            if (!Same(first.Hidden(i).Slice(tokenA * width, tokens * width), second.Hidden(i).Slice(tokenB * width, tokens * width)))
            {
                return false;
            }
        }
        return true;
    }

    /// <summary>Whole runs.</summary>
    public static bool Same(InferenceResult first, InferenceResult second) =>
        first.Batch == second.Batch && Enumerable.Range(0, first.Batch).All(s => Same(first, s, second, s));

    private static bool Same(ReadOnlySpan<float> a, ReadOnlySpan<float> b) =>
        System.Runtime.InteropServices.MemoryMarshal.AsBytes(a).SequenceEqual(System.Runtime.InteropServices.MemoryMarshal.AsBytes(b));

    private static int Before(ReadOnlySpan<int> counts, int index)
    {
        int sum = 0;
        for (int i = 0; i < index; i++)
        {
            sum += counts[i];
        }
        return sum;
    }
}
