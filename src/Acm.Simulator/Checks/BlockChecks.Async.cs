using System.Numerics;
using Acm.Simulator.Execution;
using Acm.Simulator.Execution.Handlers;
using Acm.Simulator.Memory;

namespace Acm.Simulator.Checks;

/// <summary>A copy of one thread to shared memory that has not been waited for.</summary>
internal readonly record struct PendingCopy(int Address, short Bytes, byte Lane, int Group);

/// <summary>cp.async: the bytes are nobody's until the thread that copies them has waited.</summary>
internal sealed unsafe partial class BlockChecks
{
    public void AsyncCopy(Warp w, Instruction* i, uint exec, uint reading, ulong* to, ulong* from, int bytes)
    {
        if (reading != 0)
        {
            ulong* read = stackalloc ulong[32];
            for (uint rest = reading; rest != 0; rest &= rest - 1)
            {
                int lane = BitOperations.TrailingZeroCount(rest);
                read[lane] = from[lane];
            }

            // Fewer bytes are read where zeros fill the rest.
            uint whole = 0;
            for (uint rest = reading; rest != 0; rest &= rest - 1)
            {
                int lane = BitOperations.TrailingZeroCount(rest);
                int size = i->B >= 0 ? (int)w.Plane(i->B)[lane] : bytes;
                if (size == bytes)
                    whole |= 1u << lane;
                else
                    GlobalRead(w, i, 1u << lane, read, size, false);
            }

            if (whole != 0)
                GlobalRead(w, i, whole, read, bytes, false);
        }

        uint stamp = Stamp(w);
        for (uint rest = exec; rest != 0; rest &= rest - 1)
        {
            int lane = BitOperations.TrailingZeroCount(rest);
            ulong at = to[lane];
            for (ulong g = at >> _granuleShift; g <= (at + (ulong)bytes - 1) >> _granuleShift; g++)
                StampWrite(w, lane, at, g, stamp);
            new Span<byte>(_shared + at, bytes).Fill(AddressMap.Owned | AddressMap.Written | AddressMap.Pending);
            _pending[w.Index].Add(new PendingCopy((int)at, (short)bytes, (byte)lane, _groups[(w.Index * 32) + lane]));
        }

        _hasPending = true;
    }

    public void Commit(Warp w, uint exec)
    {
        for (; exec != 0; exec &= exec - 1)
            _groups[(w.Index * 32) + BitOperations.TrailingZeroCount(exec)]++;
    }

    /// <summary>Threads wait until at most <paramref name="pending"/> of their groups are under way; -1: for everything.</summary>
    public void WaitGroups(Warp w, uint exec, int pending)
    {
        List<PendingCopy> copies = _pending[w.Index];
        uint stamp = Stamp(w);
        int kept = 0;
        for (int c = 0; c < copies.Count; c++)
        {
            PendingCopy copy = copies[c];
            bool waits = (exec >> copy.Lane & 1) != 0;
            if (!waits || (pending >= 0 && copy.Group >= _groups[(w.Index * 32) + copy.Lane] - pending))
            {
                copies[kept++] = copy;
                continue;
            }

            new Span<byte>(_shared + copy.Address, copy.Bytes).Fill(AddressMap.Owned | AddressMap.Written);
            // The write is over now, not when it was asked for.
            for (int g = copy.Address >> _granuleShift; g <= (copy.Address + copy.Bytes - 1) >> _granuleShift; g++)
                _writes[g] = stamp;
        }

        copies.RemoveRange(kept, copies.Count - kept);
    }

    /// <summary>Arrival at an mbarrier: of threads, or of the copies that they have asked for.</summary>
    public void ObjectArrive(Warp w, uint exec, bool ofCopies)
    {
        if (ofCopies)
            WaitGroups(w, exec, -1);
        Clocks.Publish(w.Index, _objectClocks ??= new uint[_warps]);
    }

    /// <summary>A wait at an mbarrier that was over: what the arrivals knew is known (all objects count as one, which misses races but makes none up).</summary>
    public void ObjectWait(Warp w)
    {
        if (_objectClocks is not null)
            Clocks.Learn(w.Index, _objectClocks);
    }

    private uint[]? _objectClocks;
}
