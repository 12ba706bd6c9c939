using System.Numerics;
using System.Runtime.CompilerServices;
using Acm.Simulator.Arithmetic;

namespace Acm.Simulator.Execution.Handlers;

/// <summary>
/// wgmma: four warps multiply 64 rows, each 16 of them, with operands in shared memory. A warp's part does not depend on the others', so it is
/// computed when the warp issues it (it may happen at any time before its wait); checked execution remembers that it must be waited for.
/// </summary>
internal static unsafe class WarpGroupMatrix
{
    public const int Warps = 4;

    private static void NeedWarpGroup(Warp w, Instruction* i, uint exec)
    {
        Matrix.NeedWholeWarp(w, exec);
        if ((w.Index | (Warps - 1)) >= w.Block.Warps.Length)
            throw w.Fault(FaultKind.PartialCollective, "wgmma needs four whole warps, the first of a number divisible by four", 0);
        w.Block.Checks?.Together(w, i);
    }

    public static void Fence(Warp w, Instruction* i, uint exec)
    {
        NeedWarpGroup(w, i, exec);
        w.Block.Checks?.MatrixFence(w);
    }

    public static void Commit(Warp w, Instruction* i, uint exec)
    {
        NeedWarpGroup(w, i, exec);
        w.Block.Checks?.MatrixCommit(w);
    }

    /// <summary>Imm: groups that may stay under way.</summary>
    public static void Wait(Warp w, Instruction* i, uint exec)
    {
        NeedWarpGroup(w, i, exec);
        w.Block.Checks?.MatrixWait(w, (int)i->Imm);
    }

    /// <summary>Extra: registers of D, then A's four, or its descriptor in A; B: B's descriptor; C: whether D is added to. Tables[Mode]: the form.</summary>
    public static void Multiply(Warp w, Instruction* i, uint exec)
    {
        NeedWarpGroup(w, i, exec);
        WarpGroupForm form = (WarpGroupForm)w.Frame.Code.Tables[i->Mode];
        MmaShape shape = form.Shape;
        w.Counters.MatrixFlops += shape.Flops * form.Blocks;
        int* registers = w.Frame.Code.ExtraFirst + i->Extra;
        uint add = *w.Plane(i->C);
        if (add is not (0 or Lanes.All))
            throw w.Fault(FaultKind.IllegalInstruction, "the lanes of a wgmma differ in whether they add", BitOperations.TrailingZeroCount(~add));
        int row = w.Index % Warps * 16, per = shape.RegistersD;
        MatrixDescriptor matrixA = default, matrixB = Descriptor(w, i->B, form.TransposedB);
        w.Block.Checks?.MatrixStart(w, registers, form.Blocks * per, add != 0);
        uint* a = w.Scratch, b = a + (4 * 32), c = b + (2 * 32), d = c + (4 * 32);
        if (form.IsAInRegisters)
        {
            for (int p = 0; p < 4; p++)
                Unsafe.CopyBlock(a + (32 * p), w.R + registers[(form.Blocks * per) + p], 128);
            w.Block.Checks?.MatrixOperand(w, registers + (form.Blocks * per), 4);
        }
        else
        {
            matrixA = Descriptor(w, i->A, form.TransposedA);
            Check(w, matrixA, row, 16, form.Depth);
            for (int p = 0; p < 4; p++)
                Gather(w, matrixA, row + (8 * (p % 2)), p / 2, a + (32 * p));
        }

        if (form.Negated)
            Negate(a, shape.A);
        Check(w, matrixB, 0, 8 * form.Blocks, form.Depth);
        for (int block = 0; block < form.Blocks; block++)
        {
            for (int p = 0; p < 2; p++)
                Gather(w, matrixB, 8 * block, p, b + (32 * p));
            for (int p = 0; p < per; p++)
            {
                if (add != 0)
                    Unsafe.CopyBlock(c + (32 * p), w.R + registers[(block * per) + p], 128);
                else
                    Unsafe.InitBlock(c + (32 * p), 0, 128);
            }

            Mma.Execute(shape, w.Block.Launch.Arithmetic, d, a, b, c);
            for (int p = 0; p < per; p++)
                Unsafe.CopyBlock(w.R + registers[(block * per) + p], d + (32 * p), 128);
        }
    }

    private static MatrixDescriptor Descriptor(Warp w, int register, bool transposed)
    {
        ulong* bits = w.Wide(register);
        for (int lane = 1; lane < 32; lane++)
        {
            if (bits[lane] != bits[0])
                throw w.Fault(FaultKind.IllegalInstruction, $"the lanes of a wgmma differ in a matrix descriptor: 0x{bits[0]:x} and 0x{bits[lane]:x}", lane);
        }

        MatrixDescriptor descriptor = new(bits[0], transposed);
        if (descriptor.BaseOffset != 0)
            throw w.Fault(FaultKind.IllegalInstruction, $"a matrix descriptor with a base offset ({descriptor.BaseOffset}) is not supported: 0x{bits[0]:x}");
        return descriptor;
    }

    // Every piece that is read, once.
    private static void Check(Warp w, in MatrixDescriptor matrix, int row, int rows, int depth)
    {
        int firsts = matrix.Transposed ? rows / 8 : rows, seconds = matrix.Transposed ? depth : 2;
        for (int first = 0; first < firsts; first++)
        {
            for (int second = 0; second < seconds; second++)
            {
                uint at = matrix.Transposed ? matrix.OfColumn((row / 8) + first, second) : matrix.OfRow(row + first, second);
                MemoryAccess.Shared(w, at, MatrixDescriptor.Piece, 0);
                w.Block.Checks?.MatrixRead(w, at);
            }
        }
    }

    // A plane of eight rows: lane 4g + t has word t of row g's half.
    private static void Gather(Warp w, in MatrixDescriptor matrix, int row, int half, uint* plane)
    {
        byte* shared = w.Block.Shared;
        for (int g = 0; g < 8; g++)
        {
            if (!matrix.Transposed)
            {
                Unsafe.CopyBlock(plane + (4 * g), shared + matrix.OfRow(row + g, half), MatrixDescriptor.Piece);
                continue;
            }

            for (int k = 0; k < 8; k++)
                ((ushort*)plane)[(8 * g) + k] = ((ushort*)(shared + matrix.OfColumn(row / 8, (8 * half) + k)))[g];
        }
    }

    private static void Negate(uint* a, MmaType type)
    {
        uint signs = MmaShape.BitsOf(type) switch { 32 => 0x80000000, 16 => 0x80008000, _ => 0x80808080 };
        for (int word = 0; word < 4 * 32; word++)
            a[word] ^= signs;
    }
}

/// <summary>A form of wgmma: the part of one warp and eight columns, how many of those, and how its operands come.</summary>
internal sealed record WarpGroupForm(MmaShape Shape, int Blocks, bool IsAInRegisters, bool TransposedA, bool TransposedB, bool Negated)
{
    /// <summary>Terms of each sum.</summary>
    public int Depth => Shape.K;
}
