using System.Runtime.InteropServices;
using Acm.Simulator.Counters;
using Acm.Simulator.Execution;
using Acm.Simulator.Execution.Handlers;
using Acm.Simulator.Memory;
using Acm.Simulator.Parser;

namespace Acm.Simulator.Decode;

/// <summary>Decodes the body of one function. Each family of instructions has a file of its own.</summary>
internal sealed unsafe partial class FunctionDecoder
{
    private readonly KernelDecoder _kernel;
    private readonly PtxFunction _function;
    private readonly Code _code;
    private readonly List<Instruction> _instructions = [];
    private readonly List<int> _extra = [];
    private readonly Dictionary<string, int> _labels = new(StringComparer.Ordinal);
    private readonly Dictionary<string, List<string>> _targets = new(StringComparer.Ordinal);
    private readonly Dictionary<int, List<string>> _branches = [];
    private readonly Dictionary<VariableSymbol, int> _local = [];

    /// <summary>Registers that took a part of a word: what or adds to them is a bit field of a word that need not be whole yet.</summary>
    private readonly HashSet<int> _masked = [];
    private readonly List<int> _reads = [];
    private readonly List<int> _writes = [];
    private Dictionary<string, KernelParameter> _parameters = [];
    private InstructionStatement _statement = null!;
    private OpcodeReader _m = null!;
    private int _guard = -1;

    public FunctionDecoder(KernelDecoder kernel, PtxFunction function, Code code)
    {
        _kernel = kernel;
        _function = function;
        _code = code;
    }

    public void Run()
    {
        LayOutLocal();
        foreach (Statement statement in _function.Body)
        {
            switch (statement)
            {
                case LabelStatement label:
                    if (!_labels.TryAdd(label.Name, _instructions.Count))
                        throw new PtxException(label.Line, label.Name, "label declared twice");
                    break;
                case TargetsStatement targets:
                    _targets[targets.Name] = targets.Targets;
                    break;
            }
        }

        foreach (Statement statement in _function.Body)
        {
            if (statement is LabelStatement label)
                _labels[label.Name] = _instructions.Count;
            else if (statement is InstructionStatement instruction)
                Decode(instruction);
        }

        int end = _function.Body.Count > 0 ? _function.Body[^1].Line : _function.Line;
        _statement = new InstructionStatement(end, "ret", null, false, [], null) { Text = "(end of function)" };
        _guard = -1;
        AddSite();
        Add(&Control.Return, InstructionClass.Control, new Instruction { Flags = ControlFlow.EndMark }, CheckKind.Ignore);
        Finish();
    }

    private void LayOutLocal()
    {
        long at = 0;
        IEnumerable<VariableSymbol> variables = _function.Variables.Where(v => v.Space is StateSpace.Local or StateSpace.Param);
        if (_function.IsEntry)
            _parameters = KernelDecoder.LayOutParameters(_function).Parameters.ToDictionary(p => p.Name);
        else
            variables = variables.Concat(_function.Results).Concat(_function.Parameters);
        foreach (VariableSymbol variable in variables)
        {
            at = KernelDecoder.RoundUp(at, Math.Max(variable.Align, 4));
            _local[variable] = (int)at;
            at += variable.Size;
        }

        if (at > 512 * 1024)
            throw new PtxException(_function.Line, _function.Name, $"{at} bytes of local memory per thread are more than a thread may have");
        _code.LocalBytes = (int)KernelDecoder.RoundUp(at, 16);
        if (_function.IsEntry)
            return;
        _code.Parameters.AddRange(_function.Parameters.Select(p => (_local[p], (int)p.Size)));
        _code.Results.AddRange(_function.Results.Select(p => (_local[p], (int)p.Size)));
    }

    private PtxException Refuse(string reason) => new(_statement.Line, _statement.Text, reason);

    private PtxException Unsupported(string reason) => new PtxUnsupportedException(_statement.Line, _statement.Text, reason);

    private void Decode(InstructionStatement statement)
    {
        _statement = statement;
        _m = new OpcodeReader(statement.Opcode);
        _reads.Clear();
        _writes.Clear();
        AddSite();
        _guard = statement.Guard is null ? -1 : RegisterOffset(statement.Guard);
        try
        {
            Dispatch();
            _m.Done();
        }
        catch (FormatException e)
        {
            throw Unsupported(e.Message);
        }
        catch (PtxException e) when (e is not PtxUnsupportedException && _m.Left.Count > 0)
        {
            // A form with other operands than those known: the modifier is what tells it.
            throw Unsupported($"modifier '.{_m.Left[0]}' of '{_m.Name}' is not known ({e.Reason})");
        }
    }

    private void AddSite()
    {
        _code.Sites.Add(new CodeSite(_statement.Line, _statement.Text, _statement.Source));
        _code.Rules.Add(null);
    }

    private void Dispatch()
    {
        string name = _m.Name;
        if (DecodeInteger(name) || DecodeBits(name) || DecodeFloat(name) || DecodeMove(name) || DecodeMemory(name) || DecodeWarp(name) || DecodeControl(name))
            return;
        throw Unsupported($"instruction '{name}' is not known");
    }

    /// <summary>Adds an instruction of the current statement.</summary>
    private void Add(
        delegate*<Warp, Instruction*, uint, void> run, InstructionClass kind, Instruction instruction, CheckKind check = CheckKind.Propagate)
    {
        instruction.Run = run;
        instruction.Class = kind;
        instruction.Guard = _guard;
        instruction.GuardFlip = _statement.GuardNegated ? uint.MaxValue : 0;
        instruction.Site = _code.Sites.Count - 1;
        _instructions.Add(instruction);
        if (check != CheckKind.Ignore)
            _code.Rules[^1] = new CheckRule([.. _reads], [.. _writes], check);
    }

    /// <summary>A helper step before the current statement's instruction: runs for all lanes, counts as nothing.</summary>
    private void AddHelper(delegate*<Warp, Instruction*, uint, void> run, Instruction instruction, int[] reads, int[] writes, CheckKind check)
    {
        _code.Sites.Insert(_code.Sites.Count - 1, _code.Sites[^1]);
        _code.Rules.Insert(_code.Rules.Count - 1, new CheckRule(reads, writes, check));
        instruction.Run = run;
        instruction.Class = InstructionClass.None;
        instruction.Guard = -1;
        instruction.Site = _code.Sites.Count - 2;
        _instructions.Add(instruction);
    }

    private void Finish()
    {
        ControlFlow flow = new(_instructions, _branches, _labels, _code);
        List<Instruction> final = flow.Run(_extra);
        _code.Instructions = GC.AllocateArray<Instruction>(final.Count, pinned: true);
        final.CopyTo(_code.Instructions);
        _code.First = (Instruction*)Marshal.UnsafeAddrOfPinnedArrayElement(_code.Instructions, 0);
        _code.Extra = GC.AllocateArray<int>(Math.Max(_extra.Count, 1), pinned: true);
        _extra.CopyTo(_code.Extra);
        _code.ExtraFirst = (int*)Marshal.UnsafeAddrOfPinnedArrayElement(_code.Extra, 0);
    }
}
