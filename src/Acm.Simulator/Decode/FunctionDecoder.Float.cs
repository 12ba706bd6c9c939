using Acm.Simulator.Counters;
using Acm.Simulator.Execution;
using Acm.Simulator.Execution.Handlers;
using Acm.Simulator.Parser;

namespace Acm.Simulator.Decode;

/// <summary>Float arithmetic of all widths.</summary>
internal sealed unsafe partial class FunctionDecoder
{
    private bool DecodeFloat(string name)
    {
        switch (name)
        {
            case "add" or "sub" or "mul" or "fma" or "mad":
                FloatArithmetic(name);
                return true;
            case "div" or "rcp" or "sqrt":
                DivideRoot(name);
                return true;
            case "min" or "max":
                FloatMinimumMaximum(name == "max");
                return true;
            case "abs" or "neg":
                FloatSign(name == "neg");
                return true;
            case "rsqrt" or "sin" or "cos" or "lg2" or "ex2" or "tanh":
                Approximate(name);
                return true;
            case "copysign":
                CopySign();
                return true;
            default:
                return false;
        }
    }

    private void FloatArithmetic(string name)
    {
        RoundMode? rounding = _m.Round();
        bool ftz = _m.Take("ftz"), saturate = _m.Take("sat"), relu = _m.Take("relu");
        PtxType type = _m.Type();
        bool three = name is "fma" or "mad";
        Operands(three ? 4 : 3);
        Instruction i = new() { A = Src(1, type), B = Src(2, type), D = Dst(0, type) };
        i.C = three ? Src(3, type) : i.A;
        RoundMode mode = rounding ?? RoundMode.Nearest;
        FloatOp op = name switch { "add" => FloatOp.Add, "sub" => FloatOp.Sub, "mul" => FloatOp.Mul, _ => FloatOp.Fma };
        if (relu && type is PtxType.F32 or PtxType.F64)
            throw Refuse("'.relu' needs half floats");
        switch (type)
        {
            case PtxType.F32 when mode == RoundMode.Nearest:
                Add((op, ftz, saturate) switch
                {
                    (FloatOp.Add, false, false) => &Float.Run2<AddF, Exactly>,
                    (FloatOp.Add, true, false) => &Float.Run2<AddF, Flushed>,
                    (FloatOp.Add, false, true) => &Float.Run2<AddF, Clamped>,
                    (FloatOp.Add, true, true) => &Float.Run2<AddF, FlushedClamped>,
                    (FloatOp.Sub, false, false) => &Float.Run2<SubF, Exactly>,
                    (FloatOp.Sub, true, false) => &Float.Run2<SubF, Flushed>,
                    (FloatOp.Sub, false, true) => &Float.Run2<SubF, Clamped>,
                    (FloatOp.Sub, true, true) => &Float.Run2<SubF, FlushedClamped>,
                    (FloatOp.Mul, false, false) => &Float.Run2<MulF, Exactly>,
                    (FloatOp.Mul, true, false) => &Float.Run2<MulF, Flushed>,
                    (FloatOp.Mul, false, true) => &Float.Run2<MulF, Clamped>,
                    (FloatOp.Mul, true, true) => &Float.Run2<MulF, FlushedClamped>,
                    (_, false, false) => &Float.Run3<FmaF, Exactly>,
                    (_, true, false) => &Float.Run3<FmaByDoubleF, Flushed>,
                    (_, false, true) => &Float.Run3<FmaF, Clamped>,
                    _ => &Float.Run3<FmaF, FlushedClamped>,
                }, InstructionClass.Float, i);
                break;
            case PtxType.F32:
                i.Count = (int)op;
                i.Mode = (int)mode;
                i.Mode2 = (ftz ? 1 : 0) | (saturate ? 2 : 0);
                Add(&DirectedFloat.Single, InstructionClass.Float, i);
                break;
            case PtxType.F32x2 when !saturate && !relu:
                i.Count = (int)op;
                i.Mode = (int)mode;
                i.Mode2 = ftz ? 1 : 0;
                Add(&DirectedFloat.Pair, InstructionClass.Float, i);
                break;
            case PtxType.F64:
                if (ftz || saturate)
                    throw Refuse("f64 has neither '.ftz' nor '.sat'");
                i.Count = (int)op;
                i.Mode = (int)mode;
                Add(mode != RoundMode.Nearest ? &DirectedFloat.Double : op switch
                {
                    FloatOp.Add => &Scalar.Run2<AddD, double, double, double>,
                    FloatOp.Sub => &Scalar.Run2<SubD, double, double, double>,
                    FloatOp.Mul => &Scalar.Run2<MulD, double, double, double>,
                    _ => &Scalar.Run3<FmaD, double, double, double, double>,
                }, InstructionClass.Double, i);
                break;
            default:
                if (mode != RoundMode.Nearest)
                    throw Refuse("half floats round to nearest only");
                AddHalf(op switch { FloatOp.Add => HalfOp.Add, FloatOp.Sub => HalfOp.Sub, FloatOp.Mul => HalfOp.Mul, _ => HalfOp.Fma }, type, ftz, saturate, relu, 0, i);
                break;
        }
    }

