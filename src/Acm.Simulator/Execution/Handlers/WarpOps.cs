using System.Numerics;
using System.Runtime.CompilerServices;

namespace Acm.Simulator.Execution.Handlers;

/// <summary>shfl, vote, match, redux, elect, activemask: instructions with a member mask in register E.</summary>
internal static unsafe class WarpOps
{
    /// <summary>The lanes among <paramref name="exec"/> that gave the same member mask as the first of them.</summary>
    private static uint NextGroup(uint exec, uint* members)
    {
        uint mask = members[BitOperations.TrailingZeroCount(exec)], group = 0;
        for (uint rest = exec; rest != 0; rest &= rest - 1)
        {
            int lane = BitOperations.TrailingZeroCount(rest);
            if (members[lane] == mask)
                group |= 1u << lane;
        }

        return group;
    }

    /// <summary>D from A of the lane that B and C say; Count: predicate or -1; Mode: 0 up, 1 down, 2 bfly, 3 idx.</summary>
    public static void Shuffle(Warp w, Instruction* i, uint exec)
    {
        uint* members = w.Plane(i->E);
        if (!Collectives.Together(w, i, exec, members))
            return;
        uint* a = w.Scratch;
        Unsafe.CopyBlock(a, w.R + i->A, 128);
        uint* b = w.Plane(i->B), c = w.Plane(i->C), d = w.Plane(i->D);
        uint inside = 0;
        uint* result = w.Scratch + 32;
        for (uint rest = exec; rest != 0; rest &= rest - 1)
        {
            int lane = BitOperations.TrailingZeroCount(rest);
            int bval = (int)(b[lane] & 31), clamp = (int)(c[lane] & 31), segment = (int)(c[lane] >> 8 & 31);
            int high = (lane & segment) | (clamp & ~segment), low = lane & segment;
            int from = i->Mode switch { 0 => lane - bval, 1 => lane + bval, 2 => lane ^ bval, _ => low | (bval & ~segment) };
            bool good = i->Mode == 0 ? from >= high : from <= high;
            if (!good)
                from = lane;
            else
                inside |= 1u << lane;
            result[lane] = a[from & 31];
            if (from != lane && (exec >> from & 1) == 0 && w.Block.Checks is not null)
                throw w.Fault(FaultKind.PartialCollective, $"the shuffle reads lane {from}, which does not take part", lane);
        }

        for (uint rest = exec; rest != 0; rest &= rest - 1)
        {
            int lane = BitOperations.TrailingZeroCount(rest);
            d[lane] = result[lane];
        }

        if (i->Count >= 0)
            Lanes.SetPredicate(w.Plane(i->Count), inside, exec);
    }

    /// <summary>Predicate A among the members. Mode: 0 all, 1 any, 2 uni, 3 ballot (D is a register).</summary>
    public static void Vote(Warp w, Instruction* i, uint exec)
    {
        uint* members = w.Plane(i->E);
        if (!Collectives.Together(w, i, exec, members))
            return;
        uint p = *w.Plane(i->A), result = *w.Plane(i->D);
        for (uint left = exec; left != 0;)
        {
            uint group = NextGroup(left, members);
            left &= ~group;
            uint trues = p & group;
            if (i->Mode == 3)
            {
                for (uint rest = group; rest != 0; rest &= rest - 1)
                    w.Plane(i->D)[BitOperations.TrailingZeroCount(rest)] = trues;
                continue;
            }

            bool holds = i->Mode switch { 0 => trues == group, 1 => trues != 0, _ => trues == 0 || trues == group };
            result = (result & ~group) | (holds ? group : 0);
        }

        if (i->Mode != 3)
            *w.Plane(i->D) = result;
    }

