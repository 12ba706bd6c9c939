using Acm.Simulator.Counters;
using Acm.Simulator.Execution;
using Acm.Simulator.Execution.Handlers;
using Acm.Simulator.Memory;
using Acm.Simulator.Parser;

namespace Acm.Simulator.Decode;

/// <summary>Operands to places in the frame.</summary>
internal sealed unsafe partial class FunctionDecoder
{
    private static readonly Dictionary<string, SpecialRegister> s_specials = SpecialNames();
    private readonly Dictionary<RegisterSymbol, int> _offsets = [];
    private readonly Dictionary<(bool Wide, ulong Bits), int> _constants = [];
    private readonly Dictionary<SpecialRegister, int> _specialOffsets = [];

    private static Dictionary<string, SpecialRegister> SpecialNames()
    {
        Dictionary<string, SpecialRegister> names = new(StringComparer.Ordinal);
        foreach (SpecialRegister which in Enum.GetValues<SpecialRegister>())
        {
            string name = which.ToString();
            if (name[^1] is 'X' or 'Y' or 'Z' && name != "Index")
                names[$"%{name[..^1].ToLowerInvariant()}.{char.ToLowerInvariant(name[^1])}"] = which;
            else
                names["%" + name.ToLowerInvariant()] = which;
        }

        foreach (string relation in (string[])["Eq", "Lt", "Le", "Gt", "Ge"])
        {
            SpecialRegister which = Enum.Parse<SpecialRegister>("LaneMask" + relation);
            names.Remove("%lanemask" + relation.ToLowerInvariant());
            names["%lanemask_" + relation.ToLowerInvariant()] = which;
        }

        Rename("%clusterctaid.x", "%cluster_ctaid.x");
        Rename("%clusterctaid.y", "%cluster_ctaid.y");
        Rename("%clusterctaid.z", "%cluster_ctaid.z");
        Rename("%clusternctaid.x", "%cluster_nctaid.x");
        Rename("%clusternctaid.y", "%cluster_nctaid.y");
        Rename("%clusternctaid.z", "%cluster_nctaid.z");
        Rename("%clusterctarank", "%cluster_ctarank");
        Rename("%clusternctarank", "%cluster_nctarank");
        Rename("%dynamicsharedsize", "%dynamic_smem_size");
        Rename("%totalsharedsize", "%total_smem_size");
        return names;

        void Rename(string from, string to)
        {
            SpecialRegister which = names[from];
            names.Remove(from);
            names[to] = which;
        }
    }

    private int Room(int bytes)
    {
        int offset = _code.FrameBytes;
        _code.FrameBytes += bytes;
        if (_code.FrameBytes > 1 << 26)
            throw Refuse("the function has too many registers");
        return offset;
    }

    private int RegisterOffset(RegisterSymbol register)
    {
        if (_offsets.TryGetValue(register, out int offset))
            return offset;
        if (register.Type.Bits() == 128)
            throw Unsupported("128-bit registers are not supported");
        offset = Room(register.Type.Bits() == 64 ? 256 : 128);
        _offsets.Add(register, offset);
        _code.RegisterNames[offset] = register.Name;
        return offset;
    }

    private int Constant(ulong bits, bool wide)
    {
        if (!_constants.TryGetValue((wide, bits), out int offset))
        {
            offset = Room(wide ? 256 : 128);
            _constants.Add((wide, bits), offset);
            _code.Constants.Add(new ConstantPlane(offset, wide, bits));
        }

        return offset;
    }

    private int Special(SpecialRegister which)
    {
        if (!_specialOffsets.TryGetValue(which, out int offset))
        {
            offset = Room(128);
            _specialOffsets.Add(which, offset);
            _code.Specials.Add(new SpecialPlane(offset, which));
        }

        return offset;
    }

    private int OperandCount => _statement.Operands.Count;

    private Operand Op(int index) => index < _statement.Operands.Count
        ? _statement.Operands[index]
        : throw Refuse($"operand {index + 1} is missing");

    private void Operands(int count)
    {
        if (OperandCount != count)
            throw Refuse($"{count} operands expected, {OperandCount} found");
    }

    private void Operands(int least, int most)
    {
        if (OperandCount < least || OperandCount > most)
            throw Refuse($"{least} to {most} operands expected, {OperandCount} found");
    }