    private void AddHalf(HalfOp op, PtxType type, bool ftz, bool saturate, bool relu, int flags, Instruction i)
    {
        if (type is not (PtxType.F16 or PtxType.F16x2 or PtxType.BF16 or PtxType.BF16x2))
            throw Unsupported("this type is not known here");
        i.Count = (int)op;
        i.Mode = (type is PtxType.BF16 or PtxType.BF16x2 ? 1 : 0) | (type is PtxType.F16x2 or PtxType.BF16x2 ? 2 : 0);
        i.Mode2 = (ftz ? 1 : 0) | (saturate ? 2 : 0) | (relu ? 4 : 0) | flags;
        Add(&HalfOps.Run, InstructionClass.Half, i);
    }

    private void DivideRoot(string name)
    {
        RoundMode? rounding = _m.Round();
        bool approximate = _m.TakeAny("approx", "full") is not null, ftz = _m.Take("ftz");
        PtxType type = _m.Type();
        if (rounding is null && !approximate)
            throw Refuse($"'{name}' needs a rounding or '.approx'");
        Operands(name == "div" ? 3 : 2);
        Instruction i = new() { A = Src(1, type), D = Dst(0, type) };
        i.B = name == "div" ? Src(2, type) : i.A;
        i.C = i.A;
        i.Count = (int)(name switch { "div" => FloatOp.Div, "rcp" => FloatOp.Rcp, _ => FloatOp.Sqrt });
        i.Mode = (int)(rounding ?? RoundMode.Nearest);
        i.Mode2 = ftz ? 1 : 0;
        bool nearest = rounding is null or RoundMode.Nearest;
        switch (type)
        {
            case PtxType.F32:
                Add((name, nearest, ftz) switch
                {
                    ("div", true, false) => &Float.Run2<DivF, Exactly>,
                    ("div", true, true) => &Float.Run2<DivF, Flushed>,
                    ("rcp", true, false) => &Float.Run1<RcpF, Exactly>,
                    ("rcp", true, true) => &Float.Run1<RcpF, Flushed>,
                    ("sqrt", true, false) => &Float.Run1<SqrtF, Exactly>,
                    ("sqrt", true, true) => &Float.Run1<SqrtF, Flushed>,
                    _ => &DirectedFloat.Single,
                }, approximate || name != "div" ? InstructionClass.SpecialFunction : InstructionClass.Float, i);
                break;
            case PtxType.F64 when approximate && name == "rcp":
                Add(&Scalar.Run1<RcpApproxD, double, double>, InstructionClass.SpecialFunction, i);
                break;
            case PtxType.F64 when !approximate && !ftz:
                Add(&DirectedFloat.Double, InstructionClass.Double, i);
                break;
            default:
                throw Unsupported("this type is not known here");
        }
    }

    private void FloatMinimumMaximum(bool maximum)
    {
        bool ftz = _m.Take("ftz"), nan = _m.Take("NaN"), xor = _m.Take("xorsign");
        if (xor && !_m.Take("abs"))
            throw Refuse("'.xorsign' needs '.abs'");
        PtxType type = _m.Type();
        if (OperandCount == 4)
            throw Unsupported($"'{_m.Name}' of three values is not supported");
        Instruction i = Three(type);
        i.C = i.A;
        switch (type)
        {
            case PtxType.F32:
                Add(ftz ? MinimumMaximum<Flushed>(maximum, nan, xor) : MinimumMaximum<Exactly>(maximum, nan, xor), InstructionClass.Float, i);
                break;
            case PtxType.F64 when !ftz && !nan && !xor:
                Add(maximum ? &Scalar.Run2<MaxD, double, double, double> : &Scalar.Run2<MinD, double, double, double>, InstructionClass.Double, i);
                break;
            default:
                AddHalf(maximum ? HalfOp.Max : HalfOp.Min, type, ftz, false, false, (nan ? 8 : 0) | (xor ? 16 : 0), i);
                break;
        }
    }

