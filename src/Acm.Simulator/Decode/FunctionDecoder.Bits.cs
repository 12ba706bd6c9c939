using Acm.Simulator.Counters;
using Acm.Simulator.Execution;
using Acm.Simulator.Execution.Handlers;
using Acm.Simulator.Parser;

namespace Acm.Simulator.Decode;

/// <summary>Logic, shifts, bit fields, comparisons and selections.</summary>
internal sealed unsafe partial class FunctionDecoder
{
    private bool DecodeBits(string name)
    {
        switch (name)
        {
            case "and" or "or" or "xor":
                Logic(name);
                return true;
            case "not" or "cnot":
                Not(name == "cnot");
                return true;
            case "shl" or "shr":
                Shift(name == "shl");
                return true;
            case "shf":
                Funnel();
                return true;
            case "popc" or "clz" or "brev" or "bfind":
                Count(name);
                return true;
            case "bfe" or "bfi" or "bmsk" or "szext" or "fns":
                Field(name);
                return true;
            case "lop3":
                Lop3();
                return true;
            case "prmt":
                Permute();
                return true;
            case "setp" or "set":
                SetPredicate(name == "set");
                return true;
            case "selp" or "slct":
                Select(name == "slct");
                return true;
            case "testp":
                TestProperty();
                return true;
            default:
                return false;
        }
    }

    private void Logic(string name)
    {
        PtxType type = _m.Type();
        int which = name == "and" ? 0 : name == "or" ? 1 : 2;
        Operands(3);
        if (type == PtxType.Pred)
        {
            Instruction p = new() { A = Predicate(Op(1)), B = Predicate(Op(2)), D = Dst(0, type), Mode = which };
            Add(&Compare.Predicate, InstructionClass.Logic, p);
            return;
        }

        Instruction i = Three(type);
        if (which == 0 && (Op(1) is ConstantOperand || Op(2) is ConstantOperand))
            _masked.Add(i.D);
        bool setsField = which == 1 && (_masked.Contains(i.A) || _masked.Contains(i.B));
        Add((type.Bits(), which) switch
        {
            (16 or 32, 0) => &Vector.Run2<And32>,
            (16 or 32, 1) => &Vector.Run2<Or32>,
            (16 or 32, 2) => &Vector.Run2<Xor32>,
            (64, 0) => &Vector.Wide2<And64>,
            (64, 1) => &Vector.Wide2<Or64>,
            (64, 2) => &Vector.Wide2<Xor64>,
            _ => throw Unsupported("this type is not known here"),
        }, InstructionClass.Logic, i, setsField ? CheckKind.Any : CheckKind.Propagate);
    }

    private void Not(bool boolean)
    {
        PtxType type = _m.Type();
        Operands(2);
        Instruction i = new() { A = type == PtxType.Pred ? Predicate(Op(1)) : Src(1, type), D = Dst(0, type), Mode = 3 };
        i.B = i.A;
        Add((type.Bits(), boolean) switch
        {
            (1, false) => &Compare.Predicate,
            (16, false) => &Scalar.Run1<Not16, uint, uint>,
            (32, false) => &Vector.Run1<Not32>,
            (64, false) => &Scalar.Run1<Not64, ulong, ulong>,
            (16, true) => &Scalar.Run1<CNot16, uint, uint>,
            (32, true) => &Scalar.Run1<CNot32, uint, uint>,
            (64, true) => &Scalar.Run1<CNot64, ulong, ulong>,
            _ => throw Unsupported("this type is not known here"),
        }, InstructionClass.Logic, i);
    }

    private void Shift(bool left)
    {
        PtxType type = _m.Type();
        Operands(3);
        Instruction i = new() { A = Src(1, type), B = Src(2, PtxType.U32), D = Dst(0, type) };
        bool signed = type.IsSigned();
        Add((type.Bits(), left) switch
        {
            (16, true) => &Scalar.Run2<Shl16, uint, uint, uint>,
            (32, true) => &ShiftVectors.Left32,
            (64, true) => &ShiftVectors.Left64,
            (16, false) => signed ? &Scalar.Run2<ShrS16, uint, uint, uint> : &Scalar.Run2<ShrU16, uint, uint, uint>,
            (32, false) => signed ? &Scalar.Run2<ShrS32, int, uint, int> : &ShiftVectors.Right32,
            (64, false) => signed ? &Scalar.Run2<ShrS64, long, uint, long> : &Scalar.Run2<ShrU64, ulong, uint, ulong>,
            _ => throw Unsupported("this type is not known here"),
        }, InstructionClass.Logic, i);
    }

