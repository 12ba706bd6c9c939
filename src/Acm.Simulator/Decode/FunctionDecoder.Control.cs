using Acm.Simulator.Counters;
using Acm.Simulator.Execution;
using Acm.Simulator.Execution.Handlers;
using Acm.Simulator.Parser;

namespace Acm.Simulator.Decode;

/// <summary>Branches, calls and ends.</summary>
internal sealed unsafe partial class FunctionDecoder
{
    private bool DecodeControl(string name)
    {
        switch (name)
        {
            case "bra":
                _m.Take("uni");
                Operands(1);
                if (Op(0) is not NameOperand { Offset: 0 } label)
                    throw Refuse("a label is expected");
                _branches[_instructions.Count] = [label.Name];
                Add(&Control.Branch, InstructionClass.Control, new Instruction { Flags = ControlFlow.BranchMark }, CheckKind.Ignore);
                return true;
            case "brx":
                if (!_m.TakeNext("idx"))
                    throw Unsupported("only brx.idx is known");
                _m.Take("uni");
                Operands(2);
                if (Op(1) is not NameOperand list || !_targets.TryGetValue(list.Name, out List<string>? targets))
                    throw Refuse("a list of .branchtargets is expected");
                Instruction i = new() { A = Src(0, PtxType.U32) };
                _branches[_instructions.Count] = targets;
                Add(&Control.BranchIndexed, InstructionClass.Control, i, CheckKind.Strict);
                return true;
            case "call":
                Call();
                return true;
            case "ret" or "exit":
                _m.Take("uni");
                Operands(0);
                Add(name == "ret" ? &Control.Return : &Control.Exit, InstructionClass.Control, new Instruction { Flags = ControlFlow.EndMark }, CheckKind.Ignore);
                return true;
            case "trap":
                Operands(0);
                Add(&Control.Trap, InstructionClass.Control, new Instruction { Flags = ControlFlow.EndMark }, CheckKind.Ignore);
                return true;
            case "brkpt" or "pmevent" or "nanosleep" or "griddepcontrol":
                if (name == "nanosleep" && _m.Type() != PtxType.U32)
                    throw Unsupported("this type is not known here");
                if (name == "pmevent")
                    _m.Take("mask");
                if (name == "griddepcontrol" && _m.TakeAny("wait", "launch_dependents") is null)
                    throw Unsupported("this griddepcontrol is not known");
                if (name == "nanosleep")
                    Src(0, PtxType.U32);
                Add(&Control.Nothing, InstructionClass.Other, default, CheckKind.Strict);
                return true;
            case "setmaxnreg":
                if (_m.TakeAny("inc", "dec") is null || !_m.TakeNext("sync") || !_m.TakeNext("aligned") || _m.Type() != PtxType.U32)
                    throw Unsupported("this setmaxnreg is not known");
                Operands(1);
                if (Op(0) is not ConstantOperand { Bits: >= 24 and <= 256 } registers || registers.Bits % 8 != 0)
                    throw Refuse("setmaxnreg takes a multiple of 8 from 24 to 256");
                Add(&Control.Nothing, InstructionClass.Other, default, CheckKind.Ignore);
                return true;
            default:
                return false;
        }
    }

    private void Call()
    {
        _m.Take("uni");
        int at = 0;
        List<Operand> results = [], arguments = [];
        if (OperandCount > 0 && Op(0) is ListOperand first)
        {
            results = first.Items;
            at++;
        }

        if (OperandCount > at + 1 && Op(at + 1) is ListOperand second)
            arguments = second.Items;
        if (Op(at) is RegisterOperand)
        {
            CallThroughRegister(at, results, arguments);
            return;
        }

        if (Op(at) is not NameOperand target)
            throw Refuse("a function is expected");
        if (_kernel.FunctionOf(target.Name) is null)
            throw Refuse($"function '{target.Name}' is not declared");
        Code? code = _kernel.CodeOf(target.Name);
        if (code is null)
        {
            CallOutside(target.Name);
            return;
        }

        PtxFunction callee = _kernel.FunctionOf(target.Name)!;
        if (arguments.Count != callee.Parameters.Count || results.Count != callee.Results.Count)
            throw Refuse($"'{target.Name}' takes {callee.Parameters.Count} arguments and gives {callee.Results.Count} results");
        CallSite site = new() { Name = target.Name, Target = code };
        for (int p = 0; p < arguments.Count; p++)
            site.Arguments.Add(Place(arguments[p], callee.Parameters[p]));
        for (int r = 0; r < results.Count; r++)
            site.Results.Add(Place(results[r], callee.Results[r]));
        _code.Calls.Add(site);
        Add(&Control.Call, InstructionClass.Control, new Instruction { Extra = _code.Calls.Count - 1 }, CheckKind.Ignore);
    }

    /// <summary>A call whose target each lane has in a register: lanes with the same target go together and meet again behind it.</summary>
    private void CallThroughRegister(int at, List<Operand> results, List<Operand> arguments)
    {
        Instruction i = new() { A = Src(at, PtxType.B64), Extra = _code.Calls.Count };
        CallSite site = new() { Name = "(in a register)" };
        site.Arguments.AddRange(arguments.Select(Place));
        site.Results.AddRange(results.Select(Place));
        _code.Calls.Add(site);
        _code.CallsIndirectly = true;
        Add(&Control.CallIndirect, InstructionClass.Control, i, CheckKind.Strict);
        AddSite();
        Instruction meet = new() { Run = &Control.Meet, Class = InstructionClass.None, Guard = -1, Site = _code.Sites.Count - 1 };
        _instructions.Add(meet);
    }

    private (int Offset, int Size) Place(Operand operand)
    {
        if (operand is not VariableOperand { Variable.Space: StateSpace.Param } variable || !_local.TryGetValue(variable.Variable, out int offset))
            throw Unsupported("arguments and results must be .param variables");
        return (offset, (int)variable.Variable.Size);
    }

    private (int Offset, int Size) Place(Operand operand, VariableSymbol parameter)
    {
        (int offset, int size) = Place(operand);
        return size == parameter.Size ? (offset, size) : throw Refuse($"an argument or result has {size} bytes where {parameter.Size} are needed");
    }

    /// <summary>Functions that the driver provides: assertions stop the kernel; nothing is printed.</summary>
    private void CallOutside(string name)
    {
        if (name == "__assertfail")
            Add(&Control.Trap, InstructionClass.Control, new Instruction { Flags = ControlFlow.EndMark }, CheckKind.Ignore);
        else
            throw Unsupported($"function '{name}' has no body");
    }
}