    private static delegate*<Warp, Instruction*, uint, void> MinimumMaximum<TMode>(bool maximum, bool nan, bool xor)
        where TMode : IFloatMode => (maximum, nan, xor) switch
        {
            (false, false, false) => &Float.Run2<MinF, TMode>,
            (false, true, false) => &Float.Run2<MinNaNF, TMode>,
            (false, false, true) => &Float.Run2<XorSign<MinF>, TMode>,
            (false, true, true) => &Float.Run2<XorSign<MinNaNF>, TMode>,
            (true, false, false) => &Float.Run2<MaxF, TMode>,
            (true, true, false) => &Float.Run2<MaxNaNF, TMode>,
            (true, false, true) => &Float.Run2<XorSign<MaxF>, TMode>,
            (true, true, true) => &Float.Run2<XorSign<MaxNaNF>, TMode>,
        };

    private void FloatSign(bool negate)
    {
        bool ftz = _m.Take("ftz");
        PtxType type = _m.Type();
        Operands(2);
        Instruction i = new() { A = Src(1, type), D = Dst(0, type) };
        i.B = i.C = i.A;
        switch (type)
        {
            case PtxType.F32:
                Add((negate, ftz) switch
                {
                    (true, false) => &Float.Run1<NegF, Exactly>,
                    (true, true) => &Float.Run1<NegF, Flushed>,
                    (false, false) => &Float.Run1<AbsF, Exactly>,
                    _ => &Float.Run1<AbsF, Flushed>,
                }, InstructionClass.Float, i);
                break;
            case PtxType.F64:
                Add(negate ? &Scalar.Run1<NegD, double, double> : &Scalar.Run1<AbsD, double, double>, InstructionClass.Double, i);
                break;
            default:
                AddHalf(negate ? HalfOp.Neg : HalfOp.Abs, type, ftz, false, false, 0, i);
                break;
        }
    }

    private void Approximate(string name)
    {
        if (!_m.Take("approx"))
            throw Refuse($"'{name}' needs '.approx'");
        bool ftz = _m.Take("ftz");
        PtxType type = _m.Type();
        Operands(2);
        Instruction i = new() { A = Src(1, type), D = Dst(0, type) };
        i.B = i.C = i.A;
        if (type == PtxType.F64 && name == "rsqrt")
        {
            Add(ftz ? &Scalar.Run1<RsqrtApproxD, double, double> : &Scalar.Run1<RsqrtD, double, double>, InstructionClass.SpecialFunction, i);
            return;
        }

        if (type != PtxType.F32)
        {
            if (name is not ("ex2" or "tanh"))
                throw Unsupported("this type is not known here");
            AddHalf(name == "ex2" ? HalfOp.Ex2 : HalfOp.Tanh, type, ftz, false, false, 0, i);
            return;
        }

        Add((name, ftz) switch
        {
            ("rsqrt", false) => &Float.Run1<RsqrtF, Exactly>,
            ("rsqrt", true) => &Float.Run1<RsqrtF, Flushed>,
            ("ex2", false) => &Float.Run1<Ex2F, Exactly>,
            ("ex2", true) => &Float.Run1<Ex2F, Flushed>,
            ("lg2", false) => &Float.Map<Lg2F, Exactly>,
            ("lg2", true) => &Float.Map<Lg2F, Flushed>,
            ("sin", false) => &Float.Map<SinF, Exactly>,
            ("sin", true) => &Float.Map<SinF, Flushed>,
            ("cos", false) => &Float.Map<CosF, Exactly>,
            ("cos", true) => &Float.Map<CosF, Flushed>,
            _ => &Float.Map<TanhF, Exactly>,
        }, InstructionClass.SpecialFunction, i);
    }

    private void CopySign()
    {
        PtxType type = _m.Type();
        Instruction i = Three(type);
        Add(type switch
        {
            PtxType.F32 => &Scalar.Run2<CopySignF, uint, uint, uint>,
            PtxType.F64 => &Scalar.Run2<CopySignD, ulong, ulong, ulong>,
            _ => throw Unsupported("this type is not known here"),
        }, InstructionClass.Float, i);
    }
}
