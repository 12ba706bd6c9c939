using System.Numerics;
using Acm.Simulator.Execution;
using Acm.Simulator.Execution.Handlers;
using Acm.Simulator.Memory;

namespace Acm.Simulator.Checks;

/// <summary>Shared memory: never written, still being copied to, raced for.</summary>
internal sealed unsafe partial class BlockChecks
{
    private const uint AtomicBit = 1u << 31;
    private const int WarpShift = 26;
    private const uint ClockMask = (1u << WarpShift) - 1;

    private uint Stamp(Warp w) => ((uint)w.Index << WarpShift) | (Clocks.Now(w.Index) & ClockMask);

    private bool IsOrdered(Warp w, uint stamp)
    {
        stamp &= ~AtomicBit;
        return stamp == 0 || Clocks.Knows(w.Index, (int)(stamp >> WarpShift), stamp & ClockMask);
    }

    public void SharedRead(Warp w, Instruction* i, uint exec, ulong* addresses, int bytes, bool strong)
    {
        uint now = Clocks.Now(w.Index);
        for (uint rest = exec; rest != 0; rest &= rest - 1)
        {
            int lane = BitOperations.TrailingZeroCount(rest);
            ulong at = addresses[lane];
            NeedWritten(w, lane, at, bytes);
            if (strong)
                Acquire(w, AddressMap.SharedWindow + at);
            for (ulong g = at >> _granuleShift; g <= (at + (ulong)bytes - 1) >> _granuleShift; g++)
            {
                uint write = _writes[g];
                if (strong)
                    See(AddressMap.SharedWindow + g, write);
                if (!IsOrdered(w, write) && !(strong && (write & AtomicBit) != 0) && !HasSeen(AddressMap.SharedWindow + g, write))
                {
                    DeviceFaultException race = Race(w, lane, at, write, "read", "wrote");
                    if ((write & AtomicBit) == 0)
                        throw race;
                    _sharedDoubts.TryAdd((w.Index, g), race);
                }

                if (!strong)
                    _reads[(g * (ulong)_warps) + (ulong)w.Index] = now;
            }
        }
    }

    private void NeedWritten(Warp w, int lane, ulong at, int bytes)
    {
        byte* shadow = _shared + at;
        bool good = bytes switch
        {
            4 => *(uint*)shadow == 0x03030303,
            8 => *(ulong*)shadow == 0x0303030303030303,
            16 => ((*(ulong*)shadow) & ((ulong*)shadow)[1]) == 0x0303030303030303 && ((*(ulong*)shadow) | ((ulong*)shadow)[1]) == 0x0303030303030303,
            _ => false,
        };
        if (good)
            return;
        for (int b = 0; b < bytes; b++)
        {
            if ((shadow[b] & AddressMap.Pending) != 0)
                throw w.Fault(FaultKind.AsyncCopyNotWaitedFor, "read of bytes that a cp.async is still writing", lane, at + (ulong)b, "shared memory");
            if ((shadow[b] & AddressMap.Written) == 0)
                throw w.Fault(FaultKind.UninitialisedShared, "read of shared memory that nobody has written", lane, at + (ulong)b, "shared memory");
        }
    }

    private DeviceFaultException Race(Warp w, int lane, ulong at, uint other, string mine, string theirs) =>
        w.Fault(FaultKind.SharedRace, $"{mine} races: warp {(other & ~AtomicBit) >> WarpShift} {theirs} the same bytes with no barrier between", lane, at, "shared memory");

    public void SharedWrite(Warp w, Instruction* i, uint exec, ulong* addresses, int bytes, bool strong)
    {
        CheckSameStore(w, i, exec, addresses, bytes);
        WriteShared(w, exec, addresses, bytes, strong ? AtomicBit : 0, i);
    }

    private void WriteShared(Warp w, uint exec, ulong* addresses, int bytes, uint strength, Instruction* store = null)
    {
        uint stamp = Stamp(w) | strength;
        for (uint rest = exec; rest != 0; rest &= rest - 1)
        {
            int lane = BitOperations.TrailingZeroCount(rest);
            ulong at = addresses[lane];
            for (ulong g = at >> _granuleShift; g <= (at + (ulong)bytes - 1) >> _granuleShift; g++)
                StampWrite(w, lane, at, g, stamp, store);
            MarkShared(w, lane, at, bytes);
            if (strength != 0)
                Release(w, AddressMap.SharedWindow + at);
        }
    }

    private void MarkShared(Warp w, int lane, ulong at, int bytes)
    {
        byte* shadow = _shared + at;
        if (_hasPending)
        {
            for (int b = 0; b < bytes; b++)
            {
                if ((shadow[b] & AddressMap.Pending) != 0)
                    throw w.Fault(FaultKind.AsyncCopyNotWaitedFor, "store to bytes that a cp.async is still writing", lane, at + (ulong)b, "shared memory");
            }
        }

        new Span<byte>(shadow, bytes).Fill(AddressMap.Owned | AddressMap.Written);
    }

