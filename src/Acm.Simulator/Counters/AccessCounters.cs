using System.Numerics;
using System.Runtime.CompilerServices;
using Acm.Simulator.Execution;
using Acm.Simulator.Memory;

namespace Acm.Simulator.Counters;

/// <summary>Counts accesses: requests, sectors and unique bytes of global memory, wavefronts of shared memory.</summary>
internal static unsafe class AccessCounters
{
    private const int SectorShift = 5;

    /// <summary>A whole warp's access to consecutive bytes of one chunk.</summary>
    public static void GlobalRun(Warp w, Page* page, ulong address, int bytes, bool store)
    {
        long sectors = (long)(((address + (ulong)bytes - 1) >> SectorShift) - (address >> SectorShift) + 1);
        Add(w.Counters, store, 1, sectors, bytes);
        Unsafe.InitBlockUnaligned((byte*)((long)address + (store ? page->Writes : page->Reads)), 1, (uint)bytes);
        for (ulong at = address >> 12; at <= (address + (ulong)bytes - 1) >> 12; at++)
            *(byte*)((long)at + page->Dirty) = 1;
    }

    /// <summary>Any lanes, each at its own address (of which all are valid).</summary>
    public static void Global(Warp w, ulong* addresses, uint exec, int bytes, bool store)
    {
        Add(w.Counters, store, 1, Sectors(addresses, exec, bytes), BitOperations.PopCount(exec) * bytes);
        Mark(w, addresses, exec, bytes, store);
    }

    public static void Add(LaunchCounters counters, bool store, long requests, long sectors, long bytes)
    {
        if (store)
        {
            counters.GlobalStoreRequests += requests;
            counters.GlobalStoreSectors += sectors;
            counters.GlobalStoreBytes += bytes;
        }
        else
        {
            counters.GlobalLoadRequests += requests;
            counters.GlobalLoadSectors += sectors;
            counters.GlobalLoadBytes += bytes;
        }
    }

    /// <summary>Remembers which bytes of global memory were touched.</summary>
    public static void Mark(Warp w, ulong* addresses, uint exec, int bytes, bool store)
    {
        for (; exec != 0; exec &= exec - 1)
        {
            ulong address = addresses[BitOperations.TrailingZeroCount(exec)];
            Page* page = w.Pages + ((address - AddressMap.Global) >> AddressMap.PageShift);
            byte* marks = (byte*)((long)address + (store ? page->Writes : page->Reads));
            switch (bytes)
            {
                case 4:
                    *(uint*)marks = 0x01010101;
                    break;
                case 16:
                    *(ulong*)marks = ((ulong*)marks)[1] = 0x0101010101010101;
                    break;
                default:
                    for (int i = 0; i < bytes; i++)
                        marks[i] = 1;
                    break;
            }

            *(byte*)((long)(address >> 12) + page->Dirty) = 1;
        }
    }

    /// <summary>Different sectors that the lanes touch.</summary>
    public static int Sectors(ulong* addresses, uint exec, int bytes)
    {
        ulong* seen = stackalloc ulong[64];
        int count = 0;
        ulong last = ulong.MaxValue;
        for (; exec != 0; exec &= exec - 1)
        {
            ulong address = addresses[BitOperations.TrailingZeroCount(exec)];
            for (ulong sector = address >> SectorShift; sector <= (address + (ulong)bytes - 1) >> SectorShift; sector++)
            {
                if (sector == last)
                    continue;
                last = sector;
                bool known = false;
                // Later sectors are mostly higher: then nothing before can equal them.
                if (count > 0 && sector <= seen[count - 1])
                {
                    for (int i = 0; i < count && !known; i++)
                        known = seen[i] == sector;
                    if (!known)
                        Insert(seen, count++, sector);
                    continue;
                }

                seen[count++] = sector;
            }
        }

        return count;
    }

    /// <summary>Keeps the largest in the last place.</summary>
    private static void Insert(ulong* seen, int count, ulong sector)
    {
        seen[count] = seen[count - 1];
        seen[count - 1] = sector;
    }

