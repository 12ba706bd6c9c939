using Acm.Simulator.Execution;
using Acm.Simulator.Memory;

namespace Acm.Simulator.Checks;

/// <summary>
/// Order through memory: a strong write (atomic, volatile, relaxed, release) after a fence tells whoever reads it strongly what came before the fence.
/// Inside the block by the warps' clocks, for variables in shared and in global memory; between blocks by <see cref="BlockOrder"/>.
/// </summary>
internal sealed unsafe partial class BlockChecks
{
    private readonly Dictionary<ulong, uint[]> _told = [];
    private readonly Dictionary<ulong, ulong> _seen = [];
    private readonly uint[]?[] _fenced;

    /// <summary>
    /// Held while a strong access or a store to global memory is checked and carried out: blocks run on several host threads, and what an access learns
    /// must be what the value it reads was published with.
    /// </summary>
    public Lock Order => _block.Launch.Order;

    /// <summary>Mode 0: for the block only, 1: for the device.</summary>
    public void Fence(Warp w, int mode)
    {
        uint[] clocks = _fenced[w.Index] ??= new uint[_warps];
        Clocks.Publish(w.Index, clocks);
        if (mode == 1)
            _order.Fence(clocks);
    }

    private void Release(Warp w, ulong address)
    {
        if (_fenced[w.Index] is { } clocks)
        {
            if (!_told.TryGetValue(address, out uint[]? told))
                _told[address] = told = new uint[_warps];
            for (int v = 0; v < _warps; v++)
                told[v] = Math.Max(told[v], clocks[v]);
        }

        if (!_order.HasFenced || address >= AddressMap.SharedWindow)
            return;
        Dictionary<ulong, Dictionary<int, Past>> published = _block.Launch.Published;
        if (!published.TryGetValue(address, out Dictionary<int, Past>? at))
            published[address] = at = new Dictionary<int, Past>(1);
        _order.Release(at);
    }

    private void Acquire(Warp w, ulong address)
    {
        if (_told.Count > 0 && _told.TryGetValue(address, out uint[]? told))
            Clocks.Learn(w.Index, told);
        if (address < AddressMap.SharedWindow && _block.Launch.Published.TryGetValue(address, out Dictionary<int, Past>? at))
            _order.Acquire(at, Clocks, w.Index);
    }

    /// <summary>A strong read has seen this very write: later plain accesses of the same word come after it.</summary>
    private void See(ulong address, ulong write)
    {
        if (write != 0)
            _seen[address] = write;
    }

    private bool HasSeen(ulong address, ulong write) => _seen.TryGetValue(address, out ulong seen) && seen == write;

    private void StartSync()
    {
        _told.Clear();
        _seen.Clear();
        Array.Clear(_fenced);
    }
}
