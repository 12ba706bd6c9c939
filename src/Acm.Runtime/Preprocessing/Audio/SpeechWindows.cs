namespace Acm.Runtime;

/// <summary>Why a window ends where it does.</summary>
internal enum WindowEnd
{
    /// <summary>In a pause: no word goes on after it.</summary>
    Pause,

    /// <summary>There is no pause: the next window begins before this one's end.</summary>
    Overlap,

    /// <summary>With the recording.</summary>
    Recording,
}

/// <summary>A piece of a recording to be heard at once.</summary>
/// <param name="Start">Its first sample's place in the recording: a multiple of the stride.</param>
/// <param name="Samples">Its samples.</param>
/// <param name="End">Why it ends there.</param>
internal readonly record struct SpeechWindow(long Start, float[] Samples, WindowEnd End);

/// <summary>
/// Cuts a recording of any length into windows as it is read: at each pause of a second, so that every utterance is heard as if it were
/// alone; else at the window's longest pause; where there is none, into windows that overlap. Silence beyond an utterance's own margins is
/// in no window. A recording of one window is not cut.
/// </summary>
internal sealed class SpeechWindows : IDisposable
{
    // In hops. An utterance keeps this much silence before and after it, or all that a background of its own (see Edge) gives it.
    private const int UtterancePause = SpeechLevels.PerSecond, WordPause = SpeechLevels.PerSecond / 4;
    private const int Before = 2 * SpeechLevels.PerSecond / 5, After = 3 * SpeechLevels.PerSecond / 2, MostMargin = 2 * SpeechLevels.PerSecond;
    private const int Edge = SpeechLevels.PerSecond / 10, Click = 1;
    private readonly IEnumerator<float[]> _source;
    private readonly List<float> _samples = [];
    private readonly SpeechLevels _levels = new();
    private readonly int _hop, _window, _overlap;
    private long _start;
    private int _measured;
    private bool _ended, _inPause = true, _any;

    /// <summary>Over a stream of samples.</summary>
    /// <param name="source">The recording, piece by piece.</param>
    /// <param name="rate">Samples a second.</param>
    /// <param name="stride">Windows start at multiples of it.</param>
    /// <param name="window">Most samples of a window.</param>
    /// <param name="overlap">Samples that windows share where no pause parts them.</param>
    public SpeechWindows(IEnumerable<float[]> source, int rate, int stride, int window, int overlap)
    {
        _source = source.GetEnumerator();
        _hop = Math.Max(1, (int)Math.Round((double)rate / SpeechLevels.PerSecond / stride)) * stride;
        _window = Math.Max(1, window / _hop);
        _overlap = Math.Min(overlap / _hop, _window - 1);
        WindowSamples = window;
    }

    /// <summary>Samples read so far, whether in a window or not.</summary>
    public long Heard => _start;

    private int WindowSamples { get; }

    /// <summary>The next window.</summary>
    /// <returns>False at the end of the recording.</returns>
    public bool Next(out SpeechWindow window)
    {
        window = default;
        Fill();
        if (_samples.Count == 0)
            return false;
        bool[] quiet = _levels.Quiet();
        if (!_any && _ended && _samples.Count <= WindowSamples)
            return Take(_levels.Count, _levels.Count, WindowEnd.Recording, out window);
        if (_inPause)
        {
            int speech;
            while ((speech = Speech(quiet, 0)) == quiet.Length)
            {
                // Silence to the end; where nothing else was ever heard, it is heard once.
                if (_ended && !_any)
                    return Take(Math.Min(_window, quiet.Length), quiet.Length, WindowEnd.Recording, out window);
                if (_ended)
                {
                    Drop(_levels.Count);
                    return false;
                }
                Drop(Math.Max(1, quiet.Length - MostMargin));
                Fill();
                quiet = _levels.Quiet();
            }
            int begin = _start == 0 && speech < UtterancePause ? 0 : Begin(speech);
            Drop(begin);
            quiet = quiet[begin..];
            Fill();
            quiet = _levels.Quiet();
        }
        return Cut(quiet, out window);
    }

    /// <inheritdoc/>
    public void Dispose() => _source.Dispose();

