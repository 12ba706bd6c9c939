using Acm.Runtime;

namespace Acm.Cli.Audio;

/// <summary>What was heard in one recording, put together from its parts.</summary>
internal sealed class Transcription(string path)
{
    private double _learners;

    public string Path => path;

    public List<TimedWord> Words { get; } = [];

    /// <summary>Per frame, the cost-weighted share of its learners that ran.</summary>
    public List<float> LearnerShare { get; } = [];

    public double Seconds { get; private set; }

    /// <summary>Frames that the model ran on, of overlapping windows twice.</summary>
    public long FramesRun { get; private set; }

    public long Macs { get; private set; }

    public long DenseMacs { get; private set; }

    public AppliedBudget Budget { get; private set; }

    /// <summary>Loudest sample of each frame; only where a picture is drawn.</summary>
    public float[] Waveform { get; set; } = [];

    public string Text => string.Join(' ', Words.Select(static word => word.Text));

    /// <summary>Over the frames that <see cref="Macs"/> and <see cref="DenseMacs"/> count: without silence that was passed over.</summary>
    public double LearnerFraction => FramesRun == 0 ? 1 : _learners / FramesRun;

    public void Add(TranscriptPart part)
    {
        Words.AddRange(part.Words);
        LearnerShare.AddRange(part.LearnerShare);
        Seconds = part.Seconds;
        FramesRun += part.FramesRun;
        _learners += part.LearnerFraction * part.FramesRun;
        Macs += part.Macs;
        DenseMacs += part.DenseMacs;
        Budget = part.Budget;
    }
}
