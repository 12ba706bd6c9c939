using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;
using Acm.Runtime.Backends.Cpu;
using Acm.Testing;
using NUnit.Framework;

namespace Acm.Runtime.Tests.Cpu;

[TestFixture]
public sealed unsafe class GemmTests
{
    /// <summary>Rows of <paramref name="a"/> times every panel, as blocks of at most <paramref name="most"/> rows.</summary>
    private static float[] Multiply(float[] a, int rows, int depth, PackedMatrix b, int most)
    {
        float[] c = new float[rows * b.Columns];
        Array.Fill(c, float.NaN);
        fixed (float* pa = a, pc = c)
        {
            var call = new GemmCall { Weights = [b], Stride = depth, Epilogue = new Epilogue { Out = pc, OutStride = b.Columns } };
            for (int row = 0; row < rows; row += most)
                call.Execute(new RowBlock { A = pa + row * depth, Row = row, Rows = Math.Min(most, rows - row), Depth = depth }, 0, b.Panels, b.Panel(0), true, null);
        }
        return c;
    }

    [Test]
    public void EveryTailAgreesWithDouble([Range(1, 33)] int rows, [Values(1, 5, 48, 97)] int depth, [Values(1, 15, 31, 32, 33, 70)] int columns)
    {
        float[] a = RandomValues.Of(rows, rows * depth), w = RandomValues.Of(depth + columns, depth * columns);
        using var packed = PackedMatrix.FromInputMajor(w, depth, columns);
        float[] c = Multiply(a, rows, depth, packed, 1000);
        for (int r = 0; r < rows; r++)
            for (int n = 0; n < columns; n++)
            {
                double sum = 0, size = 0;
                for (int k = 0; k < depth; k++)
                {
                    double term = (double)a[r * depth + k] * w[k * columns + n];
                    sum += term;
                    size += Math.Abs(term);
                }
                Assert.That(Math.Abs(c[r * columns + n] - sum), Is.LessThanOrEqualTo(depth * size / (1 << 24) + 1e-30), $"row {r} column {n}");
            }
    }

    /// <summary>A row that runs few learners sums over the first rows of the weight out of them.</summary>
    [Test]
    public void ShallowerRowsSumOverTheFirstRowsOfTheWeight([Values(1, 2, 7, 29)] int rows, [Values(3, 20, 48)] int depth, [Values(7, 16, 45, 64)] int columns)
    {
        float[] a = RandomValues.Of(rows, rows * depth), w = RandomValues.Of(columns, 48 * columns);
        using var whole = PackedMatrix.FromInputMajor(w, 48, columns);
        using var part = PackedMatrix.FromInputMajor(w.AsSpan(0, depth * columns), depth, columns);
        Assert.That(Multiply(a, rows, depth, whole, rows), Is.EqualTo(Multiply(a, rows, depth, part, rows)));
    }

    [Test]
    public void BitsDoNotDependOnHowRowsAreCut()
    {
        const int rows = 61, depth = 133, columns = 75;
        float[] a = RandomValues.Of(1, rows * depth);
        using var packed = PackedMatrix.FromInputMajor(RandomValues.Of(2, depth * columns), depth, columns);
        float[] whole = Multiply(a, rows, depth, packed, rows);
        foreach (int most in (int[])[1, 2, 3, 5, 7, 13, 14, 15, 29])
            Assert.That(Multiply(a, rows, depth, packed, most), Is.EqualTo(whole), $"blocks of {most}");
    }