    private bool Cut(bool[] quiet, out SpeechWindow window)
    {
        int limit = Math.Min(_window, quiet.Length), best = -1, bestLength = 0;
        for (int pause = NextQuiet(quiet, Speech(quiet, 0)); pause < limit; pause = NextQuiet(quiet, pause))
        {
            int next = Speech(quiet, pause), length = next - pause, middle = pause + length / 2;
            bool last = _ended && next == quiet.Length;
            if (length >= UtterancePause && !(last && length <= Before + After && quiet.Length <= _window))
                return Take(Math.Min(End(pause, next), _window), 0, WindowEnd.Pause, out window);
            if (!last && length >= WordPause && length >= bestLength && middle > Math.Max(_window / 4, _overlap) && middle <= _window)
                (best, bestLength) = (middle, length);
            pause = next;
        }
        if (_ended && quiet.Length <= _window)
            return Take(quiet.Length, quiet.Length, WindowEnd.Recording, out window);
        return best > 0 ? Take(best, best, WindowEnd.Pause, out window) : Take(_window, _window - _overlap, WindowEnd.Overlap, out window);
    }

    // An utterance's background is its own where it breaks off into digital silence: it ends there.
    private int End(int pause, int next)
    {
        var (from, to) = Digital(pause, next);
        if (from > pause + Edge)
            return Math.Min(from, pause + MostMargin);
        int split = next - pause < Before + After ? pause + (next - pause) * After / (Before + After) : pause + After;
        // What is left of the silence tells the next utterance that its background is its own.
        return from < 0 || to >= next - Edge ? split : Math.Min(to - Edge, pause + After);
    }

    private int Begin(int speech)
    {
        var (from, to) = Digital(0, speech);
        return from >= 0 && to < speech - Edge && speech - to <= MostMargin ? to : Math.Max(0, speech - Before);
    }

    // The longest run of hops that hold nothing; from is -1 where there is none.
    private (int From, int To) Digital(int start, int end)
    {
        (int From, int To) longest = (-1, -1);
        for (int from = start; from < end; from++)
        {
            int to = from;
            while (to < end && _levels.IsDigital(to))
                to++;
            if (to - from >= Edge && to - from > longest.To - longest.From)
                longest = (from, to);
            from = Math.Max(from, to);
        }
        return longest;
    }

    // First hop of speech at or after one; a single loud hop is a click.
    private static int Speech(bool[] quiet, int hop)
    {
        for (; hop < quiet.Length; hop++)
            if (!quiet[hop] && (hop + Click >= quiet.Length || !quiet[hop + Click]))
                return hop;
        return quiet.Length;
    }

    private static int NextQuiet(bool[] quiet, int hop)
    {
        while (hop < quiet.Length && !quiet[hop])
            hop++;
        return hop;
    }

    private bool Take(int hops, int next, WindowEnd end, out SpeechWindow window)
    {
        int samples = Math.Min(hops * _hop, _samples.Count);
        window = new SpeechWindow(_start, [.. _samples.GetRange(0, samples)], end);
        // After a pause of an utterance (next: 0) the silence that follows is passed over.
        _inPause = next == 0;
        _any = true;
        Drop(next == 0 ? hops : next);
        return true;
    }

    private void Drop(int hops)
    {
        int samples = Math.Min(hops * _hop, _samples.Count);
        _samples.RemoveRange(0, samples);
        _start += samples;
        _measured -= Math.Min(samples, _measured);
        _levels.Drop(Math.Min(hops, _levels.Count));
    }

    // To a window and what the thresholds look ahead.
    private void Fill()
    {
        while (!_ended && _samples.Count <= ((long)_window + SpeechLevels.Around) * _hop)
        {
            if (_source.MoveNext())
                _samples.AddRange(_source.Current);
            else
                _ended = true;
        }
        ReadOnlySpan<float> samples = System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_samples);
        for (; samples.Length - _measured >= _hop || (_ended && samples.Length > _measured); _measured += Math.Min(_hop, samples.Length - _measured))
            _levels.Add(samples.Slice(_measured, Math.Min(_hop, samples.Length - _measured)));
    }
}
