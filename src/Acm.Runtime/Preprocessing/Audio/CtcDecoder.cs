using System.Text;
using Acm.Runtime.Backends;

namespace Acm.Runtime;

/// <summary>One thing heard, with the frames it was heard in.</summary>
/// <param name="Text">A word or a character.</param>
/// <param name="FirstFrame">First frame of its first character.</param>
/// <param name="EndFrame">One past the last frame of its last character.</param>
public readonly record struct HeardSpan(string Text, long FirstFrame, long EndFrame);

/// <summary>
/// Greedy CTC, frame by frame: repeats collapsed, blanks dropped, the word delimiter a space. Keeps only the word under way, so a stream
/// may be of any length. Not thread-safe.
/// </summary>
public sealed class CtcDecoder
{
    private readonly IReadOnlyList<string> _vocabulary;
    private readonly int _blank;
    private readonly string _delimiter;
    private readonly List<HeardSpan> _characters = [];
    private int _previous = -1;
    private bool _sounding;
    private long _frame;

    /// <summary>A decoder for one stream.</summary>
    /// <param name="vocabulary">Characters by id.</param>
    /// <param name="blank">The id of CTC's blank (<c>pad_token_id</c>).</param>
    /// <param name="delimiter">The entry between words.</param>
    public CtcDecoder(IReadOnlyList<string> vocabulary, int blank, string delimiter = "|")
    {
        ArgumentNullException.ThrowIfNull(vocabulary);
        (_vocabulary, _blank, _delimiter) = (vocabulary, blank, delimiter);
    }

    /// <summary>Called with each word as its end is heard: the word, and its characters.</summary>
    public event Action<HeardSpan, IReadOnlyList<HeardSpan>>? WordHeard;

    /// <summary>The best id of each frame, the lowest on a tie.</summary>
    /// <param name="logits">[frames, vocabulary].</param>
    /// <param name="best">[frames].</param>
    public static void Best(ReadOnlySpan<float> logits, Span<int> best) => BestClass.Of(logits, best);

    /// <summary>Hears the next frames.</summary>
    /// <param name="best">The best id of each frame.</param>
    /// <exception cref="ArgumentOutOfRangeException">An id is not in the vocabulary.</exception>
    public void Push(ReadOnlySpan<int> best)
    {
        foreach (int id in best)
        {
            if ((uint)id >= (uint)_vocabulary.Count)
                throw new ArgumentOutOfRangeException(nameof(best), $"id {id}; the vocabulary has {_vocabulary.Count}");
            if (id != _previous)
                _sounding = id != _blank && Hear(id);
            else if (_sounding)
                _characters[^1] = _characters[^1] with { EndFrame = _frame + 1 };
            _previous = id;
            _frame++;
        }
    }

    /// <summary>Ends the stream, or an utterance of it: the word under way is heard, and the next frame's id repeats nothing.</summary>
    public void Finish()
    {
        EndWord();
        (_previous, _sounding) = (-1, false);
    }

    /// <summary>All of a short recording at once.</summary>
    /// <returns>Each delimiter a space, the ends stripped.</returns>
    public static string Text(ReadOnlySpan<int> best, IReadOnlyList<string> vocabulary, int blank, string delimiter = "|")
    {
        ArgumentNullException.ThrowIfNull(vocabulary);
        StringBuilder text = new();
        int previous = -1;
        foreach (int id in best)
        {
            if (id != previous && id != blank)
                text.Append(vocabulary[id] == delimiter ? " " : Spoken(vocabulary[id]));
            previous = id;
        }
        return text.ToString().Trim(' ');
    }

    // True where a character has begun, which the same id in the next frames prolongs.
    private bool Hear(int id)
    {
        string entry = _vocabulary[id], spoken = Spoken(entry);
        if (entry == _delimiter)
            EndWord();
        else if (spoken.Length > 0)
        {
            _characters.Add(new HeardSpan(spoken, _frame, _frame + 1));
            return true;
        }
        return false;
    }

    // Begin and end of sentence are no sound.
    private static string Spoken(string entry) => entry is "<s>" or "</s>" or "<pad>" ? "" : entry;

    private void EndWord()
    {
        if (_characters.Count == 0)
            return;
        HeardSpan word = new(string.Concat(_characters.Select(static c => c.Text)), _characters[0].FirstFrame, _characters[^1].EndFrame);
        WordHeard?.Invoke(word, [.. _characters]);
        _characters.Clear();
    }
}
