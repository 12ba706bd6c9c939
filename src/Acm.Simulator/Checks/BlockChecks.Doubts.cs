using Acm.Simulator.Execution;

namespace Acm.Simulator.Checks;

/// <summary>
/// A plain read of a word that others change by atomics is a race, unless the reader's own atomic on that word follows: a loop around a
/// compare-and-swap starts with a guess, and the swap says whether it was right. Until then the race is in doubt.
/// </summary>
internal sealed unsafe partial class BlockChecks
{
    private readonly Dictionary<(int Warp, ulong Granule), DeviceFaultException> _sharedDoubts = [];

    /// <summary>Called with <see cref="Order"/> held.</summary>
    private void Doubt(int block, int warp, ulong address, DeviceFaultException race) => _block.Launch.Doubts.TryAdd((block, warp, address), race);

    /// <summary>An atomic confirms what its warp has read of the word.</summary>
    private void Confirm(Warp w, ulong address, ref ulong reader)
    {
        if (_block.Launch.Doubts.Count > 0)
            _block.Launch.Doubts.Remove((_order.Block & 0x3fffff, w.Index, address));
        if (!IsOld(reader) && BlockOf(reader) == (_order.Block & 0x3fffff) && WarpOf(reader) == w.Index)
            reader |= Strong;
    }

    private void ConfirmShared(Warp w, ulong granule)
    {
        _reads[(granule * (ulong)_warps) + (ulong)w.Index] = 0;
        if (_sharedDoubts.Count > 0)
            _sharedDoubts.Remove((w.Index, granule));
    }

    /// <summary>The end of the block: races that nothing has cleared up, and what warps owe each other.</summary>
    public void Finish()
    {
        FinishMatrices();
        foreach (DeviceFaultException race in _sharedDoubts.Values)
            throw race;
    }
}
