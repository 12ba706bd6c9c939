using Acm.Simulator.Counters;
using Acm.Simulator.Execution;
using Acm.Simulator.Execution.Handlers;
using Acm.Simulator.Parser;

namespace Acm.Simulator.Decode;

/// <summary>Integer arithmetic.</summary>
internal sealed unsafe partial class FunctionDecoder
{
    private bool DecodeInteger(string name)
    {
        switch (name)
        {
            case "add" or "sub":
                return AddSubtract(name == "sub");
            case "addc" or "subc":
                Carry(name == "subc", true);
                return true;
            case "mul":
                return Multiply();
            case "mad":
                return MultiplyAdd(false);
            case "madc":
                return MultiplyAdd(true);
            case "mul24" or "mad24":
                Multiply24(name == "mad24");
                return true;
            case "div" or "rem":
                return Divide(name == "rem");
            case "min" or "max":
                return MinimumMaximum(name == "max");
            case "abs" or "neg":
                return AbsoluteNegate(name == "neg");
            case "sad":
                SumOfDifferences();
                return true;
            case "dp4a" or "dp2a":
                Dot(name == "dp2a");
                return true;
            default:
                return name.Length > 4 && name[0] == 'v' && name[^1] is '2' or '4' && Video(name);
        }
    }

    private bool IsFloatOperation() => PtxTypes.TryParse(_m.Left.Count > 0 ? _m.Left[^1] : "", out PtxType type) && type.IsFloat();

    private Instruction Three(PtxType type)
    {
        Operands(3);
        return new Instruction { A = Src(1, type), B = Src(2, type), D = Dst(0, type) };
    }

    private bool AddSubtract(bool subtract)
    {
        if (IsFloatOperation())
            return false;
        if (_m.Take("cc"))
        {
            _m.Left.ToList();
            Carry(subtract, false, true);
            return true;
        }

        bool saturate = _m.Take("sat");
        PtxType type = _m.Type();
        Instruction i = Three(type);
        switch (type.Bits(), saturate)
        {
            case (32, true) when type == PtxType.S32:
                Add(subtract ? &Scalar.Run2<SubSat32, int, int, int> : &Scalar.Run2<AddSat32, int, int, int>, InstructionClass.Integer, i);
                break;
            case (16, false):
                Add(subtract ? &Scalar.Run2<Sub16, uint, uint, uint> : &Scalar.Run2<Add16, uint, uint, uint>, InstructionClass.Integer, i);
                break;
            case (32, false) when type is PtxType.U16x2 or PtxType.S16x2 && !subtract:
                Add(&Vector.Run2<Add16x2>, InstructionClass.Integer, i);
                break;
            case (32, false) when type.IsInteger():
                Add(subtract ? &Vector.Run2<Sub32> : &Vector.Run2<Add32>, InstructionClass.Integer, i);
                break;
            case (64, false):
                Add(subtract ? &Vector.Wide2<Sub64> : &Vector.Wide2<Add64>, InstructionClass.Integer, i);
                break;
            default:
                throw Unsupported("this type is not known here");
        }

        return true;
    }

    private void Carry(bool subtract, bool takes, bool gives = false)
    {
        gives |= _m.Take("cc");
        PtxType type = _m.Type();
        Instruction i = Three(type);
        // Borrow: the flag holds the borrow for subtractions.
        i.Mode = (subtract ? 1 : 0) | (takes ? 2 : 0) | (gives ? 4 : 0) | (type.Bits() == 64 ? 8 : 0);
        if (type.Bits() < 32)
            throw Unsupported("carries need 32 or 64 bits");
        Add(&Misc32.AddCarry, InstructionClass.Integer, i);
    }