    private void Funnel()
    {
        bool left = _m.TakeAny("l", "r") == "l", wrap = _m.TakeAny("wrap", "clamp") == "wrap";
        if (_m.Type() != PtxType.B32)
            throw Unsupported("this type is not known here");
        Operands(4);
        Instruction i = new() { A = Src(1, PtxType.B32), B = Src(2, PtxType.B32), C = Src(3, PtxType.U32), D = Dst(0, PtxType.B32) };
        Add((left, wrap) switch
        {
            (true, true) => &Scalar.Run3<ShfLWrap, uint, uint, uint, uint>,
            (true, false) => &Scalar.Run3<ShfLClamp, uint, uint, uint, uint>,
            (false, true) => &Scalar.Run3<ShfRWrap, uint, uint, uint, uint>,
            _ => &Scalar.Run3<ShfRClamp, uint, uint, uint, uint>,
        }, InstructionClass.Logic, i);
    }

    private void Count(string name)
    {
        bool amount = name == "bfind" && _m.Take("shiftamt");
        PtxType type = _m.Type();
        Operands(2);
        Instruction i = new() { A = Src(1, type), D = Dst(0, name == "brev" ? type : PtxType.U32) };
        Add((name, type.Bits(), type.IsSigned()) switch
        {
            ("popc", 32, _) => &Scalar.Run1<Popc32, uint, uint>,
            ("popc", 64, _) => &Scalar.Run1<Popc64, ulong, uint>,
            ("clz", 32, _) => &Scalar.Run1<Clz32, uint, uint>,
            ("clz", 64, _) => &Scalar.Run1<Clz64, ulong, uint>,
            ("brev", 32, _) => &Scalar.Run1<Brev32, uint, uint>,
            ("brev", 64, _) => &Scalar.Run1<Brev64, ulong, ulong>,
            ("bfind", 32, false) => amount ? &Scalar.Run1<BfindShiftU32, uint, uint> : &Scalar.Run1<BfindU32, uint, uint>,
            ("bfind", 32, true) => amount ? &Scalar.Run1<BfindShiftS32, int, uint> : &Scalar.Run1<BfindS32, int, uint>,
            ("bfind", 64, false) => amount ? &Scalar.Run1<BfindShiftU64, ulong, uint> : &Scalar.Run1<BfindU64, ulong, uint>,
            ("bfind", 64, true) => amount ? &Scalar.Run1<BfindShiftS64, long, uint> : &Scalar.Run1<BfindS64, long, uint>,
            _ => throw Unsupported("this type is not known here"),
        }, InstructionClass.Logic, i);
    }

    private void Field(string name)
    {
        bool wrap = name is "bmsk" or "szext" && _m.TakeAny("clamp", "wrap") == "wrap";
        PtxType type = _m.Type();
        if (name == "bfi")
        {
            Operands(5);
            Instruction b = new() { A = Src(1, type), B = Src(2, type), C = Src(3, PtxType.U32), E = Src(4, PtxType.U32), D = Dst(0, type), Mode = type.Bits() == 64 ? 1 : 0 };
            if (type.Bits() < 32)
                throw Unsupported("this type is not known here");
            Add(&Misc32.Bfi, InstructionClass.Logic, b);
            return;
        }

        if (name is "bmsk" or "szext")
        {
            Instruction m = Three(type.Bits() == 32 ? type : throw Unsupported("this type is not known here"));
            Add((name, wrap, type.IsSigned()) switch
            {
                ("bmsk", true, _) => &Scalar.Run2<BmskWrap, uint, uint, uint>,
                ("bmsk", false, _) => &Scalar.Run2<BmskClamp, uint, uint, uint>,
                (_, true, false) => &Scalar.Run2<SzextWrapU, uint, uint, uint>,
                (_, true, true) => &Scalar.Run2<SzextWrapS, uint, uint, uint>,
                (_, false, false) => &Scalar.Run2<SzextClampU, uint, uint, uint>,
                _ => &Scalar.Run2<SzextClampS, uint, uint, uint>,
            }, InstructionClass.Logic, m);
            return;
        }

        Operands(4);
        Instruction i = new() { A = Src(1, type), B = Src(2, PtxType.U32), C = Src(3, PtxType.U32), D = Dst(0, type) };
        Add((name, type) switch
        {
            ("fns", PtxType.B32) => &Scalar.Run3<Fns32, uint, uint, int, uint>,
            ("bfe", PtxType.U32) => &Scalar.Run3<BfeU32, uint, uint, uint, uint>,
            ("bfe", PtxType.S32) => &Scalar.Run3<BfeS32, int, uint, uint, uint>,
            ("bfe", PtxType.U64) => &Scalar.Run3<BfeU64, ulong, uint, uint, ulong>,
            ("bfe", PtxType.S64) => &Scalar.Run3<BfeS64, long, uint, uint, ulong>,
            _ => throw Unsupported("this type is not known here"),
        }, InstructionClass.Logic, i);
    }