    private void StampWrite(Warp w, int lane, ulong at, ulong g, uint stamp, Instruction* store = null, bool changes = false)
    {
        if (changes)
            ConfirmShared(w, g);
        uint write = _writes[g];
        bool bothStrong = (write & stamp & AtomicBit) != 0;
        if (!bothStrong && !IsOrdered(w, write) && !HasSeen(AddressMap.SharedWindow + g, write) && (store is null || !IsSameValue(w, store, lane, _block.Shared + at)))
            throw Race(w, lane, at, write, "write", "wrote");
        uint* reads = _reads + (g * (ulong)_warps);
        ReadOnlySpan<uint> known = Clocks.Of(w.Index);
        for (int v = 0; v < _warps; v++)
        {
            if (reads[v] <= known[v] || (v == w.Index && reads[v] != UnderWay))
                continue;
            if (reads[v] == UnderWay)
                throw w.Fault(FaultKind.MatrixNotWaitedFor, $"write to bytes that a wgmma of warp {v} may still read", lane, at, "shared memory");
            DeviceFaultException race = Race(w, lane, at, (uint)v << WarpShift, "write", "read");
            if (!changes)
                throw race;
            _sharedDoubts.TryAdd((v, g), race);
        }

        _writes[g] = stamp;
    }

    /// <summary>Lanes of one store that write different values to one address: which of them stays is anyone's guess.</summary>
    private static void CheckSameStore(Warp w, Instruction* i, uint exec, ulong* addresses, int bytes)
    {
        if (IsAscending(addresses, exec, bytes))
            return;
        int* registers = w.Frame.Code.ExtraFirst + i->Extra;
        for (uint rest = exec; rest != 0; rest &= rest - 1)
        {
            int lane = BitOperations.TrailingZeroCount(rest);
            for (uint others = rest & (rest - 1); others != 0; others &= others - 1)
            {
                int other = BitOperations.TrailingZeroCount(others);
                if (addresses[lane] != addresses[other])
                    continue;
                ulong mask = i->ElementBytes == 8 ? ulong.MaxValue : (1UL << (8 * i->ElementBytes)) - 1;
                for (int j = 0; j < i->Count; j++)
                {
                    if (((Planes.Get(w, registers[j], lane) ^ Planes.Get(w, registers[j], other)) & mask) != 0)
                    {
                        bool shared = addresses[lane] < AddressMap.Global;
                        throw w.Fault(shared ? FaultKind.SharedRace : FaultKind.GlobalRace,
                            $"lanes {lane} and {other} store different values to one address", lane, addresses[lane], shared ? "shared memory" : w.Block.Launch.Memory.Describe(addresses[lane]));
                    }
                }
            }
        }
    }

    /// <summary>Whether a store writes what is there already: compilers let several warps store values that all of them hold.</summary>
    private static bool IsSameValue(Warp w, Instruction* store, int lane, byte* at)
    {
        int* registers = w.Frame.Code.ExtraFirst + store->Extra;
        ulong mask = store->ElementBytes == 8 ? ulong.MaxValue : (1UL << (8 * store->ElementBytes)) - 1;
        for (int j = 0; j < store->Count; j++)
        {
            if ((Planes.Get(w, registers[j], lane) & mask) != MemoryAccess.Read(at + (j * store->ElementBytes), store->ElementBytes))
                return false;
        }

        return true;
    }

    private static bool IsAscending(ulong* addresses, uint exec, int bytes)
    {
        ulong least = 0;
        for (uint rest = exec; rest != 0; rest &= rest - 1)
        {
            ulong at = addresses[BitOperations.TrailingZeroCount(rest)];
            if (at < least)
                return false;
            least = at + (ulong)bytes;
        }

        return true;
    }

    public void SharedWriteRows(Warp w, Instruction* i, uint exec, ulong* rows) => WriteShared(w, exec, rows, 16, 0);

    public void SharedAtomic(Warp w, Instruction* i, uint exec, ulong* addresses, int bytes)
    {
        uint stamp = Stamp(w) | AtomicBit;
        for (uint rest = exec; rest != 0; rest &= rest - 1)
        {
            int lane = BitOperations.TrailingZeroCount(rest);
            NeedWritten(w, lane, addresses[lane], bytes);
            Acquire(w, AddressMap.SharedWindow + addresses[lane]);
            for (ulong g = addresses[lane] >> _granuleShift; g <= (addresses[lane] + (ulong)bytes - 1) >> _granuleShift; g++)
                StampWrite(w, lane, addresses[lane], g, stamp, changes: true);
            Release(w, AddressMap.SharedWindow + addresses[lane]);
        }
    }

    /// <summary>An mbarrier object is written by whoever uses it; its own operations order them.</summary>
    public void BarrierObject(Warp w, int lane, ulong address) => new Span<byte>(_shared + address, 8).Fill(AddressMap.Owned | AddressMap.Written);
}
