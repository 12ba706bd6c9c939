namespace Acm.Runtime;

/// <summary>
/// Joins the frames of two overlapping windows of one recording where both hear nothing, so that no word is cut or heard twice.
/// </summary>
internal static class WindowStitch
{
    /// <summary>Chooses where one window ends and the next begins.</summary>
    /// <param name="before">The earlier window's best ids in the overlap; where both are silent, on return, what to emit up to the cut.</param>
    /// <param name="after">The later window's best ids in the same frames.</param>
    /// <param name="blank">CTC's blank.</param>
    /// <param name="delimiter">The id between words, or -1.</param>
    /// <returns>Frames of the overlap to take from <paramref name="before"/>; the rest come from <paramref name="after"/>.</returns>
    public static int Cut(Span<int> before, ReadOnlySpan<int> after, int blank, int delimiter)
    {
        int frames = Math.Min(before.Length, after.Length);
        // Frames near either window's edge lack context: look in the middle half for the longest common silence.
        int from = frames / 4, to = frames - frames / 4, bestStart = -1, bestEnd = -1;
        for (int start = from; start < to;)
        {
            int end = start;
            while (end < to && Quiet(before[end]) && Quiet(after[end]))
                end++;
            if (end - start > bestEnd - bestStart)
                (bestStart, bestEnd) = (start, end);
            start = Math.Max(end, start + 1);
        }
        if (bestStart < 0)
            return frames / 2;
        // The two may put the space between words in different frames of the silence: it must not fall through the cut.
        for (int frame = bestStart; frame < bestEnd; frame++)
            if (after[frame] == delimiter)
                before[frame] = delimiter;
        return bestEnd;

        bool Quiet(int id) => id == blank || id == delimiter;
    }
}