    private void Lop3()
    {
        string? boolean = _m.TakeAny("or", "and");
        if (_m.Type() != PtxType.B32)
            throw Unsupported("this type is not known here");
        Operands(boolean is null ? 5 : 6);
        Operand first = Op(0);
        Instruction i = new() { A = Src(1, PtxType.B32), B = Src(2, PtxType.B32), C = Src(3, PtxType.B32) };
        if (Op(4) is not ConstantOperand { Bits: >= 0 and < 256 } table)
            throw Refuse("lop3 needs a table from 0 to 255");
        i.Imm = table.Bits;
        if (boolean is not null)
        {
            if (first is not PairOperand pair)
                throw Refuse("lop3 with a predicate needs d|p");
            first = pair.First;
            i.E = Dst(pair.Second, PtxType.Pred);
            i.Mode2 = Predicate(Op(5));
            i.Mode = boolean == "or" ? 1 : 2;
        }

        i.D = Dst(first, PtxType.B32);
        Add(&Misc32.Lop3, InstructionClass.Logic, i);
    }

    private void Permute()
    {
        if (_m.Type() != PtxType.B32)
            throw Unsupported("this type is not known here");
        string? mode = _m.TakeAny("f4e", "b4e", "rc8", "ecl", "ecr", "rc16");
        Operands(4);
        Instruction i = new() { A = Src(1, PtxType.B32), B = Src(2, PtxType.B32), C = Src(3, PtxType.B32), D = Dst(0, PtxType.B32) };
        Add(mode switch
        {
            "f4e" => &Scalar.Run3<PrmtF4e, uint, uint, uint, uint>,
            "b4e" => &Scalar.Run3<PrmtB4e, uint, uint, uint, uint>,
            "rc8" => &Scalar.Run3<PrmtRc8, uint, uint, uint, uint>,
            "ecl" => &Scalar.Run3<PrmtEcl, uint, uint, uint, uint>,
            "ecr" => &Scalar.Run3<PrmtEcr, uint, uint, uint, uint>,
            "rc16" => &Scalar.Run3<PrmtRc16, uint, uint, uint, uint>,
            _ => &Scalar.Run3<PrmtGeneric, uint, uint, uint, uint>,
        }, InstructionClass.Logic, i);
    }

    private static CompareOp? CompareOf(string name) => name switch
    {
        "eq" => CompareOp.Eq, "ne" => CompareOp.Ne, "lt" or "lo" => CompareOp.Lt, "le" or "ls" => CompareOp.Le, "gt" or "hi" => CompareOp.Gt,
        "ge" or "hs" => CompareOp.Ge, "equ" => CompareOp.Equ, "neu" => CompareOp.Neu, "ltu" => CompareOp.Ltu, "leu" => CompareOp.Leu,
        "gtu" => CompareOp.Gtu, "geu" => CompareOp.Geu, "num" => CompareOp.Num, "nan" => CompareOp.Nan, _ => null,
    };

