using System.Text;
using System.Text.Json;
using Acm.Runtime;

namespace Acm.Cli.Output;

/// <summary>Wording and JSON that several commands share.</summary>
internal static class Report
{
    /// <summary>Writes indented JSON to a text writer.</summary>
    public static void Json(TextWriter output, Action<Utf8JsonWriter> write)
    {
        using MemoryStream bytes = new();
        using (Utf8JsonWriter writer = new(bytes, new JsonWriterOptions { Indented = true, Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
            write(writer);
        output.WriteLine(Encoding.UTF8.GetString(bytes.ToArray()));
    }

    /// <summary>Which backend runs, on what, and why.</summary>
    public static string Backend(InferenceSession session) => $"{session.BackendName} ({session.BackendDescription}): {session.BackendReason}";

    public static void Backend(Utf8JsonWriter json, InferenceSession session)
    {
        json.WriteStartObject("backend");
        json.WriteString("name", session.BackendName);
        json.WriteString("description", session.BackendDescription);
        json.WriteString("reason", session.BackendReason);
        json.WriteEndObject();
    }

    /// <summary>The budget as it was applied; says so where the request was out of range.</summary>
    public static string Budget(AppliedBudget budget) => budget switch
    {
        { FixedLearners: { } n } => $"fixed width: {n} {(n == 1 ? "learner" : "learners")} for every token",
        { Requested: { } asked, Clamped: true } => $"budget {asked:0.###} is outside the calibrated range: its nearest end, {budget.Fraction:0.###}, is used (lambda {budget.Lambda:0.###})",
        { Requested: { } asked } => $"budget {asked:0.###} (lambda {budget.Lambda:0.###})",
        { Fraction: { } fraction } => $"lambda {budget.Lambda:0.###} (about {fraction:P0} of the learners on the calibration data)",
        { OutsideCalibration: true } => $"lambda {budget.Lambda:0.###}, outside the calibrated range: what share of the learners that is, was not measured",
        _ => $"lambda {budget.Lambda:0.###}",
    };

    public static void Budget(Utf8JsonWriter json, AppliedBudget budget, string name = "budget")
    {
        json.WriteStartObject(name);
        Number(json, "requested", budget.Requested);
        json.WriteNumber("lambda", budget.Lambda);
        Number(json, "fraction", budget.Fraction);
        json.WriteBoolean("clamped", budget.Clamped);
        json.WriteBoolean("outside_calibration", budget.OutsideCalibration);
        if (budget.FixedLearners is { } n)
            json.WriteNumber("fixed_learners", n);
        else
            json.WriteNull("fixed_learners");
        json.WriteEndObject();
    }

    /// <summary>Null where there is none: JSON has no NaN and no infinity.</summary>
    public static void Number(Utf8JsonWriter json, string name, double? value)
    {
        if (value is { } number && double.IsFinite(number))
            json.WriteNumber(name, number);
        else
            json.WriteNull(name);
    }

    /// <summary>Likewise, as an array's element.</summary>
    public static void Number(Utf8JsonWriter json, float value)
    {
        if (float.IsFinite(value))
            json.WriteNumberValue(value);
        else
            json.WriteNullValue();
    }

    /// <summary>417 M, 17.6 G.</summary>
    public static string Macs(double macs) => macs switch
    {
        >= 1e9 => $"{macs / 1e9:0.00} G",
        >= 1e6 => $"{macs / 1e6:0} M",
        _ => $"{macs / 1e3:0} k",
    };
}
