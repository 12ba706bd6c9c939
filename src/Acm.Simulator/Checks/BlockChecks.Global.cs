using System.Collections.Concurrent;
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
    private const ulong Strong = 1, Several = 2;
    private readonly BlockOrder _order;

    // bits: 0 strong, 1 several readers, 2-16 clock, 17-21 warp, 22-33 epoch, 34-55 block, 56-63 launch
    private ulong GlobalStamp(Warp w, bool strong) =>
        (strong ? Strong : 0) | (ulong)(Clocks.Now(w.Index) & 0x7fff) << 2 | (ulong)(uint)w.Index << 17 | (ulong)(_order.Epoch & 0xfff) << 22
        | (ulong)(uint)(_order.Block & 0x3fffff) << 34 | (ulong)(_order.Launch & 0xff) << 56;

    private bool IsOld(ulong stamp) => stamp == 0 || (int)(stamp >> 56) != (_order.Launch & 0xff);

    private bool IsOrdered(Warp w, ulong stamp)
    {
        if (IsOld(stamp))
            return true;
        int block = (int)(stamp >> 34) & 0x3fffff;
        if (block == (_order.Block & 0x3fffff))
            return (int)(stamp >> 17 & 31) == w.Index || Clocks.Knows(w.Index, (int)(stamp >> 17) & 31, (uint)(stamp >> 2) & 0x7fff);
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
        ulong stamp = GlobalStamp(w, strong);
        for (uint rest = exec; rest != 0; rest &= rest - 1)
        {
            int lane = BitOperations.TrailingZeroCount(rest);
            ulong address = addresses[lane];
            NeedOwned(w, i, lane, address, bytes, written: true);
            if (strong)
                Acquire(address);
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
                if (IsOld(write) || IsOrdered(w, write) || (strong && (write & Strong) != 0) || IsOtherPart(write, address, bytes))
                    continue;
                throw GlobalRace(w, lane, address + (ulong)b, write, "read", "wrote");
            }
        }
    }

    /// <summary>Parts of a word that different threads access do not race; only words are told apart.</summary>
    private bool IsOtherPart(ulong stamp, ulong address, int bytes) => bytes < 4 || _granuleShift < 2;

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
                Release(addresses[lane]);
        }
    }

    private void StampGlobal(Warp w, int lane, ulong address, int bytes, bool strong, Instruction* store = null)
    {
        ulong stamp = GlobalStamp(w, strong);
        ulong* stamps = StampsAt(w, address);
        for (int b = 0; b < bytes; b += 4, stamps += 2)
        {
            ulong write = Interlocked.Exchange(ref stamps[0], stamp), reader = stamps[1];
            if (IsOtherPart(write, address, bytes))
                continue;
            if (!IsOld(write) && !IsOrdered(w, write) && !(strong && (write & Strong) != 0)
                && (store is null || !IsSameValue(w, store, lane, (byte*)((long)address + w.Pages[(address - AddressMap.Global) >> AddressMap.PageShift].Data))))
                throw GlobalRace(w, lane, address + (ulong)b, write, "write", "wrote");
            if (IsOld(reader) || (strong && (reader & Strong) != 0))
                continue;
            bool several = (reader & Several) != 0;
            if (!IsOrdered(w, reader & ~Several) && !(several && _order.KnowsOthers))
                throw GlobalRace(w, lane, address + (ulong)b, reader, "write", "read");
        }
    }

    public void GlobalAtomic(Warp w, Instruction* i, uint exec, ulong* addresses, int bytes, Atomic how)
    {
        if (how.Release)
            _order.Fence();
        for (uint rest = exec; rest != 0; rest &= rest - 1)
        {
            int lane = BitOperations.TrailingZeroCount(rest);
            NeedOwned(w, i, lane, addresses[lane], bytes, written: true);
            Acquire(addresses[lane]);
            StampGlobal(w, lane, addresses[lane], bytes, strong: true);
            Release(addresses[lane]);
        }
    }

    public void Fence(Warp warp, int mode)
    {
        if (mode == 1)
            _order.Fence();
    }

    private void Release(ulong address)
    {
        Dictionary<int, int> at = _block.Launch.Published.GetOrAdd(address, _ => []);
        lock (at)
            _order.Release(at);
    }

    private void Acquire(ulong address)
    {
        if (!_block.Launch.Published.TryGetValue(address, out Dictionary<int, int>? at))
            return;
        lock (at)
            _order.Acquire(at);
    }

    private DeviceFaultException GlobalRace(Warp w, int lane, ulong address, ulong other, string mine, string theirs)
    {
        Dim3 block = _block.Launch.Grid.At((long)(other >> 34) & 0x3fffff);
        return w.Fault(FaultKind.GlobalRace,
            $"{mine} races: block {block}, warp {other >> 17 & 31} {theirs} the same word and nothing orders them", lane, address, _block.Launch.Memory.Describe(address));
    }
}
