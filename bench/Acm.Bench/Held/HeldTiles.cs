using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Acm.Bench.Held;

/// <summary>How a line of 32 weights becomes two vectors of float32.</summary>
internal unsafe interface IHeld
{
    /// <summary>Bytes of a line.</summary>
    static abstract int Line { get; }

    /// <summary>Reads a line.</summary>
    static abstract void Load(byte* line, out Vector512<float> low, out Vector512<float> high);
}

/// <summary>32 floats.</summary>
internal readonly unsafe struct AsFloat32 : IHeld
{
    public static int Line => 128;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Load(byte* line, out Vector512<float> low, out Vector512<float> high)
    {
        low = Vector512.Load((float*)line);
        high = Vector512.Load((float*)line + 16);
    }
}

/// <summary>16 words of two bfloat16: a shift, a mask.</summary>
internal readonly unsafe struct AsBFloat16 : IHeld
{
    public static int Line => 64;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Load(byte* line, out Vector512<float> low, out Vector512<float> high)
    {
        Vector512<uint> words = Vector512.Load((uint*)line);
        low = (words << 16).AsSingle();
        high = (words & Vector512.Create(0xFFFF0000u)).AsSingle();
    }
}

/// <summary>
/// 16 words of two float16. .NET 10 has no vector conversion from them (vcvtph2ps), so: exponent and fraction to where float32 has them, the
/// copies of the sign masked off, times 2^112, which is exact for subnormals too.
/// </summary>
internal readonly unsafe struct AsFloat16 : IHeld
{
    public static int Line => 64;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Load(byte* line, out Vector512<float> low, out Vector512<float> high)
    {
        Vector512<int> words = Vector512.Load((int*)line), places = Vector512.Create(unchecked((int)0x8FFFE000));
        Vector512<float> scale = Vector512.Create(BitConverter.UInt32BitsToSingle((112 + 127) << 23));
        low = ((words << 16 >> 3) & places).AsSingle() * scale;
        high = ((words >> 3) & places).AsSingle() * scale;
    }
}

/// <summary>Bare register tiles over panels held in one way or another: what widening costs where nothing else does.</summary>
internal static unsafe class HeldTiles<T>
    where T : struct, IHeld
{
    /// <summary>One row times two panels.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void One(float* a, byte* b, nint depth, float* c)
    {
        byte* next = b + depth * T.Line;
        Vector512<float> c0 = default, c1 = default, c2 = default, c3 = default;
        for (; depth > 0; depth--, a++, b += T.Line, next += T.Line)
        {
            T.Load(b, out Vector512<float> b0, out Vector512<float> b1);
            T.Load(next, out Vector512<float> b2, out Vector512<float> b3);
            Vector512<float> x = Vector512.Create(*a);
            c0 = Vector512.FusedMultiplyAdd(x, b0, c0);
            c1 = Vector512.FusedMultiplyAdd(x, b1, c1);
            c2 = Vector512.FusedMultiplyAdd(x, b2, c2);
            c3 = Vector512.FusedMultiplyAdd(x, b3, c3);
        }
        c0.Store(c);
        c1.Store(c + 16);
        c2.Store(c + 32);
        c3.Store(c + 48);
    }

    /// <summary>Eight rows, one after the other in memory, times two panels.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Eight(float* a, byte* b, nint depth, float* c)
    {
        for (int panel = 0; panel < 2; panel++, c += 32)
        {
            float* x = a, x3 = a + 3 * depth, x6 = a + 6 * depth;
            Vector512<float> c00 = default, c01 = default, c10 = default, c11 = default, c20 = default, c21 = default, c30 = default, c31 = default;
            Vector512<float> c40 = default, c41 = default, c50 = default, c51 = default, c60 = default, c61 = default, c70 = default, c71 = default;
            for (nint k = 0; k < depth; k++, x++, x3++, x6++, b += T.Line)
            {
                T.Load(b, out Vector512<float> low, out Vector512<float> high);
                Vector512<float> v;
                v = Vector512.Create(*x); c00 = Vector512.FusedMultiplyAdd(v, low, c00); c01 = Vector512.FusedMultiplyAdd(v, high, c01);
                v = Vector512.Create(x[depth]); c10 = Vector512.FusedMultiplyAdd(v, low, c10); c11 = Vector512.FusedMultiplyAdd(v, high, c11);
                v = Vector512.Create(x[2 * depth]); c20 = Vector512.FusedMultiplyAdd(v, low, c20); c21 = Vector512.FusedMultiplyAdd(v, high, c21);
                v = Vector512.Create(*x3); c30 = Vector512.FusedMultiplyAdd(v, low, c30); c31 = Vector512.FusedMultiplyAdd(v, high, c31);
                v = Vector512.Create(x3[depth]); c40 = Vector512.FusedMultiplyAdd(v, low, c40); c41 = Vector512.FusedMultiplyAdd(v, high, c41);
                v = Vector512.Create(x3[2 * depth]); c50 = Vector512.FusedMultiplyAdd(v, low, c50); c51 = Vector512.FusedMultiplyAdd(v, high, c51);
                v = Vector512.Create(*x6); c60 = Vector512.FusedMultiplyAdd(v, low, c60); c61 = Vector512.FusedMultiplyAdd(v, high, c61);
                v = Vector512.Create(x6[depth]); c70 = Vector512.FusedMultiplyAdd(v, low, c70); c71 = Vector512.FusedMultiplyAdd(v, high, c71);
            }
            (c00 + c10 + c20 + c30 + c40 + c50 + c60 + c70).Store(c);
            (c01 + c11 + c21 + c31 + c41 + c51 + c61 + c71).Store(c + 16);
        }
    }
}
