using Acm.Simulator.Arithmetic;
using Acm.Testing;
using NUnit.Framework;

namespace Acm.Simulator.Tests.Arithmetic;

/// <summary>Every <c>mma.sync</c> and <c>wgmma</c> case of shared/conformance/mma-arithmetic, as the file names them.</summary>
public sealed class MmaCasesTests
{
    private static SafeTensors? _cases;

    /// <summary>Names without the trailing tensor name.</summary>
    public static IEnumerable<string> Names()
    {
        string? path = SharedFolder.Root is null ? null : Path.Combine(SharedFolder.Root, "conformance", "mma-arithmetic", "cases.safetensors");
        if (path is null || !File.Exists(path))
            return ["absent"];
        _cases = SafeTensors.Read(path);
        return _cases.Names.Where(n => n.EndsWith(".D")).Select(n => n[..^2]).Order();
    }

    [TestCaseSource(nameof(Names))]
    public void Hardware_arithmetic_gives_the_same_bits(string name)
    {
        Case it = Load(name);
        ulong[] got = Run(it, Mma.HardwareOf(it.Capability));
        for (int i = 0; i < got.Length; i++)
            Assert.That(Same(it.Shape.D, got[i], it.D[i]), $"D[{i / 8},{i % 8}]: got {got[i]:x}, hardware gives {it.D[i]:x}");
    }

    [TestCaseSource(nameof(Names))]
    public void Exact_arithmetic_is_within_rounding_of_the_true_sum(string name)
    {
        Case it = Load(name);
        ulong[] got = Run(it, MmaArithmetic.Exact);
        int k = it.Shape.K;
        for (int i = 0; i < got.Length; i++)
        {
            // The true sum to about 96 bits beside its condition: double-double would be more than enough; decimal-free here.
            double sum = Value(it.Shape.C, it.C[i]), size = Math.Abs(sum), low = 0;
            for (int s = 0; s < k; s++)
            {
                double product = Value(it.Shape.A, it.A[(i / 8 * k) + s]) * Value(it.Shape.B, it.B[(s * 8) + (i % 8)]);
                size += Math.Abs(product);
                double next = sum + product, back = next - sum;
                low += (sum - (next - back)) + (product - back);
                sum = next;
            }

            double want = sum + (double.IsNaN(low) ? 0 : low), have = Value(it.Shape.D, got[i]);
            if (!double.IsFinite(want))
            {
                Assert.That(have, Is.EqualTo(want), $"D[{i / 8},{i % 8}]");
                continue;
            }

            double half = it.Shape.D == MmaType.F16 ? Math.Max(Math.Abs(want) * Math.Pow(2, -11), Math.Pow(2, -25)) : Math.Max(Math.Abs(want) * Math.Pow(2, -24), Math.Pow(2, -150));
            double bound = half + (size * k * Math.Pow(2, -52));
            double limit = it.Shape.D == MmaType.F16 ? 65520 : 3.4028235677973366e38;
            if (Math.Abs(want) >= limit)
                Assert.That(double.IsInfinity(have) && Math.Sign(have) == Math.Sign(want), $"D[{i / 8},{i % 8}]: {want} is beyond the type");
            else
                Assert.That(Math.Abs(have - want), Is.LessThanOrEqualTo(bound), $"D[{i / 8},{i % 8}]: got {have}, true {want}");
        }
    }

    internal static bool Same(MmaType type, ulong got, ulong want) =>
        got == want || (double.IsNaN(Value(type, got)) && double.IsNaN(Value(type, want)));