    /// <summary>Lanes with the same value. Mode: 1 all (else any), 2 64 bits; Count: predicate or -1.</summary>
    public static void Match(Warp w, Instruction* i, uint exec)
    {
        uint* members = w.Plane(i->E);
        if (!Collectives.Together(w, i, exec, members))
            return;
        uint* result = w.Scratch;
        uint all = 0;
        bool wide = (i->Mode & 2) != 0;
        for (uint left = exec; left != 0;)
        {
            uint group = NextGroup(left, members);
            left &= ~group;
            for (uint rest = group; rest != 0; rest &= rest - 1)
            {
                int lane = BitOperations.TrailingZeroCount(rest);
                uint same = 0;
                for (uint others = group; others != 0; others &= others - 1)
                {
                    int other = BitOperations.TrailingZeroCount(others);
                    bool equal = wide ? w.Wide(i->A)[lane] == w.Wide(i->A)[other] : w.Plane(i->A)[lane] == w.Plane(i->A)[other];
                    same |= (equal ? 1u : 0) << other;
                }

                result[lane] = (i->Mode & 1) == 0 ? same : same == group ? group : 0;
                all |= (same == group ? 1u : 0) << lane;
            }
        }

        for (uint rest = exec; rest != 0; rest &= rest - 1)
            w.Plane(i->D)[BitOperations.TrailingZeroCount(rest)] = result[BitOperations.TrailingZeroCount(rest)];
        if (i->Count >= 0)
            Lanes.SetPredicate(w.Plane(i->Count), all, exec);
    }

    /// <summary>Mode: 0 add, 1 min signed, 2 max signed, 3 min unsigned, 4 max unsigned, 5 and, 6 or, 7 xor.</summary>
    public static void Redux(Warp w, Instruction* i, uint exec)
    {
        uint* members = w.Plane(i->E);
        if (!Collectives.Together(w, i, exec, members))
            return;
        uint* result = w.Scratch;
        for (uint left = exec; left != 0;)
        {
            uint group = NextGroup(left, members);
            left &= ~group;
            uint sum = w.Plane(i->A)[BitOperations.TrailingZeroCount(group)];
            for (uint rest = group & (group - 1); rest != 0; rest &= rest - 1)
            {
                uint x = w.Plane(i->A)[BitOperations.TrailingZeroCount(rest)];
                sum = i->Mode switch
                {
                    0 => sum + x,
                    1 => (uint)Math.Min((int)sum, (int)x),
                    2 => (uint)Math.Max((int)sum, (int)x),
                    3 => Math.Min(sum, x),
                    4 => Math.Max(sum, x),
                    5 => sum & x,
                    6 => sum | x,
                    _ => sum ^ x,
                };
            }

            for (uint rest = group; rest != 0; rest &= rest - 1)
                result[BitOperations.TrailingZeroCount(rest)] = sum;
        }

        for (uint rest = exec; rest != 0; rest &= rest - 1)
            w.Plane(i->D)[BitOperations.TrailingZeroCount(rest)] = result[BitOperations.TrailingZeroCount(rest)];
    }

    /// <summary>The lowest member is elected: D its number, Count the predicate of being it.</summary>
    public static void Elect(Warp w, Instruction* i, uint exec)
    {
        uint* members = w.Plane(i->E);
        if (!Collectives.Together(w, i, exec, members))
            return;
        uint leader = exec & (0 - exec);
        for (uint rest = exec; rest != 0; rest &= rest - 1)
            w.Plane(i->D)[BitOperations.TrailingZeroCount(rest)] = (uint)BitOperations.TrailingZeroCount(leader);
        Lanes.SetPredicate(w.Plane(i->Count), leader, exec);
    }

    public static void ActiveMask(Warp w, Instruction* i, uint exec)
    {
        uint* d = w.Plane(i->D);
        for (uint rest = exec; rest != 0; rest &= rest - 1)
            d[BitOperations.TrailingZeroCount(rest)] = exec;
    }

    /// <summary>bar.warp.sync.</summary>
    public static void Sync(Warp w, Instruction* i, uint exec) => Collectives.Together(w, i, exec, w.Plane(i->E));
}