    private void SetPredicate(bool set)
    {
        CompareOp how = CompareOf(_m.Next("a comparison")) ?? throw Unsupported("this comparison is not known");
        string? boolean = _m.TakeNext("and") ? "and" : _m.TakeNext("or") ? "or" : _m.TakeNext("xor") ? "xor" : null;
        bool ftz = _m.Take("ftz");
        PtxType result = set ? _m.Type() : PtxType.Pred, type = _m.Type();
        bool isFloat = type.IsFloat();
        if (!isFloat && how > CompareOp.Ge)
            throw Refuse("this comparison is of floats");
        Operands(boolean is null ? 3 : 4);
        Instruction i = new() { A = Src(1, type), B = Src(2, type), Mode = (int)how, E = -1, Count = (type is PtxType.BF16 or PtxType.BF16x2 ? 1 : 0) | (ftz ? 2 : 0) };
        if (boolean is not null)
        {
            i.Mode2 = boolean == "and" ? 1 : boolean == "or" ? 2 : 3;
            i.C = Predicate(Op(3));
        }

        bool packed = type is PtxType.F16x2 or PtxType.BF16x2;
        if (set)
        {
            SetValue(result, type, packed, i);
            return;
        }

        Operand first = Op(0);
        if (first is PairOperand pair)
        {
            i.E = Dst(pair.Second, PtxType.Pred);
            first = pair.First;
        }

        i.D = Dst(first, PtxType.Pred);
        Add(packed ? &Compare.SetpPacked : type switch
        {
            PtxType.S32 => &Compare.Setp<CompareS32>,
            PtxType.U32 or PtxType.B32 => &Compare.Setp<CompareU32>,
            PtxType.F32 => &Compare.Setp<CompareF32>,
            PtxType.S16 => &Compare.Setp<CompareInteger<short>>,
            PtxType.U16 or PtxType.B16 => &Compare.Setp<CompareInteger<ushort>>,
            PtxType.S64 => &Compare.Setp<CompareInteger<long>>,
            PtxType.U64 or PtxType.B64 => &Compare.Setp<CompareInteger<ulong>>,
            PtxType.F64 => &Compare.Setp<CompareF64>,
            PtxType.F16 or PtxType.BF16 => &Compare.Setp<CompareHalf>,
            _ => throw Unsupported("this type is not known here"),
        }, InstructionClass.Compare, i);
    }

    private void SetValue(PtxType result, PtxType type, bool packed, Instruction i)
    {
        i.D = Dst(0, result);
        i.Imm = result switch
        {
            PtxType.F32 => 0x3f800000,
            PtxType.F16 or PtxType.F16x2 => 0x3c00,
            PtxType.BF16 or PtxType.BF16x2 => 0x3f80,
            _ => packed || result.Bits() == 16 ? 0xffff : uint.MaxValue,
        };
        Add(packed ? &Compare.SetPacked : type switch
        {
            PtxType.S32 => &Compare.Set<CompareS32>,
            PtxType.U32 or PtxType.B32 => &Compare.Set<CompareU32>,
            PtxType.F32 => &Compare.Set<CompareF32>,
            PtxType.S16 => &Compare.Set<CompareInteger<short>>,
            PtxType.U16 or PtxType.B16 => &Compare.Set<CompareInteger<ushort>>,
            PtxType.S64 => &Compare.Set<CompareInteger<long>>,
            PtxType.U64 or PtxType.B64 => &Compare.Set<CompareInteger<ulong>>,
            PtxType.F64 => &Compare.Set<CompareF64>,
            PtxType.F16 or PtxType.BF16 => &Compare.Set<CompareHalf>,
            _ => throw Unsupported("this type is not known here"),
        }, InstructionClass.Compare, i);
    }

    private void Select(bool bySign)
    {
        bool ftz = bySign && _m.Take("ftz");
        PtxType type = _m.Type();
        Operands(4);
        if (bySign)
        {
            PtxType of = _m.Type();
            if (ftz && of != PtxType.F32)
                throw Unsupported("'.ftz' needs f32");
            Instruction s = new() { A = Src(1, type), B = Src(2, type), C = Src(3, of), D = Dst(0, type), Mode = (type.Bits() == 64 ? 1 : 0) | (of == PtxType.F32 ? 2 : 0) | (ftz ? 4 : 0) };
            Add(&Compare.Slct, InstructionClass.Compare, s);
            return;
        }

        Instruction i = new() { A = Src(1, type), B = Src(2, type), C = Predicate(Op(3)), D = Dst(0, type) };
        Add(type.Bits() == 64 ? &Compare.Selp64 : &Compare.Selp32, InstructionClass.Compare, i, CheckKind.Select);
    }

    private void TestProperty()
    {
        int which = Array.IndexOf(["finite", "infinite", "number", "notanumber", "normal", "subnormal"], _m.Next("a property"));
        PtxType type = _m.Type();
        if (which < 0 || type is not (PtxType.F32 or PtxType.F64))
            throw Unsupported("this property or type is not known");
        Operands(2);
        Instruction i = new() { A = Src(1, type), D = Dst(0, PtxType.Pred), Mode = which, Mode2 = type == PtxType.F64 ? 1 : 0 };
        Add(&Compare.Testp, InstructionClass.Compare, i);
    }
}
