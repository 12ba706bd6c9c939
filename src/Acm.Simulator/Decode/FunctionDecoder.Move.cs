using Acm.Simulator.Counters;
using Acm.Simulator.Execution;
using Acm.Simulator.Execution.Handlers;
using Acm.Simulator.Memory;
using Acm.Simulator.Parser;

namespace Acm.Simulator.Decode;

/// <summary>Moves, packing, conversions of values and addresses.</summary>
internal sealed unsafe partial class FunctionDecoder
{
    private bool DecodeMove(string name)
    {
        switch (name)
        {
            case "mov":
                Move();
                return true;
            case "cvt":
                ConvertValue();
                return true;
            case "mapa":
                MapToBlock();
                return true;
            case "getctarank":
                BlockOfAddress();
                return true;
            case "cvta":
                ConvertAddress();
                return true;
            case "isspacep":
                IsSpace();
                return true;
            default:
                return false;
        }
    }

    private void Move()
    {
        PtxType type = _m.Type();
        Operands(2);
        if (Op(0) is VectorOperand to)
        {
            Unpack(type, to.Items);
            return;
        }

        if (Op(1) is VectorOperand from)
        {
            Pack(type, from.Items);
            return;
        }

        if (type == PtxType.Pred)
        {
            Instruction p = new() { A = Predicate(Op(1)), D = Dst(0, type), Mode = 4 };
            p.B = p.A;
            Add(&Compare.Predicate, InstructionClass.Move, p);
            return;
        }

        if (Op(1) is NameOperand { Name: "%clock" or "%clock_hi" or "%clock64" or "%globaltimer" or "%globaltimer_lo" or "%globaltimer_hi" } clock)
        {
            int mode = clock.Name switch { "%clock" or "%globaltimer_lo" => 0, "%clock_hi" or "%globaltimer_hi" => 1, "%clock64" => 2, _ => 3 };
            if (mode >= 2 != (type.Bits() == 64))
                throw Refuse($"'{clock.Name}' has another width");
            Add(&Control.Clock, InstructionClass.Move, new Instruction { D = Dst(0, type), Mode = mode }, CheckKind.Define);
            return;
        }

        Instruction i = new() { A = Src(1, type), D = Dst(0, type) };
        i.B = i.A;
        Add(type.Bits() == 64 ? &Vector.Wide2<Move64> : &Vector.Run1<Move32>, InstructionClass.Move, i);
    }

    /// <summary>mov.b64 {a, b}, d and its kin.</summary>
    private void Unpack(PtxType type, List<Operand> items)
    {
        int bits = type.Bits() / items.Count;
        Instruction i = new() { A = Src(1, type), Extra = _extra.Count, Count = items.Count, Mode = type.Bits(), Mode2 = bits };
        foreach (Operand item in items)
            _extra.Add(Dst(item, OfBits(bits)));
        Add(&Packing.Unpack, InstructionClass.Move, i);
    }

    private void Pack(PtxType type, List<Operand> items)
    {
        int bits = type.Bits() / items.Count;
        int[] from = items.Select(item => Src(item, OfBits(bits))).ToArray();
        Instruction i = new() { D = Dst(0, type), Count = items.Count, Mode = type.Bits(), Mode2 = bits };
        if (type.Bits() == 32 && items.Count == 2)
        {
            (i.A, i.B) = (from[0], from[1]);
            Add(&Vector.Run2<Pack16>, InstructionClass.Move, i, CheckKind.Any);
            return;
        }

        i.Extra = _extra.Count;
        _extra.AddRange(from);
        Add(&Packing.Pack, InstructionClass.Move, i, CheckKind.Any);
    }

    private PtxType OfBits(int bits) => bits switch
    {
        8 => PtxType.B8,
        16 => PtxType.B16,
        32 => PtxType.B32,
        _ => throw Unsupported($"elements of {bits} bits are not known here"),
    };

