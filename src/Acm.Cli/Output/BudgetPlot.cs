using Acm.Cli.Images;
using Acm.Runtime;
using ScottPlot;

namespace Acm.Cli.Output;

/// <summary>The budget curve of a model as its calibration measured it: quality and lambda over the share of the learners' cost.</summary>
internal static class BudgetPlot
{
    /// <exception cref="BadInputException">The model has no calibration.</exception>
    public static void Draw(AcmModel model, string path)
    {
        BudgetCurve budget = model.Budget ?? throw new BadInputException($"{model.Folder}: no budget in config.json, nothing to plot");
        Fonts.AddFontFile(DrawingFonts.Family, DrawingFonts.PathOf("DejaVuSans.ttf"));
        Fonts.AddFontFile(DrawingFonts.Family, DrawingFonts.PathOf("DejaVuSans-Bold.ttf"), bold: true);
        Plot plot = new();
        plot.Font.Set(DrawingFonts.Family);
        double[] fraction = [.. budget.Fraction.Select(static f => 100 * f)];
        // The metric the config names, or the first it measured under some name of its own.
        string? metric = budget.Metrics.Keys.FirstOrDefault(key => budget.Metric is null || budget.Metric.Contains(key, StringComparison.OrdinalIgnoreCase))
            ?? budget.Metrics.Keys.FirstOrDefault(static key => key != "macs");
        if (metric is not null)
        {
            var quality = plot.Add.Scatter(fraction, budget.Metrics[metric].ToArray());
            quality.LegendText = $"{budget.Metric ?? metric} (left)";
            (quality.LineWidth, quality.MarkerSize) = (2.5f, 8);
            plot.Axes.Left.Label.Text = budget.Metric ?? metric;
        }
        var lambda = plot.Add.Scatter(fraction, budget.Lambda.ToArray());
        lambda.LegendText = "lambda (right)";
        (lambda.LineWidth, lambda.MarkerSize, lambda.LinePattern) = (1.5f, 6, LinePattern.Dashed);
        lambda.Axes.YAxis = plot.Axes.Right;
        plot.Axes.Right.Label.Text = "lambda: what a learner costs in the gates' logits";
        plot.Axes.Bottom.Label.Text = "share of the learners' cost that is run, % (calibration data)";
        plot.Title($"{System.IO.Path.GetFileName(System.IO.Path.TrimEndingDirectorySeparator(model.Folder))}: what a budget buys");
        plot.ShowLegend(Alignment.MiddleRight);
        AtomicFile.Write(path, file => file.Write(plot.GetImageBytes(1000, 620, ImageFormat.Png)));
    }
}
