using System.Numerics;
using Acm.Simulator.Memory;

namespace Acm.Simulator.Counters;

/// <summary>Counts, and clears again, the marks that a launch's accesses leave.</summary>
internal static unsafe class UniqueBytes
{
    public static void Collect(GlobalMemory memory, LaunchCounters into)
    {
        foreach (Chunk chunk in memory.Chunks())
        {
            for (ulong page = 0; page < chunk.Size >> 12; page++)
            {
                if (chunk.Dirty[page] == 0)
                    continue;
                chunk.Dirty[page] = 0;
                into.UniqueBytesRead += Take(chunk.Reads + (page << 12));
                into.UniqueBytesWritten += Take(chunk.Writes + (page << 12));
            }
        }
    }

    private static long Take(byte* marks)
    {
        ulong* words = (ulong*)marks;
        long count = 0;
        for (int i = 0; i < 512; i++)
        {
            count += BitOperations.PopCount(words[i]);
            words[i] = 0;
        }

        return count;
    }
}
