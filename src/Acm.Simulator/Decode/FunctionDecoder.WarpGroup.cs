using Acm.Simulator.Arithmetic;
using Acm.Simulator.Counters;
using Acm.Simulator.Execution;
using Acm.Simulator.Execution.Handlers;
using Acm.Simulator.Parser;

namespace Acm.Simulator.Decode;

/// <summary>wgmma: products of four warps.</summary>
internal sealed unsafe partial class FunctionDecoder
{
    private const int WarpGroupRows = 64;

    private void WarpGroupMatrixOf()
    {
        if (_kernel.Module.Target != "sm_90a")
            throw Refuse($"wgmma needs '.target sm_90a', which this module ({_kernel.Module.Target}) has not");
        if (_kernel.Profile.Capability != 90)
            throw Refuse($"wgmma needs a device of compute capability 9.0, which {_kernel.Profile.Name} is not");
        string what = _m.Next("fence, commit_group, wait_group or mma_async");
        NeedSync();
        if (!_m.TakeNext("aligned"))
            throw Unsupported("wgmma needs '.aligned'");
        switch (what)
        {
            case "fence":
                Operands(0);
                Add(&WarpGroupMatrix.Fence, InstructionClass.Fence, default, CheckKind.Ignore);
                break;
            case "commit_group":
                Operands(0);
                Add(&WarpGroupMatrix.Commit, InstructionClass.Fence, default, CheckKind.Ignore);
                break;
            case "wait_group":
                Operands(1);
                if (Op(0) is not ConstantOperand { Bits: >= 0 and < 1 << 20 } groups)
                    throw Refuse("a number of groups is expected");
                Add(&WarpGroupMatrix.Wait, InstructionClass.Fence, new Instruction { Imm = groups.Bits }, CheckKind.Ignore);
                break;
            case "mma_async":
                WarpGroupMultiply();
                break;
            default:
                throw Unsupported($"'wgmma.{what}' is not known");
        }
    }

    private void WarpGroupMultiply()
    {
        (int m, int n, int k) = Shape(_m.Next("a shape"));
        bool saturate = _m.Take("satfinite");
        MmaType d = Element(), a = Element(), b = Element();
        MmaBitOperation bits = MmaBitOperation.None;
        if (a == MmaType.B1 && _m.TakeNext("and") && _m.TakeNext("popc"))
            bits = MmaBitOperation.AndPopc;
        MmaShape shape = new(16, 8, k, a, b, d, d, saturate, bits, WarpGroup: true);
        bool integers = d == MmaType.S32;
        if (m != WarpGroupRows || n % 8 != 0 || n is < 8 or > 256 || (integers && n > 32 && n % 16 != 0) || k * MmaShape.BitsOf(a) != 8 * MatrixDescriptor.RowBytes
            || !shape.IsSupported || MmaShape.BitsOf(a) == 4 || (saturate && !(integers && a != MmaType.B1)))
            throw Unsupported("this form of wgmma is not supported");

        int blocks = n / 8, count = blocks * shape.RegistersD;
        bool registers = Op(1) is VectorOperand;
        // Descriptors or registers; whether to add; then signs of floats; then what is transposed, of 16-bit floats in shared memory.
        bool transposable = MmaShape.BitsOf(a) == 16;
        Operands(4 + (integers ? 0 : 2) + (transposable ? registers ? 1 : 2 : 0));
        bool negated = !integers && Flag(4, -1, 1) != Flag(5, -1, 1);
        bool transposedA = transposable && !registers && Flag(6, 1, 0), transposedB = transposable && Flag(registers ? 6 : 7, 1, 0);
        Instruction i = new() { Extra = _extra.Count, Mode = AddTable(new WarpGroupForm(shape, blocks, registers, transposedA, transposedB, negated)) };
        AddMatrixRegisters(Op(0), count, isResult: true);
        if (registers)
            AddMatrixRegisters(Op(1), 4, isResult: false);
        else
            i.A = Src(1, PtxType.B64);
        i.B = Src(2, PtxType.B64);
        i.C = Predicate(Op(3));
        // Sums that are still under way may be added to: what is read is checked as it is carried out.
        int[] strict = registers ? [i.B, i.C] : [i.A, i.B, i.C];
        _reads.Clear();
        _reads.AddRange(strict);
        _writes.Clear();
        Add(&WarpGroupMatrix.Multiply, InstructionClass.MatrixMultiply, i, CheckKind.Strict);
    }

    private void AddMatrixRegisters(Operand operand, int count, bool isResult)
    {
        if (operand is not VectorOperand { Items: var items } || items.Count != count)
            throw Refuse($"{count} registers expected");
        foreach (Operand item in items)
            _extra.Add(isResult ? Dst(item, PtxType.B32) : Src(item, PtxType.B32));
    }

    // An immediate of two values: whether it is the first.
    private bool Flag(int operand, long yes, long no) => Op(operand) is ConstantOperand { Bits: var bits } && (bits == yes || bits == no)
        ? bits == yes
        : throw Refuse($"operand {operand + 1} must be {yes} or {no}");
}
