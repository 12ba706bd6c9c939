using Acm.Cli.Images;
using Acm.Cli.Output;
using Acm.Runtime;
using SkiaSharp;

namespace Acm.Cli.Audio;

/// <summary>A recording over time: its waveform, the words where they were heard, and the share of the learners each frame got. Twenty seconds a row.</summary>
internal static class SpeechMap
{
    private const int Left = 70, Right = 28, Header = 92, Row = 250, Footer = 40, PixelsPerSecond = 110, MostSeconds = 20, MostRows = 60;

    public static void Draw(Transcription heard, double frameSeconds, string path)
    {
        double length = Math.Max(heard.Waveform.Length * frameSeconds, 0.1), perRow = Math.Clamp(Math.Ceiling(length), 6, MostSeconds);
        int rows = Math.Min((int)Math.Ceiling(length / perRow), MostRows);
        int width = Math.Max(1000, Left + Right + (int)(perRow * PixelsPerSecond));
        using SKBitmap picture = new(width, Header + rows * Row + Footer);
        using SKCanvas canvas = new(picture);
        canvas.Clear(SKColors.White);
        ComputeMap.Text(canvas, "Where the compute went", Left, 42, 26, bold: true);
        ComputeMap.Text(canvas, $"{Path.GetFileName(heard.Path)}: {heard.LearnerFraction:P0} of the learners; {Report.Budget(heard.Budget)}", Left, 70, 15);
        for (int row = 0; row < rows; row++)
            DrawRow(canvas, heard, frameSeconds, row * perRow, perRow, Header + row * Row);
        string note = rows * perRow < length ? $"The first {rows * perRow:0} of {length:0} seconds. " : "";
        ComputeMap.Text(canvas, note + "Bars: share of a frame's learners that ran, over all layers. Drawn by acm transcribe --map.", Left, Header + rows * Row + 20, 12, gray: true);
        PngFile.Write(path, picture);
    }

    private static void DrawRow(SKCanvas canvas, Transcription heard, double frameSeconds, double from, double seconds, float top)
    {
        const int Wave = 70, Bars = 80;
        float X(double second) => Left + (float)((second - from) * PixelsPerSecond);
        float middle = top + Wave / 2f, floor = top + Wave + 44 + Bars;
        using SKPaint wave = new() { Color = new SKColor(90, 90, 90) }, bar = new(), line = new() { Color = new SKColor(200, 200, 200) };
        float loudest = Math.Max(heard.Waveform.DefaultIfEmpty().Max(), 1e-6f);
        int first = (int)Math.Round(from / frameSeconds), end = (int)Math.Round((from + seconds) / frameSeconds);
        for (int frame = first; frame < Math.Min(end, heard.Waveform.Length); frame++)
        {
            float half = Wave / 2f * heard.Waveform[frame] / loudest;
            canvas.DrawRect(X(frame * frameSeconds), middle - half, (float)(frameSeconds * PixelsPerSecond) - 0.4f, Math.Max(2 * half, 1), wave);
        }
        for (int tick = 0; tick <= 2; tick++)
        {
            canvas.DrawRect(Left, floor - Bars * tick / 2f, (float)(seconds * PixelsPerSecond), 1, line);
            ComputeMap.Text(canvas, $"{tick * 50} %", Left - 8, floor - Bars * tick / 2f + 4, 12, right: true, gray: true);
        }
        for (int frame = first; frame < Math.Min(end, heard.LearnerShare.Count); frame++)
        {
            float share = heard.LearnerShare[frame];
            bar.Color = ComputeMap.Color(share);
            canvas.DrawRect(X(frame * frameSeconds), floor - Bars * share, (float)(frameSeconds * PixelsPerSecond) - 0.4f, Bars * share, bar);
        }
        using SKPaint word = new() { Color = new SKColor(222, 235, 247) };
        foreach (var heardWord in heard.Words.Where(w => w.End > from && w.Start < from + seconds))
        {
            float x = X(Math.Max(heardWord.Start, from)), to = X(Math.Min(heardWord.End, from + seconds));
            canvas.DrawRect(x, top + Wave + 6, Math.Max(to - x, 2), 24, word);
            ComputeMap.Text(canvas, heardWord.Text, (x + to) / 2, top + Wave + 23, 14, bold: true, center: true);
        }
        for (int second = (int)Math.Ceiling(from); second <= from + seconds; second++)
            ComputeMap.Text(canvas, $"{second} s", X(second), floor + 18, 12, gray: true, center: true);
    }
}
