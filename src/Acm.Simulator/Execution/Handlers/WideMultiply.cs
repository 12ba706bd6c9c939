using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Acm.Simulator.Execution.Handlers;

/// <summary>mul.wide and mad.wide of 32 bits: eight products at a time.</summary>
internal static unsafe class WideMultiply
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<long> S(uint* p, int lane) => Vector512.WidenLower(Vector512.Create(Vector256.Load((int*)p + lane), default));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<ulong> U(uint* p, int lane) => Vector512.WidenLower(Vector512.Create(Vector256.Load(p + lane), default));

    public static void Signed(Warp w, Instruction* i, uint exec)
    {
        uint* a = w.Plane(i->A), b = w.Plane(i->B);
        for (int lane = 0; lane < 32; lane += 8)
            Lanes.Store(w.Wide(i->D), lane, (S(a, lane) * S(b, lane)).AsUInt64(), exec);
    }

    public static void Unsigned(Warp w, Instruction* i, uint exec)
    {
        uint* a = w.Plane(i->A), b = w.Plane(i->B);
        for (int lane = 0; lane < 32; lane += 8)
            Lanes.Store(w.Wide(i->D), lane, U(a, lane) * U(b, lane), exec);
    }

    public static void SignedAdd(Warp w, Instruction* i, uint exec)
    {
        uint* a = w.Plane(i->A), b = w.Plane(i->B);
        for (int lane = 0; lane < 32; lane += 8)
            Lanes.Store(w.Wide(i->D), lane, (S(a, lane) * S(b, lane)).AsUInt64() + Vector512.Load(w.Wide(i->C) + lane), exec);
    }

    public static void UnsignedAdd(Warp w, Instruction* i, uint exec)
    {
        uint* a = w.Plane(i->A), b = w.Plane(i->B);
        for (int lane = 0; lane < 32; lane += 8)
            Lanes.Store(w.Wide(i->D), lane, (U(a, lane) * U(b, lane)) + Vector512.Load(w.Wide(i->C) + lane), exec);
    }
}
