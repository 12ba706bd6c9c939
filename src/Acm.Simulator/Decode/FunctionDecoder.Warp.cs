using System.Globalization;
using Acm.Simulator.Arithmetic;
using Acm.Simulator.Counters;
using Acm.Simulator.Execution;
using Acm.Simulator.Execution.Handlers;
using Acm.Simulator.Parser;

namespace Acm.Simulator.Decode;

/// <summary>What warps and blocks do together: shuffles, votes, barriers, matrices.</summary>
internal sealed unsafe partial class FunctionDecoder
{
    private bool DecodeWarp(string name)
    {
        switch (name)
        {
            case "shfl":
                Shuffle();
                return true;
            case "vote":
                Vote();
                return true;
            case "match":
                Match();
                return true;
            case "redux":
                Redux();
                return true;
            case "elect":
                Elect();
                return true;
            case "activemask":
                if (_m.Type() != PtxType.B32)
                    throw Unsupported("this type is not known here");
                Operands(1);
                Add(&WarpOps.ActiveMask, InstructionClass.WarpCollective, new Instruction { D = Dst(0, PtxType.B32) }, CheckKind.Define);
                return true;
            case "bar" or "barrier":
                BarrierOf(name == "bar");
                return true;
            case "mma":
                MatrixMultiply();
                return true;
            case "wgmma":
                WarpGroupMatrixOf();
                return true;
            case "ldmatrix" or "stmatrix" or "movmatrix":
                MatrixMove(name);
                return true;
            case "mbarrier":
                MemoryBarrierObject();
                return true;
            default:
                return false;
        }
    }

    private void NeedSync()
    {
        if (!_m.TakeNext("sync"))
            throw Unsupported($"'{_m.Name}' without '.sync' is not supported");
    }

    private void Shuffle()
    {
        NeedSync();
        int mode = Array.IndexOf(["up", "down", "bfly", "idx"], _m.Next("a mode"));
        if (mode < 0 || _m.Type() != PtxType.B32)
            throw Unsupported("this mode or type is not known");
        Operands(5);
        Instruction i = new() { A = Src(1, PtxType.B32), B = Src(2, PtxType.B32), C = Src(3, PtxType.B32), E = Src(4, PtxType.B32), Mode = mode, Count = -1 };
        Operand first = Op(0);
        if (first is PairOperand pair)
        {
            i.Count = Dst(pair.Second, PtxType.Pred);
            first = pair.First;
        }

        i.D = Dst(first, PtxType.B32);
        Add(&WarpOps.Shuffle, InstructionClass.WarpCollective, i, CheckKind.Define);
    }

    private void Vote()
    {
        NeedSync();
        int mode = Array.IndexOf(["all", "any", "uni", "ballot"], _m.Next("a mode"));
        PtxType type = _m.Type();
        if (mode < 0 || type != (mode == 3 ? PtxType.B32 : PtxType.Pred))
            throw Unsupported("this mode or type is not known");
        Operands(3);
        Instruction i = new() { A = Predicate(Op(1)), E = Src(2, PtxType.B32), D = Dst(0, type), Mode = mode };
        Add(&WarpOps.Vote, InstructionClass.WarpCollective, i, CheckKind.Strict);
    }

    private void Match()
    {
        string kind = _m.Next("a mode");
        NeedSync();
        PtxType type = _m.Type();
        if (kind is not ("any" or "all") || type is not (PtxType.B32 or PtxType.B64))
            throw Unsupported("this mode or type is not known");
        Operands(3);
        Instruction i = new() { A = Src(1, type), E = Src(2, PtxType.B32), Mode = (kind == "all" ? 1 : 0) | (type == PtxType.B64 ? 2 : 0), Count = -1 };
        Operand first = Op(0);
        if (first is PairOperand pair)
        {
            i.Count = Dst(pair.Second, PtxType.Pred);
            first = pair.First;
        }

        i.D = Dst(first, PtxType.B32);
        Add(&WarpOps.Match, InstructionClass.WarpCollective, i, CheckKind.Strict);
    }