    /// <summary>Bits of a register's place: 64, 32, 16 (also for 8) or 1 for predicates.</summary>
    private static int Place(PtxType type) => type.Bits() switch { 8 => 16, 4 => 32, int bits => bits };

    private int Src(int index, PtxType type) => Src(Op(index), type);

    private int Src(Operand operand, PtxType type, bool loose = false)
    {
        int offset = Source(operand, type, loose);
        _reads.Add(offset);
        return offset;
    }

    private int Source(Operand operand, PtxType type, bool loose)
    {
        switch (operand)
        {
            case RegisterOperand register:
                int have = Place(register.Register.Type), need = Place(type);
                if (have != need && !(loose && have > need && need > 1))
                    throw Refuse($"'{register.Register.Name}' has {have} bits where {need} are needed");
                return RegisterOffset(register.Register);
            case ConstantOperand constant:
                return Constant(ConstantBits(constant, type), Place(type) == 64);
            case NameOperand name when s_specials.TryGetValue(name.Name, out SpecialRegister which):
                if (Place(type) == 64)
                    throw Unsupported($"'{name.Name}' read as 64 bits");
                if (which is >= SpecialRegister.ClusterIdX and <= SpecialRegister.ClusterNctaRank)
                    NeedClustersOfOne();
                return Special(which);
            case NameOperand { Name: "%is_explicit_cluster" } when type == PtxType.Pred:
                return Constant(_kernel.Module.Functions.Any(static f => f.IsExplicitlyClustered) ? uint.MaxValue : 0, false); // a launch gives no size of clusters
            case VariableOperand variable:
                return VariableAddress(variable, Place(type) == 64, false);
            case NameOperand { Name: "WARP_SZ" }:
                return Constant(32, Place(type) == 64);
            case NameOperand name when Place(type) == 64 && _kernel.Module.NumberOf(name.Name) is > 0 and int number:
                return Constant(AddressMap.Function(number), true);
            case NameOperand name:
                throw name.Name[0] == '%' ? Unsupported($"register '{name.Name}' is not known") : Refuse($"'{name.Name}' is not declared");
            default:
                throw Refuse("this form of operand is not known here");
        }
    }

    private ulong ConstantBits(ConstantOperand constant, PtxType type)
    {
        if (type == PtxType.Pred)
            return constant.Bits != 0 ? uint.MaxValue : 0;
        if (constant.Type is PtxType.F32 or PtxType.F64)
        {
            double value = constant.Type == PtxType.F32 ? BitConverter.Int32BitsToSingle((int)constant.Bits) : BitConverter.Int64BitsToDouble(constant.Bits);
            return type switch
            {
                PtxType.F64 or PtxType.B64 => constant.Type == PtxType.F64 ? (ulong)constant.Bits : BitConverter.DoubleToUInt64Bits(value),
                PtxType.F32 or PtxType.B32 or PtxType.TF32 => constant.Type == PtxType.F32 ? (uint)constant.Bits : BitConverter.SingleToUInt32Bits((float)value),
                PtxType.F16 => Narrows.F16Bits(value),
                PtxType.BF16 => Narrows.ToBf16(value, RoundMode.Nearest),
                _ => throw Refuse("a float constant does not fit here"),
            };
        }

        return Place(type) switch { 64 => (ulong)constant.Bits, 32 => (uint)constant.Bits, _ => (ushort)constant.Bits };
    }

    /// <summary>The address of a variable, in its own space or as a generic address.</summary>
    private int VariableAddress(VariableOperand operand, bool wide, bool generic)
    {
        VariableSymbol variable = operand.Variable;
        switch (variable.Space)
        {
            case StateSpace.Shared:
                return Constant((ulong)(_kernel.SharedAddress(variable) + operand.Offset) + (generic ? AddressMap.SharedWindow : 0), wide);
            case StateSpace.Global or StateSpace.Const:
                if (!wide)
                    throw Refuse($"the address of '{variable.Name}' needs 64 bits");
                return Constant((ulong)(variable.Address + operand.Offset), true);
            case StateSpace.Param when _function.IsEntry && _parameters.TryGetValue(variable.Name, out KernelParameter parameter):
                return Constant(AddressMap.ParamWindow + (ulong)(parameter.Offset + operand.Offset), wide);
            default:
                int temporary = Room(wide ? 256 : 128);
                bool asGeneric = generic || variable.Space == StateSpace.Param;
                Instruction step = new() { D = temporary, Imm = _local[variable] + operand.Offset, Mode = wide ? 1 : 0, Mode2 = asGeneric ? 1 : 0 };
                AddHelper(&Control.LocalAddress, step, [], [temporary], CheckKind.Define);
                return temporary;
        }
    }