    private bool Multiply()
    {
        if (IsFloatOperation())
            return false;
        string part = _m.TakeAny("lo", "hi", "wide") ?? throw Refuse("'mul' of integers needs .lo, .hi or .wide");
        PtxType type = _m.Type();
        if (!type.IsInteger())
            throw Unsupported("this type is not known here");
        bool signed = type.IsSigned();
        if (part == "wide")
        {
            Operands(3);
            Instruction i = new() { A = Src(1, type), B = Src(2, type), D = Dst(0, type.Bits() == 16 ? PtxType.B32 : PtxType.B64) };
            Add(type.Bits() switch
            {
                16 => signed ? &Scalar.Run2<MulWideS16, uint, uint, uint> : &Scalar.Run2<MulWideU16, uint, uint, uint>,
                32 => signed ? &WideMultiply.Signed : &WideMultiply.Unsigned,
                _ => throw Unsupported("this type is not known here"),
            }, InstructionClass.Integer, i);
            return true;
        }

        Instruction m = Three(type);
        bool high = part == "hi";
        Add(type.Bits() switch
        {
            16 => !high ? &Scalar.Run2<Mul16, uint, uint, uint> : signed ? &Scalar.Run2<MulHiS16, uint, uint, uint> : &Scalar.Run2<MulHiU16, uint, uint, uint>,
            32 => !high ? &Vector.Run2<Mul32> : signed ? &Scalar.Run2<MulHiS32, int, int, int> : &Scalar.Run2<MulHiU32, uint, uint, uint>,
            _ => !high ? &Vector.Wide2<Mul64> : signed ? &Scalar.Run2<MulHiS64, long, long, long> : &Scalar.Run2<MulHiU64, ulong, ulong, ulong>,
        }, InstructionClass.Integer, m);
        return true;
    }

    private bool MultiplyAdd(bool takes)
    {
        if (IsFloatOperation())
            return false;
        string part = _m.TakeAny("lo", "hi", "wide") ?? throw Refuse("'mad' of integers needs .lo, .hi or .wide");
        bool gives = _m.Take("cc"), saturate = _m.Take("sat");
        PtxType type = _m.Type();
        if (!type.IsInteger())
            throw Unsupported("this type is not known here");
        bool signed = type.IsSigned(), high = part == "hi";
        Operands(4);
        PtxType result = part != "wide" ? type : type.Bits() == 16 ? PtxType.B32 : PtxType.B64;
        Instruction i = new() { A = Src(1, type), B = Src(2, type), C = Src(3, result), D = Dst(0, result) };
        if (gives || takes)
        {
            if (part == "wide" || type.Bits() < 32)
                throw Unsupported("carries need 32 or 64 bits");
            i.Mode = (high ? 1 : 0) | (takes ? 2 : 0) | (gives ? 4 : 0) | (type.Bits() == 64 ? 8 : 0) | (signed ? 16 : 0);
            Add(&Misc32.MadCarry, InstructionClass.Integer, i);
            return true;
        }

        if (part == "wide")
        {
            Add(type.Bits() switch
            {
                16 => signed ? &Scalar.Run3<MadWideS16, uint, uint, uint, uint> : &Scalar.Run3<MadWideU16, uint, uint, uint, uint>,
                32 => signed ? &WideMultiply.SignedAdd : &WideMultiply.UnsignedAdd,
                _ => throw Unsupported("this type is not known here"),
            }, InstructionClass.Integer, i);
            return true;
        }

        if (saturate && !(high && type == PtxType.S32))
            throw Unsupported("'.sat' needs mad.hi.s32");
        Add(type.Bits() switch
        {
            16 => !high ? &Scalar.Run3<Mad16, uint, uint, uint, uint>
                : signed ? &Scalar.Run3<MadHiS16, uint, uint, uint, uint> : &Scalar.Run3<MadHiU16, uint, uint, uint, uint>,
            32 => !high ? &Vector.Run3<Mad32> : saturate ? &Scalar.Run3<MadHiSatS32, int, int, int, int>
                : signed ? &Scalar.Run3<MadHiS32, int, int, int, int> : &Scalar.Run3<MadHiU32, uint, uint, uint, uint>,
            _ => !high ? &Vector.Wide3<Mad64> : signed ? &Scalar.Run3<MadHiS64, long, long, long, long> : &Scalar.Run3<MadHiU64, ulong, ulong, ulong, ulong>,
        }, InstructionClass.Integer, i);
        return true;
    }