    /// <summary>
    /// What a machine without AVX-512, or with 128-bit vectors and fused sums (NEON), computes: the same bits, each row from and to its own place, and added in place where asked.
    /// </summary>
    [Test]
    public void InstructionSetsAgreeToTheBit([Range(1, GemmKernels.MostRows)] int rows, [Values(1, 48, 77)] int depth, [Values] bool adds)
    {
        const int stride = 80, pitch = 40, columns = GemmKernels.Columns;
        // Of a deeper panel the first rows alone, as of a weight of which fewer learners run.
        int whole = depth + 3;
        float[] a = RandomValues.Of(rows, rows * stride), b = RandomValues.Of(8, whole * columns), bias = RandomValues.Of(9, columns), before = RandomValues.Of(10, rows * pitch);
        float[] wide = Tile((rows, a, from, b, c, to, add, bias) => GemmKernels.Wide(rows, Run(a, from, b, c, to, add, bias)));
        Assert.That(Tile((rows, a, from, b, c, to, add, bias) => GemmKernels.Narrow(rows, a, from, stride, b, whole * 16, depth, c, to, pitch, add, bias, (byte*)b), 16), Is.EqualTo(wide), "256 bits");
        // The same rows one after the other: their values are reached in another way.
        float[] gathered = [.. Enumerable.Range(0, rows).SelectMany(r => a.AsSpan(RowFrom(r) * stride, stride).ToArray())];
        fixed (float* ordered = gathered)
        {
            float* first = ordered;
            Assert.That(Tile((rows, _, _, b, c, to, add, bias) => GemmKernels.WideInOrder(rows, Run(first, null, b, c, to, add, bias))), Is.EqualTo(wide), "in order");
        }
        float[] slim = Tile((rows, a, from, b, c, to, add, bias) => GemmKernels.Slim(rows, a, from, stride, b, whole * 8, depth, c, to, pitch, add, bias), 8);
        // A machine with 128 bits may have no fused sums: two roundings a term then.
        if (Fma.IsSupported || AdvSimd.IsSupported)
            Assert.That(slim, Is.EqualTo(wide), "128 bits");
        else
            Assert.That(slim, Is.EqualTo(wide).Within(1e-5f), "128 bits, no fused sums");
        float[] half = Tile((rows, a, from, b, c, to, add, bias) => GemmKernels.WideHalf(rows, a, from, stride, b, depth, c, to, pitch, add, bias));
        Assert.That(Tile((rows, a, from, b, c, to, add, bias) => GemmKernels.Narrow(rows, a, from, stride, b, whole * 16, depth, c, to, pitch, add, bias, (byte*)b, columns / 2), 16), Is.EqualTo(half), "half a panel, 256 bits");
        Assert.That(
            Tile((rows, a, from, b, c, to, add, bias) => GemmKernels.Slim(rows, a, from, stride, b, whole * 8, depth, c, to, pitch, add, bias, columns / 2), 8),
            Is.EqualTo(half).Within(Fma.IsSupported || AdvSimd.IsSupported ? 0 : 1e-5f), "half a panel, 128 bits");
        // The first terms to a place of their own, from where the others go on.
        float[] sums = new float[rows * (columns + 1)];
        int part = depth / 3;
        fixed (float* begun = sums)
        {
            float* place = begun;
            Assert.That(
                Tile((rows, a, from, b, c, to, add, bias) =>
                {
                    GemmKernels.Wide(rows, Run(a, from, b, place, GemmKernels.InOrder, null, bias) with { Depth = part, Pitch = columns + 1 });
                    GemmKernels.Wide(rows, Run(a + part, from, b + part * columns, c, to, add, place) with { Depth = depth - part, BiasPitch = columns + 1, Pace = 32 });
                }),
                Is.EqualTo(wide), "in two parts");
        }
        for (int r = 0; r < rows; r++)
            for (int n = 0; n < pitch; n++)
            {
                int at = RowTo(r) * pitch + n;
                float sum = n < columns ? bias[n] : before[at];
                for (int k = 0; k < depth && n < columns; k++)
                    sum = MathF.FusedMultiplyAdd(a[RowFrom(r) * stride + k], b[k * columns + n], sum);
                Assert.That(wide[at], Is.EqualTo(adds && n < columns ? sum + before[at] : sum), $"row {r} column {n}");
                Assert.That(half[at], Is.EqualTo(n < columns / 2 ? wide[at] : before[at]), $"half a panel: row {r} column {n}");
            }

        // To the last row first; from anywhere, some rows twice and some not at all.
        int RowTo(int row) => rows - 1 - row;

        int RowFrom(int row) => 5 * row * row % rows;

        TileRun Run(float* a, int* from, float* b, float* c, int* to, float* add, float* start) => new()
        {
            A = a, From = from, Stride = stride, B = b, Depth = depth, C = c, To = to, Pitch = pitch, Add = add, Bias = start, Ahead = (byte*)b, Beyond = 64,
        };

        float[] Tile(Kernel kernel, int strip = columns)
        {
            float[] c = [.. before];
            fixed (float* pa = a, pb = PanelLayoutTests.InStrips(b, strip), pc = c, start = bias)
            fixed (int* from = (int[])[.. Enumerable.Range(0, rows).Select(RowFrom)], to = (int[])[.. Enumerable.Range(0, rows).Select(RowTo)])
                kernel(rows, pa, from, pb, pc, to, adds ? pc : null, start);
            return c;
        }
    }

    private delegate void Kernel(int rows, float* a, int* from, float* b, float* c, int* to, float* add, float* bias);

