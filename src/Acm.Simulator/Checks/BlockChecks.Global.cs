using System.Numerics;
using Acm.Simulator.Execution;
using Acm.Simulator.Execution.Handlers;
using Acm.Simulator.Memory;

namespace Acm.Simulator.Checks;

/// <summary>
/// Global memory: outside every buffer, never written, raced for. Each word has two stamps: its last writer and its last reader. A stamp holds the launch,
/// the block, the warp, the block's epoch, the warp's clock, and whether the access was strong (atomic, volatile, relaxed).
/// </summary>
internal sealed unsafe partial class BlockChecks
{
    private const ulong Strong = 1, Several = 2, Part = 4, Changed = 8;
    private readonly BlockOrder _order;

    // bits: 0 strong, 1 several readers, 2 part of the word, 3 read and changed at once, 4-16 clock, 17-21 warp, 22-33 epoch, 34-55 block, 56-63 launch
    private ulong GlobalStamp(Warp w, bool strong, int bytes) =>
        (strong ? Strong : 0) | (bytes < 4 ? Part : 0) | (ulong)(Clocks.Now(w.Index) & 0x1fff) << 4 | (ulong)(uint)w.Index << 17 | (ulong)(_order.Epoch & 0xfff) << 22
        | (ulong)(uint)(_order.Block & 0x3fffff) << 34 | (ulong)(_order.Launch & 0xff) << 56;

    private static int BlockOf(ulong stamp) => (int)(stamp >> 34) & 0x3fffff;

    private static int WarpOf(ulong stamp) => (int)(stamp >> 17) & 31;

    private bool IsOld(ulong stamp) => stamp == 0 || (int)(stamp >> 56) != (_order.Launch & 0xff);

    private bool IsOrdered(Warp w, ulong stamp)
    {
        if (IsOld(stamp))
            return true;
        int block = BlockOf(stamp), warp = WarpOf(stamp);
        if (block == (_order.Block & 0x3fffff))
            return warp == w.Index || Clocks.Knows(w.Index, warp, (uint)(stamp >> 4) & 0x1fff);
        return _order.Knows(block, (int)(stamp >> 22) & 0xfff);
    }

    private void NeedOwned(Warp w, Instruction* i, int lane, ulong address, int bytes, bool written)
    {
        byte* shadow = (byte*)((long)address + w.Pages[(address - AddressMap.Global) >> AddressMap.PageShift].Shadow);
        byte need = written ? (byte)(AddressMap.Owned | AddressMap.Written) : AddressMap.Owned;
        ulong wide = need * 0x0101010101010101UL;
        bool good = bytes switch
        {
            4 => (*(uint*)shadow & (uint)wide) == (uint)wide,
            8 => (*(ulong*)shadow & wide) == wide,
            16 => (*(ulong*)shadow & ((ulong*)shadow)[1] & wide) == wide,
            _ => false,
        };
        if (good)
            return;
        for (int b = 0; b < bytes; b++)
        {
            if ((shadow[b] & need) == need)
                continue;
            ulong at = address + (ulong)b;
            string where = w.Block.Launch.Memory.Describe(at);
            if ((shadow[b] & AddressMap.Owned) != 0)
                throw w.Fault(FaultKind.UninitialisedGlobal, "read of global memory that nobody has written", lane, at, where);
            Allocation? near = w.Block.Launch.Memory.Find(at);
            bool freed = near is { IsFreed: true } && at - near.Address < near.Size;
            throw w.Fault(freed ? FaultKind.AfterFree : FaultKind.OutOfBounds, $"access of {bytes} bytes outside every buffer", lane, at, where);
        }
    }

    private ulong* StampsAt(Warp w, ulong address)
    {
        Page* page = w.Pages + ((address - AddressMap.Global) >> AddressMap.PageShift);
        Chunk chunk = w.Block.Launch.ChunkAt(page->Chunk);
        return chunk.EnsureStamps(2) + (((address - chunk.Address) >> Chunk.StampShift) * 2);
    }

