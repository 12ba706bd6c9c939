using Acm.Runtime;

namespace Acm.Cli.Audio;

/// <summary>What was heard in one recording, put together from its parts.</summary>
internal sealed class Transcription(string path)
{
    public string Path => path;

    public List<TimedWord> Words { get; } = [];

    /// <summary>Per frame, the cost-weighted share of its learners that ran.</summary>
    public List<float> LearnerShare { get; } = [];

    public double Seconds { get; private set; }

    public long Macs { get; private set; }

    public long DenseMacs { get; private set; }

    public AppliedBudget Budget { get; private set; }

    /// <summary>Loudest sample of each frame; only where a picture is drawn.</summary>
    public float[] Waveform { get; set; } = [];

    public string Text => string.Join(' ', Words.Select(static word => word.Text));

    public double LearnerFraction => LearnerShare.Count == 0 ? 1 : LearnerShare.Average();

    public void Add(TranscriptPart part)
    {
        Words.AddRange(part.Words);
        LearnerShare.AddRange(part.LearnerShare);
        Seconds = part.Seconds;
        Macs += part.Macs;
        DenseMacs += part.DenseMacs;
        Budget = part.Budget;
    }
}
