using Acm.Runtime.Backends.Cpu;
using NUnit.Framework;

namespace Acm.Runtime.Tests.Cpu;

[TestFixture]
public sealed unsafe class PanelLayoutTests
{
    private const int Columns = GemmKernels.Columns;

    /// <summary>[depth, 32] in strips of so many columns.</summary>
    public static float[] InStrips(float[] panel, int strip)
    {
        int depth = panel.Length / Columns;
        float[] laid = new float[panel.Length];
        for (int k = 0; k < depth; k++)
            for (int n = 0; n < Columns; n++)
                laid[n / strip * strip * depth + k * strip + n % strip] = panel[k * Columns + n];
        return laid;
    }

    [Test]
    public void LinesAndColumnsFillTheStrips([Values(1, 7, 16, 45)] int depth, [Values(1, 8, 15, 16, 17, 32)] int count)
    {
        float[] panel = [.. Enumerable.Range(1, depth * Columns).Select(static i => (float)i)], byLine = new float[panel.Length], byColumn = new float[panel.Length];
        float[] turned = new float[Columns * depth];
        for (int k = 0; k < depth; k++)
            for (int n = 0; n < Columns; n++)
                (turned[n * depth + k], panel[k * Columns + n]) = n < count ? (panel[k * Columns + n], panel[k * Columns + n]) : (-1, 0);
        fixed (float* values = panel, rows = turned, lines = byLine, columns = byColumn)
        {
            for (int k = 0; k < depth; k++)
                PanelLayout.PutLine(values + k * Columns, lines, depth, k);
            PanelLayout.PutColumns(rows, depth, count, depth, columns);
        }
        Assert.That(byLine, Is.EqualTo(InStrips(panel, PanelLayout.Strip)));
        Assert.That(byColumn, Is.EqualTo(byLine), "what is past the columns stays");
    }
}
