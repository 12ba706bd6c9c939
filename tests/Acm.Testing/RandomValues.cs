namespace Acm.Testing;

/// <summary>Made-up values of products.</summary>
public static class RandomValues
{
    /// <summary>Values from -0.5 to 0.5, the same ones for the same seed.</summary>
    public static float[] Of(int seed, int count)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => random.NextSingle() - 0.5f)];
    }
}
