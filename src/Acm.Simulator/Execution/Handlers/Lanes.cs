using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Acm.Simulator.Execution.Handlers;

/// <summary>Lane masks as vectors, and masked stores of planes.</summary>
internal static unsafe class Lanes
{
    public const uint All = uint.MaxValue;

    private static readonly Vector512<uint> s_bits = Vector512.Create(
        1u, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768);

    private static readonly Vector512<ulong> s_bits64 = Vector512.Create(1ul, 2, 4, 8, 16, 32, 64, 128);

    /// <summary>All ones in the lanes whose bit among the low sixteen is set.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<uint> Expand(uint bits) => Vector512.Equals(Vector512.Create(bits) & s_bits, s_bits);

    /// <summary>The same for the low eight bits and 64-bit lanes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<ulong> Expand64(uint bits) => Vector512.Equals(Vector512.Create((ulong)bits) & s_bits64, s_bits64);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(uint* d, Vector512<uint> low, Vector512<uint> high, uint exec)
    {
        if (exec != All)
        {
            low = Vector512.ConditionalSelect(Expand(exec), low, Vector512.Load(d));
            high = Vector512.ConditionalSelect(Expand(exec >> 16), high, Vector512.Load(d + 16));
        }

        low.Store(d);
        high.Store(d + 16);
    }

    /// <summary>Stores eight 64-bit lanes, those from <paramref name="first"/> on.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(ulong* d, int first, Vector512<ulong> value, uint exec)
    {
        if (exec != All)
            value = Vector512.ConditionalSelect(Expand64(exec >> first), value, Vector512.Load(d + first));
        value.Store(d + first);
    }

    /// <summary>The mask of the lanes whose top bits are set.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Bits(Vector512<uint> low, Vector512<uint> high) =>
        (uint)low.ExtractMostSignificantBits() | ((uint)high.ExtractMostSignificantBits() << 16);

    /// <summary>Writes the lanes of <paramref name="exec"/> of a predicate.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void SetPredicate(uint* predicate, uint value, uint exec) => *predicate = (*predicate & ~exec) | (value & exec);

    public static int First(uint exec) => BitOperations.TrailingZeroCount(exec);
}