    private void Multiply24(bool add)
    {
        bool high = _m.TakeAny("lo", "hi") == "hi";
        PtxType type = _m.Type();
        bool signed = type == PtxType.S32;
        if (!signed && type != PtxType.U32)
            throw Unsupported("this type is not known here");
        if (!add)
        {
            Add(high ? signed ? &Scalar.Run2<Mul24HiS, int, int, int> : &Scalar.Run2<Mul24HiU, uint, uint, uint>
                : signed ? &Scalar.Run2<Mul24LoS, int, int, int> : &Scalar.Run2<Mul24LoU, uint, uint, uint>, InstructionClass.Integer, Three(type));
            return;
        }

        Operands(4);
        Instruction i = new() { A = Src(1, type), B = Src(2, type), C = Src(3, type), D = Dst(0, type) };
        Add(high ? signed ? &Scalar.Run3<Mad24HiS, int, int, int, int> : &Scalar.Run3<Mad24HiU, uint, uint, uint, uint>
            : signed ? &Scalar.Run3<Mad24LoS, int, int, int, int> : &Scalar.Run3<Mad24LoU, uint, uint, uint, uint>, InstructionClass.Integer, i);
    }

    private bool Divide(bool remainder)
    {
        if (IsFloatOperation())
            return false;
        PtxType type = _m.Type();
        Instruction i = Three(type);
        Add((type, remainder) switch
        {
            (PtxType.S16, false) => &Scalar.Run2<DivS16, uint, uint, uint>,
            (PtxType.U16, false) => &Scalar.Run2<DivU16, uint, uint, uint>,
            (PtxType.S32, false) => &Scalar.Run2<DivS32, int, int, int>,
            (PtxType.U32, false) => &Scalar.Run2<DivU32, uint, uint, uint>,
            (PtxType.S64, false) => &Scalar.Run2<DivS64, long, long, long>,
            (PtxType.U64, false) => &Scalar.Run2<DivU64, ulong, ulong, ulong>,
            (PtxType.S16, true) => &Scalar.Run2<RemS16, uint, uint, uint>,
            (PtxType.U16, true) => &Scalar.Run2<RemU16, uint, uint, uint>,
            (PtxType.S32, true) => &Scalar.Run2<RemS32, int, int, int>,
            (PtxType.U32, true) => &Scalar.Run2<RemU32, uint, uint, uint>,
            (PtxType.S64, true) => &Scalar.Run2<RemS64, long, long, long>,
            (PtxType.U64, true) => &Scalar.Run2<RemU64, ulong, ulong, ulong>,
            _ => throw Unsupported("this type is not known here"),
        }, InstructionClass.Integer, i);
        return true;
    }

    private bool MinimumMaximum(bool maximum)
    {
        if (IsFloatOperation())
            return false;
        bool relu = _m.Take("relu");
        PtxType type = _m.Type();
        Instruction i = Three(type);
        if (relu)
        {
            Add((type, maximum) switch
            {
                (PtxType.S32, false) => &Vector.Run2<MinReluS32>,
                (PtxType.S32, true) => &Vector.Run2<MaxReluS32>,
                (PtxType.S16x2, false) => &Vector.Run2<MinReluS16x2>,
                (PtxType.S16x2, true) => &Vector.Run2<MaxReluS16x2>,
                _ => throw Unsupported("'.relu' needs s32 or s16x2"),
            }, InstructionClass.Integer, i);
            return true;
        }

        Add((type, maximum) switch
        {
            (PtxType.S16, false) => &Scalar.Run2<MinS16, uint, uint, uint>,
            (PtxType.U16, false) => &Scalar.Run2<MinU16, uint, uint, uint>,
            (PtxType.S32, false) => &Vector.Run2<MinS32>,
            (PtxType.U32, false) => &Vector.Run2<MinU32>,
            (PtxType.S16x2, false) => &Vector.Run2<MinS16x2>,
            (PtxType.U16x2, false) => &Vector.Run2<MinU16x2>,
            (PtxType.S64, false) => &Scalar.Run2<MinS64, long, long, long>,
            (PtxType.U64, false) => &Scalar.Run2<MinU64, ulong, ulong, ulong>,
            (PtxType.S16, true) => &Scalar.Run2<MaxS16, uint, uint, uint>,
            (PtxType.U16, true) => &Scalar.Run2<MaxU16, uint, uint, uint>,
            (PtxType.S32, true) => &Vector.Run2<MaxS32>,
            (PtxType.U32, true) => &Vector.Run2<MaxU32>,
            (PtxType.S16x2, true) => &Vector.Run2<MaxS16x2>,
            (PtxType.U16x2, true) => &Vector.Run2<MaxU16x2>,
            (PtxType.S64, true) => &Scalar.Run2<MaxS64, long, long, long>,
            (PtxType.U64, true) => &Scalar.Run2<MaxU64, ulong, ulong, ulong>,
            _ => throw Unsupported("this type is not known here"),
        }, InstructionClass.Integer, i);
        return true;
    }