    private int Dst(int index, PtxType type) => Dst(Op(index), type);

    private int Dst(Operand operand, PtxType type, bool loose = false)
    {
        if (operand is NameOperand { Name: "_" })
            return Room(Place(type) == 64 ? 256 : 128);
        if (operand is not RegisterOperand register)
            throw Refuse("the result must go to a register");
        int have = Place(register.Register.Type), need = Place(type);
        if (have != need && !(loose && have > need && need > 1))
            throw Refuse($"'{register.Register.Name}' has {have} bits where {need} are needed");
        int offset = RegisterOffset(register.Register);
        _writes.Add(offset);
        return offset;
    }

    /// <summary>A predicate to read; <c>!p</c> becomes a step of its own.</summary>
    private int Predicate(Operand operand)
    {
        if (operand is not NotOperand negated)
            return Src(operand, PtxType.Pred);
        int source = Source(negated.Inner, PtxType.Pred, false), temporary = Room(128);
        Instruction step = new() { D = temporary, A = source, B = source, Mode = 3 };
        AddHelper(&Compare.Predicate, step, [source], [temporary], CheckKind.Propagate);
        _reads.Add(temporary);
        return temporary;
    }

    /// <summary>Base register, offset and flags of an address.</summary>
    private Instruction Address(Operand operand, MemorySpace space)
    {
        if (operand is not AddressOperand address)
            throw Refuse("an address in brackets is expected");
        Instruction i = new() { Imm = address.Offset, Space = (byte)space };
        switch (address.Base)
        {
            case RegisterOperand register:
                int bits = Place(register.Register.Type);
                if (bits is not (64 or 32) || (bits == 32 && space is MemorySpace.Global or MemorySpace.Generic))
                    throw Refuse($"'{register.Register.Name}' cannot hold an address here");
                i.A = RegisterOffset(register.Register);
                i.Flags = (byte)(bits == 64 ? 1 : 0);
                // The address of a parameter: a kernel's lie in their own space, a function's among its local memory.
                if (space == MemorySpace.Param)
                    i.Space = (byte)MemorySpace.Generic;
                break;
            case ConstantOperand constant:
                i.A = Constant((ulong)constant.Bits, true);
                i.Flags = 1;
                break;
            case VariableOperand variable:
                VariableBase(variable, space, ref i);
                break;
            case NameOperand name:
                throw Refuse($"'{name.Name}' is not declared");
            default:
                throw Refuse("this form of address is not known");
        }

        _reads.Add(i.A);
        return i;
    }

    private void VariableBase(VariableOperand variable, MemorySpace space, ref Instruction i)
    {
        StateSpace lies = variable.Variable.Space;
        bool fits = space switch
        {
            MemorySpace.Shared => lies == StateSpace.Shared,
            MemorySpace.Local => lies == StateSpace.Local,
            MemorySpace.Param => lies == StateSpace.Param,
            MemorySpace.Global => lies is StateSpace.Global or StateSpace.Const,
            _ => true,
        };
        if (!fits)
            throw Refuse($"'{variable.Variable.Name}' does not lie in that space");
        if (lies is StateSpace.Local or StateSpace.Param && _local.TryGetValue(variable.Variable, out int offset))
        {
            i.A = Constant(0, true);
            i.Flags = 1 | 4;
            i.Imm += offset + variable.Offset + (space == MemorySpace.Generic ? (long)AddressMap.LocalWindow : 0);
            if (space == MemorySpace.Param)
                i.Space = (byte)MemorySpace.Local;
            return;
        }

        i.A = VariableAddress(variable, true, space == MemorySpace.Generic);
        i.Flags = 1;
    }

    private int AddTable(object entry)
    {
        _code.Tables.Add(entry);
        return _code.Tables.Count - 1;
    }
}
