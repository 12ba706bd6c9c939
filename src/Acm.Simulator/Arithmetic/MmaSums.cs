using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Acm.Simulator.Arithmetic;

/// <summary>C and D of a floating m16n8 instruction, as eight columns of sixteen float32.</summary>
internal static unsafe class MmaSums
{
    /// <summary>Reads C.</summary>
    public static void Load(MmaType type, uint* c, Vector512<float>* sum)
    {
        if (type == MmaType.F32)
        {
            for (int odd = 0; odd < 2; odd++)
            {
                MmaFragments.ToColumns(c + (32 * odd), c + (32 * odd) + 64, out var c0, out var c1, out var c2, out var c3);
                sum[odd] = c0.AsSingle();
                sum[2 + odd] = c1.AsSingle();
                sum[4 + odd] = c2.AsSingle();
                sum[6 + odd] = c3.AsSingle();
            }

            return;
        }

        MmaFragments.ToColumns(c, c + 32, out var h0, out var h1, out var h2, out var h3);
        Unfold(h0, sum);
        Unfold(h1, sum + 2);
        Unfold(h2, sum + 4);
        Unfold(h3, sum + 6);
    }

    /// <summary>Writes D; values must be exact in its type. Every NaN becomes the canonical one.</summary>
    public static void Store(MmaType type, Vector512<float>* sum, uint* d)
    {
        if (type == MmaType.F32)
        {
            for (int odd = 0; odd < 2; odd++)
                MmaFragments.FromColumns(Canonical(sum[odd]), Canonical(sum[2 + odd]), Canonical(sum[4 + odd]), Canonical(sum[6 + odd]), d + (32 * odd), d + (32 * odd) + 64);
            return;
        }

        MmaFragments.FromColumns(Fold(sum), Fold(sum + 2), Fold(sum + 4), Fold(sum + 6), d, d + 32);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<uint> Canonical(Vector512<float> x) =>
        Vector512.ConditionalSelect(Vector512.Equals(x, x).AsUInt32(), x.AsUInt32(), Vector512.Create(0x7fffffffu));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Unfold(Vector512<uint> words, Vector512<float>* sum)
    {
        sum[0] = Halves.ToSingle(words, Half16.F16);
        sum[1] = Halves.ToSingle(HalfMath.High(words), Half16.F16);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<uint> Fold(Vector512<float>* sum) => HalfMath.Join(Halves.Pack16(sum[0]), Halves.Pack16(sum[1]));
}