    public void GlobalRead(Warp w, Instruction* i, uint exec, ulong* addresses, int bytes, bool strong)
    {
        ulong stamp = GlobalStamp(w, strong, bytes);
        for (uint rest = exec; rest != 0; rest &= rest - 1)
        {
            int lane = BitOperations.TrailingZeroCount(rest);
            ulong address = addresses[lane];
            NeedOwned(w, i, lane, address, bytes, written: true);
            if (strong)
                Acquire(w, address);
            ulong* stamps = StampsAt(w, address);
            for (int b = 0; b < bytes; b += 4, stamps += 2)
            {
                ulong reader = stamps[1];
                if (reader != stamp)
                {
                    bool alone = IsOrdered(w, reader & ~Several) && ((reader & Several) == 0 || IsOld(reader));
                    stamps[1] = alone ? stamp : stamp | Several;
                }

                ulong write = Volatile.Read(ref stamps[0]);
                if (strong)
                    See(address + (ulong)b, write);
                if (IsOrdered(w, write) || (strong && (write & Strong) != 0) || MayBeOtherPart(write, bytes) || HasSeen(address + (ulong)b, write))
                    continue;
                DeviceFaultException race = GlobalRace(w, lane, address + (ulong)b, write, "read", "wrote");
                if ((write & Changed) == 0)
                    throw race;
                lock (Order)
                    Doubt(_order.Block, w.Index, address + (ulong)b, race);
            }
        }
    }

    /// <summary>Whether two accesses may be of different parts of a word, which only has one stamp.</summary>
    private static bool MayBeOtherPart(ulong stamp, int bytes) => bytes < 4 && (stamp & Part) != 0;

    public void GlobalWrite(Warp w, Instruction* i, uint exec, ulong* addresses, int bytes, bool strong)
    {
        CheckSameStore(w, i, exec, addresses, bytes);
        for (uint rest = exec; rest != 0; rest &= rest - 1)
        {
            int lane = BitOperations.TrailingZeroCount(rest);
            NeedOwned(w, i, lane, addresses[lane], bytes, written: false);
            StampGlobal(w, lane, addresses[lane], bytes, strong, i);
            byte* shadow = (byte*)((long)addresses[lane] + w.Pages[(addresses[lane] - AddressMap.Global) >> AddressMap.PageShift].Shadow);
            new Span<byte>(shadow, bytes).Fill(AddressMap.Owned | AddressMap.Written);
            if (strong)
                Release(w, addresses[lane]);
        }
    }

    private void StampGlobal(Warp w, int lane, ulong address, int bytes, bool strong, Instruction* store = null)
    {
        bool changes = store is null;
        ulong stamp = GlobalStamp(w, strong, bytes) | (changes ? Changed : 0);
        ulong* stamps = StampsAt(w, address);
        for (int b = 0; b < bytes; b += 4, stamps += 2)
        {
            ulong write = Interlocked.Exchange(ref stamps[0], stamp), reader = stamps[1];
            if (changes)
                Confirm(w, address + (ulong)b, ref stamps[1]);
            if (!MayBeOtherPart(write, bytes) && !IsOrdered(w, write) && !(strong && (write & Strong) != 0) && !HasSeen(address + (ulong)b, write)
                && (changes || !IsSameValue(w, store, lane, (byte*)((long)address + w.Pages[(address - AddressMap.Global) >> AddressMap.PageShift].Data))))
                throw GlobalRace(w, lane, address + (ulong)b, write, "write", "wrote");
            if (IsOld(reader) || MayBeOtherPart(reader, bytes) || (strong && (reader & Strong) != 0))
                continue;
            bool several = (reader & Several) != 0;
            if (IsOrdered(w, reader & ~Several) || (several && _order.KnowsOthers))
                continue;
            DeviceFaultException race = GlobalRace(w, lane, address + (ulong)b, reader, "write", "read");
            if (!changes)
                throw race;
            Doubt(BlockOf(reader), WarpOf(reader), address + (ulong)b, race);
        }
    }

    public void GlobalAtomic(Warp w, Instruction* i, uint exec, ulong* addresses, int bytes)
    {
        for (uint rest = exec; rest != 0; rest &= rest - 1)
        {
            int lane = BitOperations.TrailingZeroCount(rest);
            NeedOwned(w, i, lane, addresses[lane], bytes, written: true);
            Acquire(w, addresses[lane]);
            StampGlobal(w, lane, addresses[lane], bytes, strong: true);
            Release(w, addresses[lane]);
        }
    }

    private DeviceFaultException GlobalRace(Warp w, int lane, ulong address, ulong other, string mine, string theirs)
    {
        Dim3 block = _block.Launch.Grid.At(BlockOf(other));
        return w.Fault(FaultKind.GlobalRace,
            $"{mine} races: block {block}, warp {WarpOf(other)} {theirs} the same word and nothing orders them", lane, address, _block.Launch.Memory.Describe(address));
    }
}
