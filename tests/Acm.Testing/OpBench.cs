using Acm.Runtime;
using Acm.Runtime.Backends;
using Acm.Runtime.Backends.Cpu;
using Acm.Runtime.Backends.Reference;
using Acm.Runtime.Plan;
using NUnit.Framework;
using Buffer = Acm.Runtime.Plan.Buffer;

namespace Acm.Testing;

/// <summary>
/// Runs a few ops by themselves on any backend: matrices come in as word embeddings (word[i] is row i, positions and types are
/// zero, so every value arrives exactly), one matrix goes out. What a backend fills is poisoned before every run.
/// </summary>
internal sealed class OpBench
{
    private readonly List<Op> _ops = [];
    private readonly int[] _lengths;

    /// <param name="lengths">Rows of each sequence of the inputs.</param>
    public OpBench(params int[] lengths)
    {
        _lengths = lengths;
        Rows = new RowSpace("rows", static length => length);
    }

    /// <summary>The backends that every op case runs on; each with its name.</summary>
    public static IReadOnlyList<(string Name, Func<ForwardPlan, IBackend> Make)> Backends { get; } =
    [
        ("reference", static plan => new ReferenceBackend(plan)),
        ("cpu", static plan => new CpuBackend(plan, 1, unfoldedGates: false)),
        ("cpu, 2 threads, gates unfolded", static plan => new CpuBackend(plan, 2, unfoldedGates: true)),
    ];

    /// <summary>Rows of the inputs.</summary>
    public RowSpace Rows { get; }

    /// <summary>An input matrix.</summary>
    public Buffer Input(string name, float[] values, int width)
    {
        int rows = values.Length / width;
        Assert.That(rows, Is.EqualTo(_lengths.Sum()), $"rows of {name}");
        var buffer = new Buffer(name, Rows, width);
        _ops.Add(new TokenEmbed(
            buffer, new ArrayWeight(name, values, rows, width),
            new ArrayWeight("positions", new double[rows * width], rows, width), new ArrayWeight("types", new double[width], 1, width)));
        return buffer;
    }

    public void Add(Op op) => _ops.Add(op);

    /// <summary>What a run gives: in double where the backend has it.</summary>
    public sealed record Outcome(double[] Output, int[] K);

    /// <summary>Runs the ops.</summary>
    /// <param name="make">The backend.</param>
    /// <param name="output">What goes out.</param>
    /// <param name="routing">For ACMs.</param>
    /// <param name="publishedCode">The off-by-one.</param>
    /// <param name="sites">The ACMs among the ops.</param>
    public Outcome Run(
        Func<ForwardPlan, IBackend> make, Buffer output, RoutingRule routing = default, bool publishedCode = false, params AcmSite[] sites)
    {
        var plan = new ForwardPlan(InputKind.WordPieces, 1, _ops, output, "output", sites, Rows, 0, publishedCode);
        int rows = _lengths.Sum(output.Rows.RowsOf), tokens = _lengths.Sum();
        float[] single = new float[rows * output.Width];
        double[] exact = new double[single.Length];
        int[] k = new int[sites.Length * tokens];
        using var backend = make(plan);
        using var forward = backend.CreateForward(_lengths.Length, tokens);
        // Twice, so that what the first run left in its buffers is seen if the second reads it.
        for (int round = 0; round < 2; round++)
        {
            single.AsSpan().Fill(float.NaN);
            exact.AsSpan().Fill(double.NaN);
            k.AsSpan().Fill(int.MinValue);
            forward.Run(new ForwardRun
            {
                Lengths = _lengths,
                Ids = Enumerable.Range(0, tokens).ToArray(),
                Routing = routing,
                Output = single,
                Choices = k,
                ExactOutput = backend is ReferenceBackend ? exact : default,
            });
        }
        return new Outcome(backend is ReferenceBackend ? exact : Array.ConvertAll(single, static value => (double)value), k);
    }
}
