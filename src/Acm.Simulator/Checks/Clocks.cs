namespace Acm.Simulator.Checks;

/// <summary>
/// Vector clocks of the warps of a block. A warp's own entry counts its releases (barrier arrivals); entry v of warp w is the last release of v
/// that w knows of. An access stamped with v's clock happened before w's next one when w knows that clock.
/// </summary>
internal sealed class Clocks(int warps)
{
    private readonly uint[] _known = new uint[warps * warps];

    public void Reset()
    {
        Array.Clear(_known);
        for (int w = 0; w < warps; w++)
            _known[(w * warps) + w] = 1;
    }

    /// <summary>The stamp of what a warp does now.</summary>
    public uint Now(int warp) => _known[(warp * warps) + warp];

    /// <summary>Whether <paramref name="warp"/> knows that <paramref name="other"/> has passed a stamp.</summary>
    public bool Knows(int warp, int other, uint stamp) => warp == other || _known[(warp * warps) + other] >= stamp;

    public ReadOnlySpan<uint> Of(int warp) => _known.AsSpan(warp * warps, warps);

    /// <summary>Joins a warp's knowledge into <paramref name="into"/>; what it does from now on is later.</summary>
    public void Publish(int warp, uint[] into)
    {
        for (int v = 0; v < warps; v++)
            into[v] = Math.Max(into[v], _known[(warp * warps) + v]);
        _known[(warp * warps) + warp]++;
    }

    public void Learn(int warp, uint[] from)
    {
        for (int v = 0; v < warps; v++)
        {
            if (v != warp)
                _known[(warp * warps) + v] = Math.Max(_known[(warp * warps) + v], from[v]);
        }
    }
}