    private void Redux()
    {
        NeedSync();
        string op = _m.Next("an operation");
        PtxType type = _m.Type();
        int mode = (op, type) switch
        {
            ("add", PtxType.U32 or PtxType.S32) => 0,
            ("min", PtxType.S32) => 1,
            ("max", PtxType.S32) => 2,
            ("min", PtxType.U32) => 3,
            ("max", PtxType.U32) => 4,
            ("and", PtxType.B32) => 5,
            ("or", PtxType.B32) => 6,
            ("xor", PtxType.B32) => 7,
            _ => throw Unsupported("this operation or type is not known"),
        };
        Operands(3);
        Add(&WarpOps.Redux, InstructionClass.WarpCollective, new Instruction { A = Src(1, type), E = Src(2, PtxType.B32), D = Dst(0, type), Mode = mode }, CheckKind.Strict);
    }

    private void Elect()
    {
        NeedSync();
        Operands(2);
        if (Op(0) is not PairOperand pair)
            throw Refuse("elect needs d|p");
        Instruction i = new() { E = Src(1, PtxType.B32), D = Dst(pair.First, PtxType.B32), Count = Dst(pair.Second, PtxType.Pred) };
        Add(&WarpOps.Elect, InstructionClass.WarpCollective, i, CheckKind.Strict);
    }

    private void BarrierOf(bool isBar)
    {
        if (isBar && _m.TakeNext("warp"))
        {
            NeedSync();
            Operands(1);
            Add(&WarpOps.Sync, InstructionClass.WarpCollective, new Instruction { E = Src(0, PtxType.B32) }, CheckKind.Strict);
            return;
        }

        if (!isBar && _m.TakeNext("cluster"))
        {
            ClusterBarrierOf();
            return;
        }

        _m.TakeNext("cta");
        string what = _m.Next("sync, arrive or red");
        string? op = what == "red" ? _m.Next("an operation") : null;
        bool aligned = _m.Take("aligned") || isBar;
        int mode = (what, op) switch
        {
            ("sync", _) => 0, ("arrive", _) => 1, ("red", "and") => 2, ("red", "or") => 3, ("red", "popc") => 4, _ => throw Unsupported("this barrier is not known"),
        };
        Instruction i = new() { B = -1, C = -1, Mode = mode, Mode2 = aligned ? 1 : 0 };
        if (mode < 2)
        {
            Operands(mode == 1 ? 2 : 1, 2);
            i.A = Src(0, PtxType.U32);
            if (OperandCount == 2)
                i.B = Src(1, PtxType.U32);
        }
        else
        {
            PtxType type = _m.Type();
            if (type != (mode == 4 ? PtxType.U32 : PtxType.Pred))
                throw Unsupported("this type is not known here");
            Operands(3, 4);
            i.A = Src(1, PtxType.U32);
            if (OperandCount == 4)
                i.B = Src(2, PtxType.U32);
            i.C = Predicate(Op(OperandCount - 1));
            i.D = Dst(0, type);
        }

        Add(&Barriers.Run, InstructionClass.Barrier, i, CheckKind.Strict);
    }

    private void MatrixMultiply()
    {
        NeedSync();
        if (!_m.TakeNext("aligned"))
            throw Unsupported("mma needs '.aligned'");
        (int m, int n, int k) = Shape(_m.Next("a shape"));
        if (!_m.TakeNext("row") || !_m.TakeNext("col"))
            throw Unsupported("mma needs '.row.col'");
        bool saturate = _m.Take("satfinite");
        MmaType d = Element(), a = Element(), b = Element(), c = Element();
        MmaBitOperation bits = MmaBitOperation.None;
        if (_m.Left.Count > 0)
        {
            bits = _m.Next("an operation") switch
            {
                "xor" => MmaBitOperation.XorPopc, "and" => MmaBitOperation.AndPopc, string other => throw Unsupported($"'.{other}' is not known here"),
            };
            if (!_m.TakeNext("popc"))
                throw Unsupported("'.popc' is missing");
        }

        MmaShape shape = new(m, n, k, a, b, c, d, saturate, bits);
        if (!shape.IsSupported)
            throw Unsupported("this form of mma is not supported");
        Operands(4);
        int words = a == MmaType.F64 ? 64 : 32, per = words / 32;
        MatrixForm form = new(shape, shape.RegistersD / per, shape.RegistersA / per, shape.RegistersB / per, shape.RegistersC / per, words);
        Instruction i = new() { Extra = _extra.Count, Mode = AddTable(form) };
        int[] counts = [form.D, form.A, form.B, form.C];
        for (int o = 0; o < 4; o++)
        {
            List<Operand> items = Op(o) is VectorOperand vector ? vector.Items : [Op(o)];
            if (items.Count != counts[o])
                throw Refuse($"operand {o + 1} has {items.Count} registers where {counts[o]} are needed");
            PtxType type = words == 64 ? PtxType.B64 : PtxType.B32;
            foreach (Operand item in items)
                _extra.Add(o == 0 ? Dst(item, type) : Src(item, type));
        }

        Add(&Matrix.Multiply, InstructionClass.MatrixMultiply, i);
    }

