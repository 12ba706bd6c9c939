using System.Numerics;

namespace Acm.Simulator.Execution.Handlers;

/// <summary>mov between a register and the registers that its parts go to. Mode: bits of the whole, Mode2: bits of a part.</summary>
internal static unsafe class Packing
{
    public static void Unpack(Warp w, Instruction* i, uint exec)
    {
        int* to = w.Frame.Code.ExtraFirst + i->Extra;
        ulong mask = i->Mode2 == 32 ? uint.MaxValue : (1UL << i->Mode2) - 1;
        for (; exec != 0; exec &= exec - 1)
        {
            int lane = BitOperations.TrailingZeroCount(exec);
            ulong whole = i->Mode == 64 ? w.Wide(i->A)[lane] : w.Plane(i->A)[lane];
            for (int j = 0; j < i->Count; j++)
                w.Plane(to[j])[lane] = (uint)((whole >> (j * i->Mode2)) & mask);
        }
    }

    public static void Pack(Warp w, Instruction* i, uint exec)
    {
        int* from = w.Frame.Code.ExtraFirst + i->Extra;
        ulong mask = i->Mode2 == 32 ? uint.MaxValue : (1UL << i->Mode2) - 1;
        for (; exec != 0; exec &= exec - 1)
        {
            int lane = BitOperations.TrailingZeroCount(exec);
            ulong whole = 0;
            for (int j = 0; j < i->Count; j++)
                whole |= (w.Plane(from[j])[lane] & mask) << (j * i->Mode2);
            if (i->Mode == 64)
                w.Wide(i->D)[lane] = whole;
            else
                w.Plane(i->D)[lane] = (uint)whole;
        }
    }
}
