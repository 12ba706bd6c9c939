using System.Runtime.InteropServices;
using Acm.Bench.Counts;
using Acm.Runtime;
using Acm.Runtime.Backends;
using Acm.Runtime.Backends.Cuda;
using Acm.Simulator;

namespace Acm.Bench.Parity;

/// <summary>The checks of one case in one precision. Every result and the device's memory are full of poison before a run.</summary>
internal sealed class ParityChecks(ParityCase @case, AcmModel model, Dictionary<string, ReadOnlyMemory<int>> routing, Precision precision, ElementType element)
{
    public const int Seeds = 8;

    private readonly float[] _pixels = @case.Pixels();
    private readonly int _tokens = model.Plan.Tokens.RowsOf(1), _each = model.Plan.InputWidth;
    private States? _first;

    /// <summary>Errors of the first image with forced routing, next to a straightforward computation's.</summary>
    public (bool Passed, string Text, double[] Ours, double[] Plain) Forced(Oracle want)
    {
        States got = First;
        Dictionary<string, ReadOnlyMemory<int>> forced = Slice(0, 1);
        (float[] logits, List<float[]> states) = new PlainForward(model.Plan, element, site => forced[site.Path]).Run(_pixels[.._each]);
        double[] ours = [.. want.Hidden.Select((exact, i) => Error(got.Hidden[i], exact)), Error(got.Output, want.Output)];
        double[] plain = [.. want.Hidden.Select((exact, i) => Error(states[i], exact)), Error(logits, want.Output)];
        bool passed = ours.Zip(plain).All(static pair => pair.First <= 2 * pair.Second) && (element != ElementType.Float32 || ours.All(static error => error <= 1e-4));
        return (passed, "", ours, plain);
    }

    /// <summary>A batch of eight: rows have the bits they have alone, on a session whose tiles are chosen for one image.</summary>
    public (bool Passed, string Text) Batch()
    {
        using CountedModel device = Device(ParityCase.Images);
        States all = Run(device, 0, ParityCase.Images);
        int same = @case.Alone.Count(i => (i == 0 ? First : Alone(i)).Same(all.Row(i, ParityCase.Images)));
        return (same == @case.Alone.Length, $"{same} of {@case.Alone.Length} rows");
    }

    /// <summary>Blocks and warps in eight other orders: the same bits.</summary>
    public (bool Passed, string Text) Orders(int seeds)
    {
        int same = Enumerable.Range(1, seeds).Count(seed =>
        {
            using CountedModel device = Device(1, new SimulatorOptions { Seed = seed });
            return First.Same(Run(device, 0, 1));
        });
        return (same == seeds, $"{same} of {seeds} seeds");
    }

    /// <summary>Under checked execution: nothing reported (a report is an exception), the same bits.</summary>
    public (bool Passed, string Text) Checked()
    {
        try
        {
            using CountedModel device = Device(1, new SimulatorOptions { Mode = ExecutionMode.Checked });
            return First.Same(Run(device, 0, 1)) ? (true, "nothing") : (false, "other bits");
        }
        catch (Exception e)
        {
            return (false, e.Message.ReplaceLineEndings(" "));
        }
    }

    /// <summary>
    /// Free gates, by a captured graph: a choice differs from Reference's only where the winning logit leads by less than the margin, or in the layers
    /// after one of its own image.
    /// </summary>
    public (bool Passed, string Text) Free(Oracle want, int images)
    {
        using CountedModel device = Device(images);
        InferenceResult result = device.CreateResult();
        device.Run(ModelInput.Pixels(_pixels.AsSpan(0, images * _each)), result, new RunOptions { Lambda = @case.Lambda });
        int near = 0, far = 0, after = 0;
        double widest = 0;
        for (int image = 0; image < images; image++)
            for (int s = 0, before = 0; s < model.Sites.Count; s++)
            {
                int here = 0;
                for (int t = image * _tokens; t < (image + 1) * _tokens; t++)
                {
                    if (result.K(s)[t] == want.K[s][t])
                        continue;
                    here++;
                    if (before > 0)
                    {
                        after++;
                        continue;
                    }
                    double lead = want.Lead[s][t] / want.Spread[s];
                    widest = Math.Max(widest, lead);
                    (near, far) = lead < Margin ? (near + 1, far) : (near, far + 1);
                }
                before += here;
            }
        return (far == 0, FormattableString.Invariant($"{near} of {model.Sites.Count * images * _tokens}, widest lead {widest:0.0e-0} (margin {Margin:0e-0}), {after} in later ACMs, {far} outside"));
    }

    /// <summary>Of the spread of a gate's logits: twenty roundings to the precision; of fp32, whose roundings add up over a row, 1e-5.</summary>
    private double Margin => element switch
    {
        ElementType.Float32 => 1e-5,
        ElementType.BFloat16 => 20.0 / 256,
        _ => 20.0 / 2048,
    };

    private States First => _first ??= Alone(0);

    private States Alone(int image)
    {
        using CountedModel device = Device(1);
        return Run(device, image, 1);
    }

    private CountedModel Device(int batch, SimulatorOptions? options = null) => new(model, options ?? new SimulatorOptions(), precision, batch);

    private States Run(CountedModel device, int image, int images)
    {
        InferenceResult result = device.CreateResult(hidden: true);
        result.Prepare(Enumerable.Repeat(1, images).ToArray());
        result.OutputSpace.Fill(float.NaN);
        result.HiddenSpace.Fill(float.NaN);
        device.Run(ModelInput.Pixels(_pixels.AsSpan(image * _each, images * _each)), result, new RunOptions { Lambda = @case.Lambda, ForcedK = Slice(image, images) });
        return new States(result.Output.ToArray(), [.. Enumerable.Range(0, result.HiddenCount).Select(i => result.Hidden(i).ToArray())]);
    }

    private Dictionary<string, ReadOnlyMemory<int>> Slice(int image, int images) =>
        routing.ToDictionary(static pair => pair.Key, pair => pair.Value.Slice(image * _tokens, images * _tokens));

    private static double Error(float[] got, double[] want)
    {
        double off = 0, all = 0;
        for (int i = 0; i < want.Length; i++)
            (off, all) = (off + ((got[i] - want[i]) * (got[i] - want[i])), all + (want[i] * want[i]));
        return Math.Sqrt(off / all);
    }

    /// <summary>Logits, and the residual stream after each layer.</summary>
    private sealed record States(float[] Output, List<float[]> Hidden)
    {
        public States Row(int image, int images)
        {
            return new(Part(Output), [.. Hidden.Select(Part)]);

            float[] Part(float[] all) => all[(image * all.Length / images)..((image + 1) * all.Length / images)];
        }

        public bool Same(States other) => Same(Output, other.Output) && Hidden.Zip(other.Hidden).All(static pair => Same(pair.First, pair.Second));

        private static bool Same(float[] a, float[] b) => MemoryMarshal.AsBytes(a.AsSpan()).SequenceEqual(MemoryMarshal.AsBytes(b.AsSpan()));
    }
}
