namespace Acm.Bench;

/// <summary>Contestants must compute the same thing before their times mean anything.</summary>
internal static class Agreement
{
    /// <exception cref="InvalidOperationException">They do not.</exception>
    public static void Check(string what, ReadOnlySpan<float> ours, ReadOnlySpan<float> theirs, double tolerance)
    {
        double worst = 0, scale = 0;
        for (int i = 0; i < ours.Length; i++)
        {
            worst = Math.Max(worst, Math.Abs(ours[i] - theirs[i]));
            scale = Math.Max(scale, Math.Abs(theirs[i]));
        }
        if (ours.Length != theirs.Length || !(worst <= tolerance * scale))
            throw new InvalidOperationException($"{what}: results differ by {worst} at a scale of {scale}; the times would mean nothing.");
    }
}