    private void ConvertValue()
    {
        if (_m.TakeNext("pack"))
        {
            ConvertPack();
            return;
        }

        string? integral = _m.TakeAny("rni", "rzi", "rmi", "rpi");
        RoundMode? rounding = _m.Round();
        bool ftz = _m.Take("ftz"), finite = _m.Take("satfinite"), saturate = _m.Take("sat"), relu = _m.Take("relu");
        PtxType to = _m.Type(), from = _m.Type();
        if (to is PtxType.F16x2 or PtxType.BF16x2 or PtxType.E4M3x2 or PtxType.E5M2x2 || from is PtxType.E4M3x2 or PtxType.E5M2x2)
        {
            ConvertPair(to, from, rounding, finite, relu);
            return;
        }

        if (finite && to != PtxType.TF32 && !(to is PtxType.F16 or PtxType.BF16 && from == PtxType.F32))
            throw Unsupported("'.satfinite' is not known for this conversion");
        if (to.Bits() < 8 || from.Bits() < 8 || to is PtxType.E4M3 or PtxType.E5M2 || from is PtxType.E4M3 or PtxType.E5M2 or PtxType.F16x2 or PtxType.BF16x2
            || to == PtxType.F32x2 || from == PtxType.F32x2)
            throw Unsupported("this conversion is not known");
        Operands(2);
        Operand source = Op(1);
        bool wideSource = source is RegisterOperand r ? Place(r.Register.Type) == 64 : Place(from) == 64;
        bool wideTarget = Op(0) is RegisterOperand d && Place(d.Register.Type) == 64;
        bool narrowTarget = Op(0) is RegisterOperand n && Place(n.Register.Type) == 16;
        Instruction i = new() { A = Src(source, from, loose: true), D = Dst(Op(0), to, loose: true) };
        i.B = i.A;
        RoundMode mode = integral switch
        {
            "rni" => RoundMode.Nearest, "rzi" => RoundMode.Zero, "rmi" => RoundMode.Down, "rpi" => RoundMode.Up, _ => rounding ?? RoundMode.Nearest,
        };
        bool fromFloat = from.IsFloat(), toFloat = to.IsFloat();
        if (fromFloat && !toFloat && integral is null)
            throw Refuse("a conversion to an integer needs a rounding such as .rni");
        delegate*<Warp, Instruction*, uint, void> fast = saturate || relu || ftz || finite ? null : (to, from, wideSource, wideTarget) switch
        {
            (PtxType.U64 or PtxType.B64 or PtxType.S64, PtxType.U32 or PtxType.B32, false, true) => &Conversions.U64FromU32,
            (PtxType.S64 or PtxType.U64, PtxType.S32, false, true) => &Conversions.S64FromS32,
            (PtxType.U32 or PtxType.S32, PtxType.U64 or PtxType.S64, true, false) => &Conversions.U32FromU64,
            (PtxType.F32, PtxType.S32, false, false) when mode == RoundMode.Nearest => &Conversions.F32FromS32,
            (PtxType.F32, PtxType.BF16, false, false) when integral is null => &Conversions.F32FromBf16,
            (PtxType.BF16, PtxType.F32, false, false) when mode == RoundMode.Nearest && integral is null => &Conversions.Bf16FromF32,
            (PtxType.U32 or PtxType.S32, PtxType.U16, false, false) => &Vector.Run1<Low16>,
            (PtxType.U16 or PtxType.S16, PtxType.U32 or PtxType.S32, false, false) when narrowTarget => &Vector.Run1<Low16>,
            (PtxType.S32, PtxType.S16, false, false) => &Vector.Run1<Sign16>,
            (PtxType.S32, PtxType.S8, false, false) => &Vector.Run1<Sign8>,
            _ => null,
        };
        if (fast is not null)
        {
            Add(fast, InstructionClass.Convert, i);
            return;
        }

        i.Extra = AddTable(new Conversion(to, from, mode, integral is not null, ftz, saturate, relu, finite, wideSource, wideTarget, narrowTarget));
        Add(&Conversions.Run, InstructionClass.Convert, i);
    }

