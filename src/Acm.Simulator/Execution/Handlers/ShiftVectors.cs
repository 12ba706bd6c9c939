using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Acm.Simulator.Execution.Handlers;

/// <summary>Shifts by amounts of their own per lane; beyond the width they give zero.</summary>
internal static unsafe class ShiftVectors
{
    public static void Left32(Warp w, Instruction* i, uint exec)
    {
        if (!Avx512F.IsSupported)
        {
            Scalar.Run2<Shl32, uint, uint, uint>(w, i, exec);
            return;
        }

        uint* a = w.Plane(i->A), b = w.Plane(i->B);
        Lanes.Store(w.Plane(i->D), Avx512F.ShiftLeftLogicalVariable(Vector512.Load(a), Vector512.Load(b)),
            Avx512F.ShiftLeftLogicalVariable(Vector512.Load(a + 16), Vector512.Load(b + 16)), exec);
    }

    public static void Right32(Warp w, Instruction* i, uint exec)
    {
        if (!Avx512F.IsSupported)
        {
            Scalar.Run2<ShrU32, uint, uint, uint>(w, i, exec);
            return;
        }

        uint* a = w.Plane(i->A), b = w.Plane(i->B);
        Lanes.Store(w.Plane(i->D), Avx512F.ShiftRightLogicalVariable(Vector512.Load(a), Vector512.Load(b)),
            Avx512F.ShiftRightLogicalVariable(Vector512.Load(a + 16), Vector512.Load(b + 16)), exec);
    }

    public static void Left64(Warp w, Instruction* i, uint exec)
    {
        if (!Avx512F.IsSupported)
        {
            Scalar.Run2<Shl64, ulong, uint, ulong>(w, i, exec);
            return;
        }

        uint* b = w.Plane(i->B);
        for (int lane = 0; lane < 32; lane += 8)
        {
            Vector512<ulong> by = Vector512.WidenLower(Vector512.Create(Vector256.Load(b + lane), default));
            Lanes.Store(w.Wide(i->D), lane, Avx512F.ShiftLeftLogicalVariable(Vector512.Load(w.Wide(i->A) + lane), by), exec);
        }
    }
}
