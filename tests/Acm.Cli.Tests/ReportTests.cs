using System.Text.Json;
using Acm.Cli.Output;
using Acm.Runtime;
using NUnit.Framework;

namespace Acm.Cli.Tests;

/// <summary>Words and JSON for what a run took.</summary>
public class ReportTests
{
    [TestCase(999, "1 k")]
    [TestCase(54_321, "54 k")]
    [TestCase(1e6, "1 M")]
    [TestCase(417_400_000, "417 M")]
    [TestCase(1e9, "1.00 G")]
    [TestCase(17_564_000_000, "17.56 G")]
    public void Multiply_adds_have_a_unit(double macs, string said) => Assert.That(Report.Macs(macs), Is.EqualTo(said));

    private static IEnumerable<TestCaseData> Budgets()
    {
        yield return new(new AppliedBudget(null, 0, null, false, 1), "fixed width: 1 learner for every token");
        yield return new(new AppliedBudget(null, 0, null, false, 2), "fixed width: 2 learners for every token");
        yield return new(new AppliedBudget(0.3, 2.5, 0.3, false, null), "budget 0.3 (lambda 2.5)");
        yield return new(new AppliedBudget(0.05, 10, 0.167, true, null), "budget 0.05 is outside the calibrated range: its nearest end, 0.167, is used (lambda 10)");
        yield return new(new AppliedBudget(null, 2, 0.51, false, null), "lambda 2 (about 51 % of the learners on the calibration data)");
        yield return new(new AppliedBudget(null, -5, null, true, null), "lambda -5, outside the calibrated range: what share of the learners that is, was not measured");
        yield return new(new AppliedBudget(null, 1.5, null, false, null), "lambda 1.5");
    }

    [TestCaseSource(nameof(Budgets))]
    public void A_budget_is_told_as_it_was_applied(AppliedBudget budget, string said)
    {
        Assert.That(Report.Budget(budget), Is.EqualTo(said));
        using StringWriter output = new();
        Report.Json(output, json =>
        {
            json.WriteStartObject();
            Report.Budget(json, budget);
            json.WriteEndObject();
        });
        using JsonDocument document = JsonDocument.Parse(output.ToString());
        JsonElement told = document.RootElement.GetProperty("budget");
        Assert.That(Number("requested"), Is.EqualTo(budget.Requested));
        Assert.That(Number("lambda"), Is.EqualTo(budget.Lambda));
        Assert.That(Number("fraction"), Is.EqualTo(budget.Fraction));
        Assert.That(Number("fixed_learners"), Is.EqualTo((double?)budget.FixedLearners));
        Assert.That(told.GetProperty("clamped").GetBoolean(), Is.EqualTo(budget.Clamped));
        Assert.That(told.GetProperty("outside_calibration").GetBoolean(), Is.EqualTo(budget.OutsideCalibration));

        double? Number(string name) => told.GetProperty(name) is { ValueKind: JsonValueKind.Number } number ? number.GetDouble() : null;
    }
}