    private bool AbsoluteNegate(bool negate)
    {
        if (IsFloatOperation())
            return false;
        PtxType type = _m.Type();
        if (!type.IsInteger())
            throw Unsupported("this type is not known here");
        Operands(2);
        Instruction i = new() { A = Src(1, type), D = Dst(0, type) };
        Add((type.Bits(), negate) switch
        {
            (16, true) => &Scalar.Run1<Neg16, uint, uint>,
            (32, true) => &Vector.Run1<Neg32>,
            (64, true) => &Scalar.Run1<Neg64, long, long>,
            (16, false) => &Scalar.Run1<Abs16, uint, uint>,
            (32, false) => &Scalar.Run1<Abs32, int, int>,
            (64, false) => &Scalar.Run1<Abs64, long, long>,
            _ => throw Unsupported("this type is not known here"),
        }, InstructionClass.Integer, i);
        return true;
    }

    private void SumOfDifferences()
    {
        PtxType type = _m.Type();
        Operands(4);
        Instruction i = new() { A = Src(1, type), B = Src(2, type), C = Src(3, type), D = Dst(0, type) };
        Add(type switch
        {
            PtxType.S16 => &Scalar.Run3<SadS16, uint, uint, uint, uint>,
            PtxType.U16 => &Scalar.Run3<SadU16, uint, uint, uint, uint>,
            PtxType.S32 => &Scalar.Run3<SadS32, int, int, uint, uint>,
            PtxType.U32 => &Scalar.Run3<SadU32, uint, uint, uint, uint>,
            PtxType.S64 => &Scalar.Run3<SadS64, long, long, ulong, ulong>,
            PtxType.U64 => &Scalar.Run3<SadU64, ulong, ulong, ulong, ulong>,
            _ => throw Unsupported("this type is not known here"),
        }, InstructionClass.Integer, i);
    }

    private void Dot(bool two)
    {
        bool high = two && _m.TakeAny("lo", "hi") == "hi";
        PtxType a = _m.Type(), b = _m.Type();
        if (a is not (PtxType.S32 or PtxType.U32) || b is not (PtxType.S32 or PtxType.U32))
            throw Unsupported("this type is not known here");
        Operands(4);
        Instruction i = new() { A = Src(1, a), B = Src(2, b), C = Src(3, PtxType.B32), D = Dst(0, PtxType.B32) };
        bool signedA = a == PtxType.S32, signedB = b == PtxType.S32;
        i.Mode = (signedA ? 1 : 0) | (signedB ? 2 : 0) | (high ? 4 : 0);
        if (two)
        {
            Add(&Misc32.Dp2a, InstructionClass.Integer, i);
            return;
        }

        Add((signedA, signedB) switch
        {
            (true, true) => &Scalar.Run3<Dp4aSS, uint, uint, uint, uint>,
            (true, false) => &Scalar.Run3<Dp4aSU, uint, uint, uint, uint>,
            (false, true) => &Scalar.Run3<Dp4aUS, uint, uint, uint, uint>,
            _ => &Scalar.Run3<Dp4aUU, uint, uint, uint, uint>,
        }, InstructionClass.Integer, i);
    }

    private bool Video(string name)
    {
        int operation = Array.IndexOf(["vadd", "vsub", "vabsdiff", "vmin", "vmax", "vavrg"], name[..^1]);
        if (operation < 0)
            return false;
        PtxType d = _m.Type(), a = _m.Type(), b = _m.Type();
        bool saturate = _m.Take("sat"), add = _m.Take("add");
        if (d.Bits() != 32 || a.Bits() != 32 || b.Bits() != 32)
            throw Unsupported("this type is not known here");
        Operands(4);
        Instruction i = new()
        {
            A = Src(1, a), B = Src(2, b), C = Src(3, PtxType.B32), D = Dst(0, PtxType.B32), Mode = operation, Mode2 = name[^1] == '4' ? 8 : 16,
            Count = (a.IsSigned() ? 1 : 0) | (b.IsSigned() ? 2 : 0) | (d.IsSigned() ? 4 : 0) | (saturate ? 8 : 0) | (add ? 16 : 0),
        };
        Add(&Misc32.Video, InstructionClass.Integer, i);
        return true;
    }
}
