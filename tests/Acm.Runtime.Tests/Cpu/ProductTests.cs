using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;
using Acm.Runtime.Backends.Cpu;
using Acm.Runtime.Plan;
using Acm.Testing;
using NUnit.Framework;

namespace Acm.Runtime.Tests.Cpu;

/// <summary>Products laid out as tasks, in every combination of what a block and an epilogue may say, against each sum by itself.</summary>
[TestFixture]
public sealed unsafe class ProductTests
{
    /// <summary>Some rows of one of the weights.</summary>
    private sealed record Block(int Rows, int Depth, int Group, bool OwnBias);

    [FsCheck.NUnit.Property(MaxTest = 400)]
    public void EveryRowHasItsSumsAndComesAndGoesWhereItIsTold(int seed) => Check(new Random(seed), mostRows: 30, leastDepth: 1, mostDepth: 60);

    /// <summary>Two panels at once.</summary>
    [FsCheck.NUnit.Property(MaxTest = 400)]
    public void SoDoesEveryOneOfFewRows(int seed) => Check(new Random(seed), mostRows: 6, leastDepth: 1, mostDepth: 60);

    /// <summary>Blocks so large that they are cut.</summary>
    [FsCheck.NUnit.Property(MaxTest = 25)]
    public void SoDoesEveryRowOfABlockThatIsCut(int seed) => Check(new Random(seed), mostRows: 130, leastDepth: 1500, mostDepth: 2500);

    private static void Check(Random random, int mostRows, int leastDepth, int mostDepth)
    {
        bool bfloat16 = random.Next(2) == 0, maps = random.Next(2) == 0, outMap = random.Next(2) == 0, bias = random.Next(2) == 0;
        int depth = random.Next(leastDepth, mostDepth), columns = random.Next(1, 100), groups = random.Next(1, 4), width = groups * columns, stride = depth + random.Next(3);
        int pitch = width + random.Next(3), seed = random.Next();
        Block[] blocks =
        [
            .. Enumerable.Range(0, random.Next(1, 4)).Select(_ => new Block(
                random.Next(1, mostRows + 1), random.Next(3) == 0 ? random.Next(depth + 1) : depth, random.Next(groups), random.Next(3) == 0)),
        ];
        int rows = blocks.Sum(static block => block.Rows);
        float[] a = RandomValues.Of(seed, rows * stride), biases = RandomValues.Of(seed + 1, width), own = RandomValues.Of(seed + 2, width), before = RandomValues.Of(seed + 3, rows * pitch);
        // The residual: none, what is there, of another pitch, or rows of a map's choice.
        int residual = random.Next(4), addPitch = residual == 2 ? pitch + 5 : pitch;
        float[] add = RandomValues.Of(seed + 4, rows * addPitch);
        int[] from = Any(rows), to = Permuted(rows), adds = Any(rows);
        float[][] w = [.. Enumerable.Range(0, groups).Select(g => Array.ConvertAll(RandomValues.Of(seed + 5 + g, depth * columns), BFloat16))];
        PackedMatrix[] weights = [.. w.Select(values => PackedMatrix.FromInputMajor(values, depth, columns, bfloat16))];
        Activation activation = random.Next(2) == 0 ? Activation.Identity : (Activation)random.Next(Enum.GetValues<Activation>().Length);
        float[] c = [.. before];
        GemmTasks tasks = new(random.Next(1, 4));
        using NativeBuffer<float> room = new();
        fixed (float* pa = a, pc = c, pb = biases, po = own, pd = add)
        fixed (int* pf = from, pt = to, pr = adds)
        {
            int row = 0;
            foreach (Block block in blocks)
            {
                tasks.Add(maps ? pa : pa + row * stride, stride, row, block.Rows, block.Depth, block.Group, block.OwnBias ? po : null, maps ? pf + row : null);
                row += block.Rows;
            }
            var call = new GemmCall
            {
                Weights = weights,
                Stride = stride,
                Epilogue = new Epilogue
                {
                    Bias = bias ? pb : null, Activation = activation, Out = pc, OutStride = pitch, OutRows = outMap ? pt : null,
                    Residual = residual == 0 ? null : residual == 1 ? pc : pd, ResidualStride = addPitch, ResidualRows = residual == 3 ? pr : null,
                },
            };
            for (int task = 0, count = tasks.Begin(call); task < count; task++)
                tasks.Execute(task, room.Need(tasks.Room));
        }
        Array.ForEach(weights, static weight => weight.Dispose());

        float[] expected = [.. before];
        for (int b = 0, row = 0; b < blocks.Length; b++)
            for (int end = row + blocks[b].Rows; row < end; row++)
                for (int column = 0; column < columns; column++)
                {
                    int place = blocks[b].Group * columns + column, target = outMap ? to[row] : row;
                    float sum = blocks[b].OwnBias ? own[place] : bias ? biases[place] : 0;
                    for (int k = 0; k < blocks[b].Depth; k++)
                        sum = MathF.FusedMultiplyAdd(a[(maps ? from[row] : row) * stride + k], w[blocks[b].Group][k * columns + column], sum);
                    sum = Elementwise.Apply(activation, Vector512.Create(sum))[0];
                    expected[target * pitch + place] = residual switch
                    {
                        0 => sum,
                        1 => sum + before[target * pitch + place],
                        2 => sum + add[target * addPitch + place],
                        _ => sum + add[adds[row] * addPitch + place],
                    };
                }
        Assert.That(c, Fma.IsSupported || AdvSimd.IsSupported ? Is.EqualTo(expected) : Is.EqualTo(expected).Within(1e-3f), $"{string.Join(", ", (object[])blocks)}, {activation}, residual {residual}");

        int[] Any(int count) => [.. Enumerable.Range(0, count).Select(_ => random.Next(count))];

        int[] Permuted(int count)
        {
            int[] places = [.. Enumerable.Range(0, count)];
            random.Shuffle(places);
            return places;
        }
    }

    // Of values that bfloat16 holds, either kind of weight gives the same sums.
    private static float BFloat16(float value) => BitConverter.UInt32BitsToSingle(BitConverter.SingleToUInt32Bits(value) & 0xFFFF0000);
}