    /// <summary>Tiles one after the other in one call: the same bits as a call each, in rows and in panels, wherever they come from and go to.</summary>
    [Test]
    public void ARunOfTilesIsItsTiles([Range(1, GemmKernels.MostRows)] int rows, [Values(1, 9, 70)] int depth, [Values] bool inOrder, [Values] bool continues, [Values] bool adds)
    {
        const int tiles = 3, pitch = 40, columns = GemmKernels.Columns;
        int all = tiles * rows, stride = depth + 3;
        float[] a = RandomValues.Of(1, all * stride), b = RandomValues.Of(2, tiles * depth * columns), starts = RandomValues.Of(3, all * pitch), before = RandomValues.Of(4, tiles * all * pitch);
        int[] from = [.. Enumerable.Range(0, all).Select(row => 7 * row * row % all)], to = [.. Enumerable.Range(0, all).Reverse()];
        Assert.Multiple(() =>
        {
            Assert.That(Rows(together: true), Is.EqualTo(Rows(together: false)), "rows");
            Assert.That(Panels(together: true), Is.EqualTo(Panels(together: false)), "panels");
        });

        float[] Rows(bool together) => Run(together, (int tile, ref TileRun run) =>
        {
            (run.NextA, run.NextRows, run.NextPlaces) = (rows * stride, rows, inOrder ? 0 : rows);
            run.NextC = inOrder ? rows * pitch : 0;
            run.A += inOrder ? tile * run.NextA : 0;
            run.From += inOrder ? 0 : tile * run.NextRows;
            run.To += tile * run.NextPlaces;
            run.C += tile * run.NextC;
            run.Add += adds ? tile * run.NextC : 0;
            run.Bias += tile * rows * run.BiasPitch;
        });

        float[] Panels(bool together) => Run(together, (int tile, ref TileRun run) =>
        {
            (run.NextB, run.NextC) = (depth * columns, all * pitch);
            run.B += tile * run.NextB;
            run.C += tile * run.NextC;
            run.Add += adds ? tile * run.NextC : 0;
            run.Bias += tile * rows * run.BiasPitch;
        });

        float[] Run(bool together, MoveOn moveOn)
        {
            float[] c = [.. before];
            fixed (float* pa = a, pb = b, pc = c, start = starts)
            fixed (int* places = to, rowsOf = from)
                for (int tile = 0; tile < (together ? 1 : tiles); tile++)
                {
                    TileRun run = new()
                    {
                        A = pa, Stride = stride, B = pb, Depth = depth, C = pc, Pitch = pitch, Add = adds ? pc : null, Bias = start, BiasPitch = continues ? pitch : 0,
                        Ahead = (byte*)pb, NextAhead = 64, Soon = columns, Tiles = together ? tiles : 1,
                    };
                    if (!inOrder)
                        {
                        run.From = rowsOf;
                        run.To = places;
                    }
                    moveOn(tile, ref run);
                    if (inOrder)
                        GemmKernels.WideInOrder(rows, run);
                    else
                        GemmKernels.Wide(rows, run);
                }
            return c;
        }
    }

    private delegate void MoveOn(int tile, ref TileRun run);

    [Test]
    public void BothPackingsHoldTheSameWeight()
    {
        const int depth = 19, columns = 45;
        float[] w = RandomValues.Of(3, depth * columns), transposed = new float[w.Length];
        for (int k = 0; k < depth; k++)
            for (int n = 0; n < columns; n++)
                transposed[n * depth + k] = w[k * columns + n];
        using var one = PackedMatrix.FromInputMajor(w, depth, columns);
        using var other = PackedMatrix.FromOutputMajor(transposed, columns, depth);
        float[] a = RandomValues.Of(4, 3 * depth);
        Assert.That(Multiply(a, 3, depth, one, 3), Is.EqualTo(Multiply(a, 3, depth, other, 3)));
    }

    [Test]
    public void NaNStaysInItsRow()
    {
        const int rows = 20, depth = 40, columns = 40;
        float[] a = RandomValues.Of(5, rows * depth);
        using var packed = PackedMatrix.FromInputMajor(RandomValues.Of(6, depth * columns), depth, columns);
        float[] clean = Multiply(a, rows, depth, packed, rows);
        a[7 * depth + 11] = float.NaN;
        float[] spoiled = Multiply(a, rows, depth, packed, rows);
        for (int i = 0; i < spoiled.Length; i++)
            Assert.That(spoiled[i], i / columns == 7 ? Is.NaN : Is.EqualTo(clean[i]));
    }
}