    /// <summary>A whole warp's access to consecutive shared bytes: no conflict.</summary>
    public static void SharedRun(Warp w, int bytes)
    {
        w.Counters.SharedRequests++;
        w.Counters.SharedWavefronts += bytes switch { 16 => 4, 8 => 2, _ => 1 };
    }

    public static void Shared(Warp w, ulong* addresses, uint exec, int bytes)
    {
        w.Counters.SharedRequests++;
        int lanes = bytes switch { 16 => 8, 8 => 16, _ => 32 };
        for (int first = 0; first < 32; first += lanes)
        {
            uint part = lanes == 32 ? exec : exec >> first & ((1u << lanes) - 1);
            if (part == 0)
                continue;
            int passes = bytes == 16 ? Rows(addresses + first, part) : Words(addresses + first, part, bytes);
            w.Counters.SharedWavefronts += passes;
            w.Counters.SharedExcessWavefronts += passes - 1;
        }
    }

    /// <summary>Passes for rows of 16 bytes, aligned: eight groups of four banks.</summary>
    public static int Rows(ulong* addresses, uint lanes)
    {
        uint groups = 0;
        for (uint rest = lanes; rest != 0; rest &= rest - 1)
            groups |= 1u << ((int)(addresses[BitOperations.TrailingZeroCount(rest)] >> 4) & 7);
        int count = BitOperations.PopCount(lanes);
        if (BitOperations.PopCount(groups) == count)
            return 1;
        int most = 1;
        for (uint rest = lanes; rest != 0; rest &= rest - 1)
        {
            int lane = BitOperations.TrailingZeroCount(rest), same = 1;
            ulong row = addresses[lane] >> 4;
            // Counts the different rows of this lane's group, each at its first lane.
            for (uint others = lanes; others != 0; others &= others - 1)
            {
                int other = BitOperations.TrailingZeroCount(others);
                ulong otherRow = addresses[other] >> 4;
                if (otherRow != row && (otherRow & 7) == (row & 7) && IsFirst(addresses, lanes, other, 4))
                    same++;
            }

            most = Math.Max(most, same);
        }

        return most;
    }

    private static bool IsFirst(ulong* addresses, uint lanes, int lane, int shift)
    {
        for (uint rest = lanes & ((1u << lane) - 1); rest != 0; rest &= rest - 1)
        {
            if (addresses[BitOperations.TrailingZeroCount(rest)] >> shift == addresses[lane] >> shift)
                return false;
        }

        return true;
    }

    /// <summary>Passes over the banks for accesses of up to 8 bytes: the most different words that one bank must give.</summary>
    public static int Words(ulong* addresses, uint lanes, int bytes)
    {
        ulong* words = stackalloc ulong[32]; // per bank the last word seen
        int* counts = stackalloc int[32];
        uint used = 0;
        int most = 1;
        bool again = false;
        int perLane = bytes == 8 ? 2 : 1;
        for (uint rest = lanes; rest != 0; rest &= rest - 1)
        {
            ulong word = addresses[BitOperations.TrailingZeroCount(rest)] >> 2;
            for (int i = 0; i < perLane; i++, word++)
            {
                int bank = (int)word & 31;
                if ((used >> bank & 1) == 0)
                {
                    used |= 1u << bank;
                    words[bank] = word;
                    counts[bank] = 1;
                }
                else if (words[bank] != word)
                {
                    again = true;
                }
            }
        }

        return again ? SlowWords(addresses, lanes, perLane) : most;
    }

    private static int SlowWords(ulong* addresses, uint lanes, int perLane)
    {
        ulong* seen = stackalloc ulong[64];
        int* banks = stackalloc int[32];
        new Span<int>(banks, 32).Clear();
        int count = 0, most = 0;
        for (uint rest = lanes; rest != 0; rest &= rest - 1)
        {
            ulong word = addresses[BitOperations.TrailingZeroCount(rest)] >> 2;
            for (int i = 0; i < perLane; i++, word++)
            {
                bool known = false;
                for (int j = 0; j < count && !known; j++)
                    known = seen[j] == word;
                if (known)
                    continue;
                seen[count++] = word;
                most = Math.Max(most, ++banks[(int)word & 31]);
            }
        }

        return most;
    }
}
