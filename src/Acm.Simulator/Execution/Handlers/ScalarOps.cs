using System.Numerics;

namespace Acm.Simulator.Execution.Handlers;

internal interface IScalar1<TA, TD>
{
    static abstract TD Do(TA a);
}

internal interface IScalar2<TA, TB, TD>
{
    static abstract TD Do(TA a, TB b);
}

internal interface IScalar3<TA, TB, TC, TD>
{
    static abstract TD Do(TA a, TB b, TC c);
}

/// <summary>Operations without a vector form, lane by lane. A plane's element is as wide as its register (16-bit ones take 32 bits).</summary>
internal static unsafe class Scalar
{
    public static void Run1<T, TA, TD>(Warp w, Instruction* i, uint exec)
        where T : IScalar1<TA, TD>
        where TA : unmanaged
        where TD : unmanaged
    {
        TA* a = (TA*)(w.R + i->A);
        TD* d = (TD*)(w.R + i->D);
        for (; exec != 0; exec &= exec - 1)
        {
            int lane = BitOperations.TrailingZeroCount(exec);
            d[lane] = T.Do(a[lane]);
        }
    }

    public static void Run2<T, TA, TB, TD>(Warp w, Instruction* i, uint exec)
        where T : IScalar2<TA, TB, TD>
        where TA : unmanaged
        where TB : unmanaged
        where TD : unmanaged
    {
        TA* a = (TA*)(w.R + i->A);
        TB* b = (TB*)(w.R + i->B);
        TD* d = (TD*)(w.R + i->D);
        for (; exec != 0; exec &= exec - 1)
        {
            int lane = BitOperations.TrailingZeroCount(exec);
            d[lane] = T.Do(a[lane], b[lane]);
        }
    }

    public static void Run3<T, TA, TB, TC, TD>(Warp w, Instruction* i, uint exec)
        where T : IScalar3<TA, TB, TC, TD>
        where TA : unmanaged
        where TB : unmanaged
        where TC : unmanaged
        where TD : unmanaged
    {
        TA* a = (TA*)(w.R + i->A);
        TB* b = (TB*)(w.R + i->B);
        TC* c = (TC*)(w.R + i->C);
        TD* d = (TD*)(w.R + i->D);
        for (; exec != 0; exec &= exec - 1)
        {
            int lane = BitOperations.TrailingZeroCount(exec);
            d[lane] = T.Do(a[lane], b[lane], c[lane]);
        }
    }
}
