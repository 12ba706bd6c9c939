using System.Runtime.Intrinsics;

namespace Acm.Simulator.Execution.Handlers;

internal interface IVector1
{
    static abstract Vector512<uint> Do(Vector512<uint> a);
}

internal interface IVector2
{
    static abstract Vector512<uint> Do(Vector512<uint> a, Vector512<uint> b);
}

internal interface IVector3
{
    static abstract Vector512<uint> Do(Vector512<uint> a, Vector512<uint> b, Vector512<uint> c);
}

internal interface IWide2
{
    static abstract Vector512<ulong> Do(Vector512<ulong> a, Vector512<ulong> b);
}

internal interface IWide3
{
    static abstract Vector512<ulong> Do(Vector512<ulong> a, Vector512<ulong> b, Vector512<ulong> c);
}

/// <summary>32-bit operations, sixteen lanes at a time.</summary>
internal static unsafe class Vector
{
    public static void Run1<T>(Warp w, Instruction* i, uint exec)
        where T : IVector1
    {
        uint* a = w.Plane(i->A);
        Lanes.Store(w.Plane(i->D), T.Do(Vector512.Load(a)), T.Do(Vector512.Load(a + 16)), exec);
    }

    public static void Run2<T>(Warp w, Instruction* i, uint exec)
        where T : IVector2
    {
        uint* a = w.Plane(i->A), b = w.Plane(i->B);
        Vector512<uint> low = T.Do(Vector512.Load(a), Vector512.Load(b)), high = T.Do(Vector512.Load(a + 16), Vector512.Load(b + 16));
        Lanes.Store(w.Plane(i->D), low, high, exec);
    }

    public static void Run3<T>(Warp w, Instruction* i, uint exec)
        where T : IVector3
    {
        uint* a = w.Plane(i->A), b = w.Plane(i->B), c = w.Plane(i->C);
        Vector512<uint> low = T.Do(Vector512.Load(a), Vector512.Load(b), Vector512.Load(c));
        Vector512<uint> high = T.Do(Vector512.Load(a + 16), Vector512.Load(b + 16), Vector512.Load(c + 16));
        Lanes.Store(w.Plane(i->D), low, high, exec);
    }

    public static void Wide2<T>(Warp w, Instruction* i, uint exec)
        where T : IWide2
    {
        ulong* a = w.Wide(i->A), b = w.Wide(i->B), d = w.Wide(i->D);
        for (int lane = 0; lane < 32; lane += 8)
            Lanes.Store(d, lane, T.Do(Vector512.Load(a + lane), Vector512.Load(b + lane)), exec);
    }

    public static void Wide3<T>(Warp w, Instruction* i, uint exec)
        where T : IWide3
    {
        ulong* a = w.Wide(i->A), b = w.Wide(i->B), c = w.Wide(i->C), d = w.Wide(i->D);
        for (int lane = 0; lane < 32; lane += 8)
            Lanes.Store(d, lane, T.Do(Vector512.Load(a + lane), Vector512.Load(b + lane), Vector512.Load(c + lane)), exec);
    }
}

internal readonly struct Add32 : IVector2 { public static Vector512<uint> Do(Vector512<uint> a, Vector512<uint> b) => a + b; }

internal readonly struct Sub32 : IVector2 { public static Vector512<uint> Do(Vector512<uint> a, Vector512<uint> b) => a - b; }

internal readonly struct Mul32 : IVector2 { public static Vector512<uint> Do(Vector512<uint> a, Vector512<uint> b) => a * b; }

internal readonly struct And32 : IVector2 { public static Vector512<uint> Do(Vector512<uint> a, Vector512<uint> b) => a & b; }

internal readonly struct Or32 : IVector2 { public static Vector512<uint> Do(Vector512<uint> a, Vector512<uint> b) => a | b; }

internal readonly struct Xor32 : IVector2 { public static Vector512<uint> Do(Vector512<uint> a, Vector512<uint> b) => a ^ b; }

internal readonly struct MinS32 : IVector2 { public static Vector512<uint> Do(Vector512<uint> a, Vector512<uint> b) => Vector512.Min(a.AsInt32(), b.AsInt32()).AsUInt32(); }

internal readonly struct MaxS32 : IVector2 { public static Vector512<uint> Do(Vector512<uint> a, Vector512<uint> b) => Vector512.Max(a.AsInt32(), b.AsInt32()).AsUInt32(); }

internal readonly struct MinU32 : IVector2 { public static Vector512<uint> Do(Vector512<uint> a, Vector512<uint> b) => Vector512.Min(a, b); }

internal readonly struct MaxU32 : IVector2 { public static Vector512<uint> Do(Vector512<uint> a, Vector512<uint> b) => Vector512.Max(a, b); }

internal readonly struct Not32 : IVector1 { public static Vector512<uint> Do(Vector512<uint> a) => ~a; }

internal readonly struct Neg32 : IVector1 { public static Vector512<uint> Do(Vector512<uint> a) => Vector512<uint>.Zero - a; }

internal readonly struct Move32 : IVector1 { public static Vector512<uint> Do(Vector512<uint> a) => a; }

internal readonly struct Low16 : IVector1 { public static Vector512<uint> Do(Vector512<uint> a) => a & Vector512.Create(0xffffu); }

internal readonly struct Low8 : IVector1 { public static Vector512<uint> Do(Vector512<uint> a) => a & Vector512.Create(0xffu); }

internal readonly struct High16 : IVector1 { public static Vector512<uint> Do(Vector512<uint> a) => a >>> 16; }

internal readonly struct Sign16 : IVector1 { public static Vector512<uint> Do(Vector512<uint> a) => ((a << 16).AsInt32() >> 16).AsUInt32(); }

internal readonly struct Sign8 : IVector1 { public static Vector512<uint> Do(Vector512<uint> a) => ((a << 24).AsInt32() >> 24).AsUInt32(); }

/// <summary>Two 16-bit registers into one of 32 bits.</summary>
internal readonly struct Pack16 : IVector2 { public static Vector512<uint> Do(Vector512<uint> a, Vector512<uint> b) => (a & Vector512.Create(0xffffu)) | (b << 16); }

internal readonly struct Mad32 : IVector3 { public static Vector512<uint> Do(Vector512<uint> a, Vector512<uint> b, Vector512<uint> c) => (a * b) + c; }

internal readonly struct Add64 : IWide2 { public static Vector512<ulong> Do(Vector512<ulong> a, Vector512<ulong> b) => a + b; }

internal readonly struct Sub64 : IWide2 { public static Vector512<ulong> Do(Vector512<ulong> a, Vector512<ulong> b) => a - b; }

internal readonly struct Mul64 : IWide2 { public static Vector512<ulong> Do(Vector512<ulong> a, Vector512<ulong> b) => a * b; }

internal readonly struct And64 : IWide2 { public static Vector512<ulong> Do(Vector512<ulong> a, Vector512<ulong> b) => a & b; }

internal readonly struct Or64 : IWide2 { public static Vector512<ulong> Do(Vector512<ulong> a, Vector512<ulong> b) => a | b; }

internal readonly struct Xor64 : IWide2 { public static Vector512<ulong> Do(Vector512<ulong> a, Vector512<ulong> b) => a ^ b; }

internal readonly struct Move64 : IWide2 { public static Vector512<ulong> Do(Vector512<ulong> a, Vector512<ulong> b) => a; }

internal readonly struct Mad64 : IWide3 { public static Vector512<ulong> Do(Vector512<ulong> a, Vector512<ulong> b, Vector512<ulong> c) => (a * b) + c; }