    private void ConvertPair(PtxType to, PtxType from, RoundMode? rounding, bool finite, bool relu)
    {
        int flags = relu ? 2 : 0;
        if (to is PtxType.F16x2 or PtxType.BF16x2 && from == PtxType.F32)
        {
            Operands(3);
            flags |= (to == PtxType.BF16x2 ? 1 : 0) | (rounding == RoundMode.Zero ? 4 : 0) | (finite ? 8 : 0);
            if (rounding is not (RoundMode.Nearest or RoundMode.Zero))
                throw Unsupported("this rounding is not known here");
            Add(&Conversions.Pair, InstructionClass.Convert, new Instruction { A = Src(1, from), B = Src(2, from), D = Dst(0, to), Mode = flags });
            return;
        }

        if (to == PtxType.F16x2 && from is PtxType.E4M3x2 or PtxType.E5M2x2)
        {
            Operands(2);
            Instruction widen = new() { A = Src(1, PtxType.B16), D = Dst(0, to), Mode = flags | 8 | (from == PtxType.E5M2x2 ? 1 : 0) };
            widen.B = widen.A;
            Add(&Conversions.Fp8, InstructionClass.Convert, widen);
            return;
        }

        if (to is not (PtxType.E4M3x2 or PtxType.E5M2x2) || from is not (PtxType.F32 or PtxType.F16x2) || !finite)
            throw Unsupported("this conversion is not known");
        bool packed = from == PtxType.F16x2;
        Operands(packed ? 2 : 3);
        Instruction i = new() { A = Src(1, from), D = Dst(0, PtxType.B16), Mode = flags | (packed ? 4 : 0) | (to == PtxType.E5M2x2 ? 1 : 0) };
        i.B = packed ? i.A : Src(2, from);
        Add(&Conversions.Fp8, InstructionClass.Convert, i);
    }

    private void ConvertPack()
    {
        if (!_m.Take("sat"))
            throw Refuse("'cvt.pack' needs '.sat'");
        string element = _m.Next("a type");
        (int bits, bool signed) = element switch
        {
            "s16" => (16, true), "u16" => (16, false), "s8" => (8, true), "u8" => (8, false), "s4" => (4, true), "u4" => (4, false), "s2" => (2, true),
            "u2" => (2, false), _ => throw Unsupported($"'.{element}' is not known here"),
        };
        if (_m.Type() != PtxType.S32)
            throw Unsupported("this type is not known here");
        bool third = _m.TakeNext("b32");
        Operands(third ? 4 : 3);
        Instruction i = new() { A = Src(1, PtxType.S32), B = Src(2, PtxType.S32), C = third ? Src(3, PtxType.B32) : -1, D = Dst(0, PtxType.B32), Mode = bits, Mode2 = signed ? 1 : 0 };
        Add(&Conversions.Pack, InstructionClass.Convert, i);
    }

    private static long WindowOf(string space) => space switch
    {
        "shared" or "shared::cta" or "shared::cluster" => (long)AddressMap.SharedWindow,
        "local" => (long)AddressMap.LocalWindow,
        _ => 0, // global, const and parameters are where their generic addresses say
    };

    private void ConvertAddress()
    {
        bool toSpace = _m.TakeNext("to");
        string space = _m.Next("a space");
        if (space is not ("global" or "const" or "local" or "shared" or "shared::cta" or "shared::cluster" or "param" or "param::entry"))
            throw Unsupported($"space '.{space}' is not known");
        if (_m.Type() != PtxType.U64)
            throw Unsupported("addresses have 64 bits");
        Operands(2);
        Operand source = Op(1);
        if (source is VariableOperand variable && !toSpace)
        {
            Instruction v = new() { A = VariableAddress(variable, true, true), D = Dst(0, PtxType.B64) };
            v.B = v.A;
            _reads.Add(v.A);
            Add(&Vector.Wide2<Move64>, InstructionClass.Move, v);
            return;
        }

        Instruction i = new() { A = Src(source, PtxType.B64), D = Dst(0, PtxType.B64), Imm = WindowOf(space), Mode = toSpace ? 1 : 0 };
        i.B = i.A;
        Add(i.Imm == 0 ? &Vector.Wide2<Move64> : &Control.ConvertAddress, InstructionClass.Move, i);
    }

    private void IsSpace()
    {
        string space = _m.Next("a space");
        MemorySpace which = space switch
        {
            "global" or "const" => MemorySpace.Global,
            "shared" or "shared::cta" or "shared::cluster" => MemorySpace.Shared,
            "local" => MemorySpace.Local,
            "param" or "param::entry" => MemorySpace.Param,
            _ => throw Unsupported($"space '.{space}' is not known"),
        };
        Operands(2);
        Instruction i = new() { A = Src(1, PtxType.B64), D = Dst(0, PtxType.Pred), Mode = (int)which, Mode2 = space == "const" ? 1 : 0 };
        i.Extra = AddTable(_kernel.Module.Variables.Where(v => v.Space == StateSpace.Const).ToArray());
        Add(&Control.IsSpace, InstructionClass.Compare, i);
    }
}
