using System.Text.Json;
using Acm.Runtime;

namespace Acm.Cli;

/// <summary>One backend compared with Reference.</summary>
/// <param name="Backend">Its name.</param>
/// <param name="Precision">Of its products.</param>
/// <param name="Error">Largest difference of the outputs over their largest magnitude, with Reference's routing forced.</param>
/// <param name="Tolerance">What that may be.</param>
/// <param name="Flips">Choices of k that differ when the gates are free.</param>
/// <param name="Choices">Choices made.</param>
/// <param name="Problem">Why it could not be compared, or null.</param>
internal sealed record Verification(string Backend, string Precision, double Error, double Tolerance, int Flips, int Choices, string? Problem)
{
    /// <summary>Passed, or not at hand: what cannot run here and was not asked for by name is reported, not failed.</summary>
    public bool Passed => Problem is not null || (Error <= Tolerance && Flips <= Choices * MostFlips);

    // A free choice may flip where two learner counts are nearly as good; a wrong gate flips far more than this share of them.
    private double MostFlips => Precision == "fp32" ? 1e-3 : 0.05;

    public static IEnumerable<Verification> Run(AcmModel model, SampleInput sample, SessionOptions options, RunOptions run)
    {
        using InferenceSession reference = model.CreateSession(With(options, BackendKind.Reference, Runtime.Precision.Auto));
        InferenceResult expected = reference.CreateResult();
        reference.Run(sample.Input, expected, run);
        yield return new Verification("reference", "fp64", 0, 0, 0, expected.Tokens * model.Sites.Count, null);
        RunOptions forced = new()
        {
            Lambda = run.Budget is null && run.FixedLearners is null ? run.Lambda : null,
            Budget = run.Budget,
            FixedLearners = run.FixedLearners,
            ForcedK = run.FixedLearners is not null ? null : model.Sites.ToDictionary(
                static site => site.Path, site => (ReadOnlyMemory<int>)expected.K(site.Path).ToArray()),
        };
        BackendKind[] kinds = options.Backend == BackendKind.Auto
            ? [BackendKind.Cpu, BackendKind.Cuda, BackendKind.Simulator] : [options.Backend];
        foreach (BackendKind kind in kinds)
            foreach (Precision precision in Precisions(kind, options.Precision))
            {
                Verification row = Compare(model, sample, With(options, kind, precision), forced, run, expected, options.Backend != BackendKind.Auto);
                yield return row;
                if (row.Problem is not null)
                    break;
            }
    }

    private static Verification Compare(
        AcmModel model, SampleInput sample, SessionOptions options, RunOptions forced, RunOptions free, InferenceResult expected, bool required)
    {
        string name = options.Backend.ToString().ToLowerInvariant();
        (string precision, double tolerance) = options.Precision switch
        {
            Runtime.Precision.TF32 => ("tf32", 1e-2),
            Runtime.Precision.Float16 => ("fp16", 1e-2),
            Runtime.Precision.BFloat16 => ("bf16", 6e-2),
            _ => ("fp32", 1e-4),
        };
        try
        {
            using InferenceSession session = model.CreateSession(options);
            InferenceResult result = session.CreateResult();
            session.Run(sample.Input, result, forced);
            double error = 0, scale = 0;
            for (int i = 0; i < result.Output.Length; i++)
            {
                double difference = Math.Abs(result.Output[i] - expected.ExactOutput[i]);
                error = double.IsNaN(difference) ? double.PositiveInfinity : Math.Max(error, difference);
                scale = Math.Max(scale, Math.Abs(expected.ExactOutput[i]));
            }
            session.Run(sample.Input, result, free);
            int flips = 0, choices = 0;
            foreach (SiteInfo site in model.Sites)
                for (int token = 0; token < result.Tokens; token++, choices++)
                    flips += result.K(site.Path)[token] == expected.K(site.Path)[token] ? 0 : 1;
            return new Verification(name, precision, scale == 0 ? error : error / scale, tolerance, flips, choices, null);
        }
        catch (BackendUnavailableException e) when (!required)
        {
            return new Verification(name, precision, 0, tolerance, 0, 0, e.Message);
        }
    }

    private static Precision[] Precisions(BackendKind kind, Precision asked) =>
        asked != Runtime.Precision.Auto || kind is BackendKind.Cpu or BackendKind.Reference ? [asked]
        : [Runtime.Precision.Float32, Runtime.Precision.TF32, Runtime.Precision.Float16, Runtime.Precision.BFloat16];

    private static SessionOptions With(SessionOptions options, BackendKind backend, Precision precision) => new()
    {
        Backend = backend, Precision = precision, MaxBatch = options.MaxBatch, MaxLength = options.MaxLength, Threads = options.Threads,
    };

    public string Line() => Problem is not null
        ? $"{Backend,-20} not at hand: {Problem}"
        : FormattableString.Invariant($"{Backend,-10} {Precision,-9} {Error,14:0.0e-0} {Tolerance,10:0e-0} {$"{Flips} of {Choices}",16}  {(Passed ? "passed" : "FAILED")}");

    public void Write(Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteString("backend", Backend);
        json.WriteString("precision", Precision);
        json.WriteBoolean("available", Problem is null);
        if (Problem is not null)
            json.WriteString("reason", Problem);
        else
        {
            json.WriteNumber("forced_error", double.IsFinite(Error) ? Error : 1e300);
            json.WriteNumber("tolerance", Tolerance);
            json.WriteNumber("flips", Flips);
            json.WriteNumber("choices", Choices);
        }
        json.WriteBoolean("passed", Passed);
        json.WriteEndObject();
    }
}