    /// <summary>The value of raw bits, from the definition of each format.</summary>
    internal static double Value(MmaType type, ulong bits)
    {
        (int exponentBits, int mantissaBits) = type switch
        {
            MmaType.F16 => (5, 10),
            MmaType.Bf16 => (8, 7),
            MmaType.E4M3 => (4, 3),
            MmaType.E5M2 => (5, 2),
            _ => (8, 23),
        };
        if (type == MmaType.Tf32)
            bits &= ~0x1fffUL;
        int bias = (1 << (exponentBits - 1)) - 1, field = (int)(bits >> mantissaBits) & ((1 << exponentBits) - 1);
        double mantissa = bits & ((1UL << mantissaBits) - 1);
        double sign = ((bits >> (exponentBits + mantissaBits)) & 1) == 1 ? -1 : 1;
        if (type == MmaType.E4M3 ? field == 15 && mantissa == 7 : field == (1 << exponentBits) - 1)
            return type != MmaType.E4M3 && mantissa == 0 ? sign * double.PositiveInfinity : double.NaN;
        double significand = (mantissa / (1 << mantissaBits)) + (field == 0 ? 0 : 1);
        return sign * significand * Math.Pow(2, Math.Max(field, 1) - bias);
    }

    // Of wgmma's 64 rows each warp has sixteen.
    private static ulong[] Run(Case it, MmaArithmetic arithmetic)
    {
        int parts = it.A.Length / (it.Shape.M * it.Shape.K), a = it.A.Length / parts, d = it.D.Length / parts;
        return [.. Enumerable.Range(0, parts).SelectMany(part => Run(it.Shape, arithmetic, it.A.AsSpan(part * a, a), it.B, it.C.AsSpan(part * d, d)))];
    }

    private static unsafe ulong[] Run(in MmaShape shape, MmaArithmetic arithmetic, ReadOnlySpan<ulong> valuesA, ReadOnlySpan<ulong> valuesB, ReadOnlySpan<ulong> valuesC)
    {
        uint[] a = MmaRegisters.PackA(shape, valuesA), b = MmaRegisters.PackB(shape, valuesB), c = MmaRegisters.PackC(shape, shape.C, valuesC);
        uint[] d = new uint[shape.RegistersD * 32];
        fixed (uint* pd = d, pa = a, pb = b, pc = c)
            Mma.Execute(shape, arithmetic, pd, pa, pb, pc);
        return MmaRegisters.UnpackD(shape, d);
    }

    private static Case Load(string name)
    {
        SharedFolder.Need("conformance", "mma-arithmetic", "cases.safetensors");
        string[] parts = name.Split('.'); // sm_80.mma.m16n8k16.f32.bf16.bf16.f32.plain or sm_90a.wgmma.m64n8k16.f32.bf16.bf16.plain
        bool isWarpGroup = parts[1] == "wgmma";
        int[] shape = [.. parts[2].Split('m', 'n', 'k').Skip(1).Select(int.Parse)];
        MmaType d = TypeOf(parts[3]), c = parts.Length > 7 ? TypeOf(parts[6]) : d;
        return new Case(
            new MmaShape(isWarpGroup ? shape[0] / 4 : shape[0], shape[1], shape[2], TypeOf(parts[4]), TypeOf(parts[5]), c, d, WarpGroup: isWarpGroup),
            int.Parse(parts[0][3..].TrimEnd('a')), Bits(name + ".A"), Bits(name + ".B"), Bits(name + ".C"), Bits(name + ".D"));
    }

    private static MmaType TypeOf(string name) => Enum.Parse<MmaType>(name, ignoreCase: true);

    private static ulong[] Bits(string name)
    {
        string type = _cases!.Type(name);
        return type switch
        {
            "I32" or "U32" or "F32" => [.. _cases.Get<uint>(name).ToArray().Select(x => (ulong)x)],
            "I16" or "U16" or "F16" or "BF16" => [.. _cases.Get<ushort>(name).ToArray().Select(x => (ulong)x)],
            "I8" or "U8" => [.. _cases.Get<byte>(name).ToArray().Select(x => (ulong)x)],
            _ => throw new InvalidDataException($"{name}: type {type}"),
        };
    }

    private sealed record Case(MmaShape Shape, int Capability, ulong[] A, ulong[] B, ulong[] C, ulong[] D);
}
