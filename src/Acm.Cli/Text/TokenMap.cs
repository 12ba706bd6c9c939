using Acm.Cli.Images;
using Acm.Cli.Output;
using Acm.Runtime;
using SkiaSharp;

namespace Acm.Cli.Text;

/// <summary>One text's word pieces, and the share of its learners that each got, over all layers.</summary>
internal sealed record TokenCompute(string[] Pieces, float[] Share, double LearnerFraction, AppliedBudget Budget)
{
    /// <summary>Runs one text.</summary>
    public static TokenCompute Of(AcmModel model, WordPieceEncoder encoder, InferenceSession session, InferenceResult result, string text, RunOptions run)
    {
        int[] ids = encoder.Encode(text, out _);
        session.Run(ModelInput.Text(ids, [ids.Length]), result, run);
        float[] share = new float[ids.Length];
        double cost = model.Sites.Sum(static site => (double)site.MacsPerLearner * site.Learners);
        for (int site = 0; site < model.Sites.Count; site++)
            for (int token = 0; token < share.Length; token++)
                share[token] += (float)(result.K(site)[token] * model.Sites[site].MacsPerLearner / cost);
        if (model.Sites.Count == 0)
            Array.Fill(share, 1);
        return new TokenCompute([.. ids.Select(id => model.Config.Entries![id])], share, result.LearnerFraction, result.Budget);
    }
}

/// <summary>Texts as the model read them, every word piece tinted by the share of its learners that ran.</summary>
internal static class TokenMap
{
    public const int MostTexts = 40;
    private const int Margin = 28, Header = 96, Footer = 76, Width = 1200, Line = 34, Pad = 5;

    public static void Draw(IReadOnlyList<TokenCompute> texts, bool all, string path)
    {
        using SKFont font = new(DrawingFonts.Regular, 15) { Subpixel = true };
        List<(int Text, int Piece, float X, int Line)> places = [];
        int lines = 0;
        for (int text = 0; text < texts.Count; text++, lines++)
        {
            float x = Margin;
            for (int piece = 0; piece < texts[text].Pieces.Length; piece++)
            {
                float width = Cell(font, texts[text].Pieces[piece]);
                if (x + width > Width - Margin)
                    (x, lines) = (Margin + 24, lines + 1);
                places.Add((text, piece, x, lines));
                x += width + 3;
            }
        }
        int height = Header + lines * Line + Footer;
        using SKBitmap picture = new(Width, height);
        using SKCanvas canvas = new(picture);
        canvas.Clear(SKColors.White);
        float highest = Math.Max(texts.Max(static text => text.Share.Max()), 0.01f);
        ComputeMap.Text(canvas, "Where the compute went", Margin, 44, 26, bold: true);
        ComputeMap.Text(canvas, $"{texts.Average(static text => text.LearnerFraction):P0} of the learners on average; {Report.Budget(texts[0].Budget)}", Margin, 74, 15);
        using SKPaint fill = new() { IsAntialias = true }, ink = new() { IsAntialias = true };
        foreach (var (text, piece, x, line) in places)
        {
            float share = texts[text].Share[piece] / highest, top = Header + line * Line;
            string shown = texts[text].Pieces[piece];
            fill.Color = ComputeMap.Color(share);
            ink.Color = share > 0.45f ? new SKColor(20, 20, 20) : SKColors.White;
            canvas.DrawRoundRect(x, top, Cell(font, shown), Line - 7, 4, 4, fill);
            canvas.DrawText(shown, x + Pad, top + 19, SKTextAlign.Left, font, ink);
        }
        ComputeMap.Legend(canvas, Margin, height - Footer + 24, highest, "share of a word piece's learners that ran, over all layers");
        string note = all ? "Drawn by acm embed --map." : $"The first {texts.Count} texts. Drawn by acm embed --map.";
        ComputeMap.Text(canvas, note, Width - Margin, height - 16, 12, right: true, gray: true);
        PngFile.Write(path, picture);
    }

    private static float Cell(SKFont font, string piece) => font.MeasureText(piece) + 2 * Pad;
}
