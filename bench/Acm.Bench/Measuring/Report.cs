using System.Globalization;
using System.Text;
using Acm.Runtime.Backends.Cpu;
using ScottPlot;

namespace Acm.Bench;

/// <summary>A page of docs/bench: what was run on which machine when, a table, a plot.</summary>
internal sealed class Report(string file, string title, string about, params string[] columns)
{
    private readonly bool _byThreads = columns.Contains("threads");
    private readonly List<string[]> _rows = [];

    /// <summary>Adds a line of the table, and shows it; on a page that compares numbers of threads, with how far the cores are from each other now.</summary>
    public void Add(params string[] cells)
    {
        if (_byThreads)
            cells = [.. cells, CoreDistance.Measure() is { } distance ? Number(distance, "0") : "-"];
        _rows.Add(cells);
        Console.WriteLine(string.Join("  ", cells));
    }

    /// <summary>Writes docs/bench/{file}.md.</summary>
    public void Save(string? plot = null)
    {
        var page = new StringBuilder();
        page.AppendLine($"# {title}").AppendLine().AppendLine(about).AppendLine();
        page.AppendLine($"{Machine()}, {Environment.ProcessorCount} cores seen; {CpuBackend.InstructionSet}; .NET {Environment.Version}; "
            + $"ONNX Runtime 1.31.1; load average {Load()}, this run included; {DateTime.UtcNow.ToString("yyyy-MM-dd HH:mm", CultureInfo.InvariantCulture)} UTC.").AppendLine();
        string[] heads = _byThreads ? [.. columns, "cores, ns"] : columns;
        if (_byThreads)
            page.AppendLine("`cores, ns`: a word from one core to the other and back, right after the line was measured; some 80 where both lie under one cache, "
                + "300 and more where the host has them apart, and two threads then take longer.").AppendLine();
        page.AppendLine($"| {string.Join(" | ", heads)} |").AppendLine($"|{string.Concat(heads.Select(static _ => " --- |"))}");
        foreach (string[] row in _rows)
            page.AppendLine($"| {string.Join(" | ", row)} |");
        if (plot is not null)
            page.AppendLine().AppendLine($"![{title}]({plot})");
        Directory.CreateDirectory(Folder);
        File.WriteAllText(Path.Combine(Folder, file + ".md"), page.ToString());
    }

    /// <summary>Draws labelled bars with a line at 1; returns the picture's name.</summary>
    public static string Bars(string name, string title, string axis, IReadOnlyList<(string Label, double Value)> bars)
    {
        using Plot plot = NewPlot();
        plot.Title(title);
        plot.YLabel(axis);
        plot.Add.Bars(bars.Select(static bar => bar.Value).ToArray());
        plot.Add.HorizontalLine(1, 2, Colors.Gray, LinePattern.Dashed);
        plot.Axes.Bottom.SetTicks([.. bars.Select(static (_, i) => (double)i)], [.. bars.Select(static bar => bar.Label)]);
        plot.Axes.Bottom.TickLabelStyle.Rotation = 45;
        plot.Axes.Bottom.TickLabelStyle.Alignment = Alignment.MiddleLeft;
        plot.Axes.Bottom.MinimumSize = 190;
        plot.Axes.Right.MinimumSize = 110;
        plot.Axes.Margins(bottom: 0);
        return Draw(plot, name);
    }

    /// <summary>Points that a line joins, and one that stands beside it.</summary>
    internal sealed record Series(string Label, IReadOnlyList<(double X, double Y)> Joined, (double X, double Y) Apart);

    /// <summary>Draws series over a common x, and the diagonal; returns the picture's name.</summary>
    public static string Lines(string name, string title, string x, string y, params Series[] series)
    {
        using Plot plot = NewPlot();
        plot.Title(title);
        plot.XLabel(x);
        plot.YLabel(y);
        plot.Add.Line(0, 0, 1, 1).LinePattern = LinePattern.Dotted;
        foreach (Series one in series)
        {
            var line = plot.Add.Scatter(one.Joined.Select(static point => point.X).ToArray(), one.Joined.Select(static point => point.Y).ToArray());
            line.LegendText = one.Label;
            line.LineWidth = 2;
            line.MarkerSize = 8;
            plot.Add.Marker(one.Apart.X, one.Apart.Y, MarkerShape.OpenDiamond, 12, line.Color);
        }
        plot.Add.Marker(double.NaN, double.NaN, MarkerShape.OpenDiamond, 12, Colors.Black).LegendText = "free gates";
        plot.ShowLegend(Alignment.UpperLeft);
        return Draw(plot, name);
    }

    public static string Number(double value, string format = "0.00") => value.ToString(format, CultureInfo.InvariantCulture);

    private static string Folder => Path.Combine(Repo.Root, "docs", "bench");

    private static Plot NewPlot()
    {
        const string family = "DejaVu Sans";
        Fonts.AddFontFile(family, Path.Combine(AppContext.BaseDirectory, "Fonts", "DejaVuSans.ttf"));
        Fonts.AddFontFile(family, Path.Combine(AppContext.BaseDirectory, "Fonts", "DejaVuSans-Bold.ttf"), bold: true);
        return new Plot();
    }

    private static string Draw(Plot plot, string name)
    {
        Directory.CreateDirectory(Folder);
        plot.Font.Set("DejaVu Sans");
        plot.SavePng(Path.Combine(Folder, name + ".png"), 1000, 600);
        return name + ".png";
    }

    // The name may stand for several generations, which family and model tell apart; so does what a core can multiply and add.
    private static string Machine()
    {
        const string info = "/proc/cpuinfo";
        string[] lines = File.Exists(info) ? File.ReadAllLines(info) : [];
        string? name = Field("model name"), family = Field("cpu family"), model = Field("model");
        string machine = name ?? System.Runtime.InteropServices.RuntimeInformation.ProcessArchitecture.ToString();
        string which = family is null || model is null ? "" : $" (family {family}, model {model})";
        return $"{machine}{which}, {Number(FmaPeak.Measure(), "0")} GFLOP/s a core";

        string? Field(string field) => lines.FirstOrDefault(line => line.Split(':')[0].Trim() == field)?.Split(':')[1].Trim();
    }

    private static string Load()
    {
        const string load = "/proc/loadavg";
        return File.Exists(load) ? File.ReadAllText(load).Split(' ')[0] : "unknown";
    }
}