    private static (int M, int N, int K) Shape(string text)
    {
        int n = text.IndexOf('n'), k = text.IndexOf('k');
        if (text.Length < 6 || text[0] != 'm' || n < 2 || k < n + 2
            || !int.TryParse(text.AsSpan(1, n - 1), NumberStyles.None, CultureInfo.InvariantCulture, out int rows)
            || !int.TryParse(text.AsSpan(n + 1, k - n - 1), NumberStyles.None, CultureInfo.InvariantCulture, out int columns)
            || !int.TryParse(text.AsSpan(k + 1), NumberStyles.None, CultureInfo.InvariantCulture, out int depth))
        {
            throw new FormatException($"'.{text}' is not a shape");
        }

        return (rows, columns, depth);
    }

    private MmaType Element() => _m.Type() switch
    {
        PtxType.F16 => MmaType.F16,
        PtxType.BF16 => MmaType.Bf16,
        PtxType.TF32 => MmaType.Tf32,
        PtxType.F32 => MmaType.F32,
        PtxType.F64 => MmaType.F64,
        PtxType.E4M3 => MmaType.E4M3,
        PtxType.E5M2 => MmaType.E5M2,
        PtxType.S32 => MmaType.S32,
        PtxType.S8 => MmaType.S8,
        PtxType.U8 => MmaType.U8,
        PtxType.S4 => MmaType.S4,
        PtxType.U4 => MmaType.U4,
        PtxType.B1 => MmaType.B1,
        PtxType other => throw Unsupported($"mma of {other} is not supported"),
    };

    private void MatrixMove(string name)
    {
        NeedSync();
        if (!_m.TakeNext("aligned"))
            throw Unsupported($"{name} needs '.aligned'");
        bool mov = name == "movmatrix", store = name == "stmatrix";
        bool transposed = _m.Take("trans");
        if (!_m.Take("m8n8")) // before or after the number of matrices
            throw Unsupported("only matrices of 8 x 8 are supported");
        int count = mov ? 1 : _m.TakeAny("x1", "x2", "x4") is { } x ? x[1] - '0' : throw Refuse("x1, x2 or x4 is missing");
        if (mov)
        {
            if (!transposed || _m.Type() != PtxType.B16)
                throw Unsupported("this movmatrix is not known");
            Operands(2);
            Add(&Matrix.Move, InstructionClass.MatrixMove, new Instruction { A = Src(1, PtxType.B32), D = Dst(0, PtxType.B32) });
            return;
        }

        MemorySpace space = TakeSpace();
        if (space is not (MemorySpace.Shared or MemorySpace.Generic) || _m.Type() != PtxType.B16)
            throw Unsupported("this space or type is not known here");
        Operands(2);
        Instruction i = Address(store ? Op(0) : Op(1), space);
        i.Extra = _extra.Count;
        i.Count = count;
        i.Mode = transposed ? 1 : 0;
        Operand data = store ? Op(1) : Op(0);
        List<Operand> items = data is VectorOperand vector ? vector.Items : [data];
        if (items.Count != count)
            throw Refuse($"{count} registers expected, {items.Count} found");
        foreach (Operand item in items)
            _extra.Add(store ? Src(item, PtxType.B32) : Dst(item, PtxType.B32));
        Add(store ? &Matrix.Store : &Matrix.Load, InstructionClass.MatrixMove, i, CheckKind.Strict);
    }
}
