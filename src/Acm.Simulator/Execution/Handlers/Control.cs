using System.Diagnostics;
using System.Numerics;
using Acm.Simulator.Memory;
using Acm.Simulator.Parser;

namespace Acm.Simulator.Execution.Handlers;

/// <summary>Branches, meeting points, calls and ends. <see cref="Instruction.Imm"/> is a distance in instructions from the start of the code.</summary>
internal static unsafe class Control
{
    /// <summary>bra: Imm target; Mode: the meeting point's place, or -1.</summary>
    public static void Branch(Warp w, Instruction* i, uint exec)
    {
        Instruction* target = w.Frame.Code.First + i->Imm;
        if (exec == w.Mask)
        {
            w.Ip = target;
            return;
        }

        w.Counters.DivergentBranches++;
        PushMeeting(w, i->Mode);
        // The lanes that have the longer way go first: those at the meeting point have nothing to do.
        uint stay = w.Mask & ~exec;
        if (i->Mode >= 0 && i->Imm == i->Mode)
        {
            w.Push(exec, target, w.Frame, w.Token);
            w.Mask = stay;
        }
        else
        {
            w.Push(stay, w.Ip, w.Frame, w.Token);
            w.Mask = exec;
            w.Ip = target;
        }
    }

    private static void PushMeeting(Warp w, int meeting)
    {
        if (meeting < 0)
            return;
        Instruction* at = w.Frame.Code.First + meeting;
        if (w.Token is { IsCall: false } top && top.Ip == at && top.Frame == w.Frame)
            return;
        Token token = w.TakeToken();
        token.IsCall = false;
        token.Ip = at;
        token.Frame = w.Frame;
        token.Parent = w.Token;
        token.Expected = w.Mask;
        token.Arrived = 0;
        w.Token = token;
    }

    /// <summary>brx.idx: A index, Extra and Count the targets; Mode: the meeting point.</summary>
    public static void BranchIndexed(Warp w, Instruction* i, uint exec)
    {
        int* targets = w.Frame.Code.ExtraFirst + i->Extra;
        uint* index = w.Plane(i->A);
        Instruction* first = w.Frame.Code.First;
        uint left = exec, stay = w.Mask & ~exec;
        bool whole = false;
        for (bool started = false; left != 0;)
        {
            int lane = BitOperations.TrailingZeroCount(left);
            uint which = index[lane], group = 0;
            if (which >= (uint)i->Count)
                throw w.Fault(FaultKind.IllegalInstruction, $"brx.idx {which} of {i->Count} targets", lane);
            for (uint rest = left; rest != 0; rest &= rest - 1)
            {
                int other = BitOperations.TrailingZeroCount(rest);
                if (index[other] == which)
                    group |= 1u << other;
            }

            left &= ~group;
            if (group == w.Mask)
            {
                w.Ip = first + targets[which];
                return;
            }

            if (!started)
            {
                w.Counters.DivergentBranches++;
                PushMeeting(w, i->Mode);
                started = true;
                whole = true;
            }

            w.Push(group, first + targets[which], w.Frame, w.Token);
        }

        if (stay != 0)
            w.Push(stay, w.Ip, w.Frame, w.Token);
        if (whole)
            w.Next();
    }

    /// <summary>A meeting point: lanes that are expected here by the innermost token wait for each other.</summary>
    public static void Meet(Warp w, Instruction* i, uint exec)
    {
        while (w.Token is { IsCall: false } token && token.Ip == i && token.Frame == w.Frame)
        {
            token.Arrived |= w.Mask;
            if (token.Arrived != token.Expected)
            {
                w.Next();
                return;
            }

            w.Mask = token.Expected;
            w.Token = token.Parent;
            w.ReturnToken(token);
        }
    }

    /// <summary>call: Extra: number of the call site.</summary>
    public static void Call(Warp w, Instruction* i, uint exec)
    {
        CallSite site = w.Frame.Code.Calls[i->Extra];
        if (exec != w.Mask)
        {
            w.Push(w.Mask & ~exec, w.Ip, w.Frame, w.Token); // a guarded call: the others go on, and meet these again at the next meeting point
            w.Mask = exec;
        }

        Enter(w, site, site.Target!);
    }

    /// <summary>The current lanes enter a function.</summary>
    private static void Enter(Warp w, CallSite site, Code code)
    {
        Frame caller = w.Frame;
        Frame callee = w.TakeFrame(code, caller.LocalBase + caller.Code.LocalBytes);
        for (int p = 0; p < site.Arguments.Count; p++)
            CopyLocal(w, w.Mask, caller.LocalBase + site.Arguments[p].Offset, callee.LocalBase + code.Parameters[p].Offset, code.Parameters[p].Size);
        Token token = w.TakeToken();
        token.IsCall = true;
        token.Ip = w.Ip;
        token.Frame = caller;
        token.Parent = w.Token;
        token.Expected = w.Mask;
        token.Arrived = 0;
        token.Callee = callee;
        token.Call = site;
        w.Token = token;
        w.Frame = callee;
        w.R = callee.Registers;
        w.Ip = code.First;
    }

    /// <summary>call through register A; the next instruction is a meeting point.</summary>
    public static void CallIndirect(Warp w, Instruction* i, uint exec)
    {
        CallSite site = w.Frame.Code.Calls[i->Extra];
        ulong* targets = w.Wide(i->A);
        int first = Lanes.First(exec);
        uint same = 0;
        for (uint rest = exec; rest != 0; rest &= rest - 1)
        {
            int lane = BitOperations.TrailingZeroCount(rest);
            if (targets[lane] == targets[first])
                same |= 1u << lane;
        }

        ulong number = (targets[first] - AddressMap.FunctionWindow) / AddressMap.FunctionStep;
        IReadOnlyList<Code?> functions = w.Frame.Code.Functions;
        if (targets[first] < AddressMap.FunctionWindow || number == 0 || number >= (ulong)functions.Count || functions[(int)number] is not { } code)
            throw w.Fault(FaultKind.IllegalInstruction, "the call goes to no function", first, targets[first]);
        if (code.Parameters.Count != site.Arguments.Count || code.Results.Count != site.Results.Count
            || !code.Parameters.Select(p => p.Size).SequenceEqual(site.Arguments.Select(a => a.Size))
            || !code.Results.Select(p => p.Size).SequenceEqual(site.Results.Select(r => r.Size)))
        {
            throw w.Fault(FaultKind.IllegalInstruction, $"the call does not fit the parameters of '{code.Name}'", first);
        }

        if (same != w.Mask)
        {
            w.Counters.DivergentBranches++;
            PushMeeting(w, (int)(w.Ip - w.Frame.Code.First));
            uint skip = w.Mask & ~exec, later = exec & ~same;
            if (skip != 0)
                w.Push(skip, w.Ip, w.Frame, w.Token);
            if (later != 0)
                w.Push(later, i, w.Frame, w.Token);
            w.Mask = same;
        }

        Enter(w, site, code);
    }

    private static void CopyLocal(Warp w, uint exec, int from, int to, int size)
    {
        for (uint rest = exec; rest != 0; rest &= rest - 1)
        {
            int lane = BitOperations.TrailingZeroCount(rest);
            for (int b = 0; b < size; b++)
            {
                w.Local[MemoryAccess.LocalAt(to + b, lane)] = w.Local[MemoryAccess.LocalAt(from + b, lane)];
                if (w.LocalWritten is not null)
                    w.LocalWritten[MemoryAccess.LocalAt(to + b, lane)] = w.LocalWritten[MemoryAccess.LocalAt(from + b, lane)];
            }
        }
    }

    public static void Return(Warp w, Instruction* i, uint exec)
    {
        if (exec != w.Mask)
        {
            w.Push(w.Mask & ~exec, w.Ip, w.Frame, w.Token);
            w.Mask = exec;
        }

        Token? token = w.Token;
        for (; token is { IsCall: false }; token = token.Parent)
        {
            token.Expected &= ~exec; // these lanes will not come to the meeting points they leave behind
            if (token.Arrived != 0 && token.Arrived == token.Expected)
                w.Push(token.Arrived, token.Ip, token.Frame, token.Parent);
        }

        if (token is null)
        {
            w.Exit(exec);
            return;
        }

        CallSite site = token.Call!;
        Frame callee = token.Callee!;
        for (int r = 0; r < site.Results.Count; r++)
            CopyLocal(w, exec, callee.LocalBase + callee.Code.Results[r].Offset, token.Frame.LocalBase + site.Results[r].Offset, callee.Code.Results[r].Size);
        token.Arrived |= exec;
        if (token.Arrived != token.Expected)
        {
            w.Next();
            return;
        }

        w.Mask = token.Expected;
        w.Frame = token.Frame;
        w.R = w.Frame.Registers;
        w.Ip = token.Ip;
        w.Token = token.Parent;
        w.ReturnFrame(callee);
        w.ReturnToken(token);
    }

    public static void Exit(Warp w, Instruction* i, uint exec) => w.Exit(exec);

    public static void Trap(Warp w, Instruction* i, uint exec) => throw w.Fault(FaultKind.Trap, "the kernel trapped", Lanes.First(exec));

    public static void Nothing(Warp w, Instruction* i, uint exec)
    {
    }

    public static void Fence(Warp w, Instruction* i, uint exec)
    {
        Interlocked.MemoryBarrier();
        w.Block.Checks?.Fence(w, i->Mode);
    }

    /// <summary>D = address of a local variable: this call's part of local memory plus Imm. Mode 1: 64 bits; Mode2 1: as a generic address.</summary>
    public static void LocalAddress(Warp w, Instruction* i, uint exec)
    {
        ulong address = (ulong)(w.Frame.LocalBase + i->Imm) + (i->Mode2 == 1 ? AddressMap.LocalWindow : 0);
        for (uint rest = exec; rest != 0; rest &= rest - 1)
        {
            int lane = BitOperations.TrailingZeroCount(rest);
            if (i->Mode == 1)
                w.Wide(i->D)[lane] = address;
            else
                w.Plane(i->D)[lane] = (uint)address;
        }
    }

    /// <summary>Clocks. Mode: 0 %clock, 1 %clock_hi, 2 %clock64, 3 %globaltimer.</summary>
    public static void Clock(Warp w, Instruction* i, uint exec)
    {
        ulong value = i->Mode == 3 ? (ulong)Stopwatch.GetTimestamp() : (ulong)w.Issued;
        for (uint rest = exec; rest != 0; rest &= rest - 1)
        {
            int lane = BitOperations.TrailingZeroCount(rest);
            if (i->Mode >= 2)
                w.Wide(i->D)[lane] = value;
            else
                w.Plane(i->D)[lane] = i->Mode == 1 ? (uint)(value >> 32) : (uint)value;
        }
    }

    /// <summary>cvta and its way back. Imm: the window's start; Mode: 1 to the space (else from it).</summary>
    public static void ConvertAddress(Warp w, Instruction* i, uint exec)
    {
        for (uint rest = exec; rest != 0; rest &= rest - 1)
        {
            int lane = BitOperations.TrailingZeroCount(rest);
            ulong a = w.Wide(i->A)[lane];
            w.Wide(i->D)[lane] = i->Mode == 1 ? a - (ulong)i->Imm : a + (ulong)i->Imm;
        }
    }

    /// <summary>isspacep: Mode is the space; Mode2 1: const, whose variables lie among global memory.</summary>
    public static void IsSpace(Warp w, Instruction* i, uint exec)
    {
        VariableSymbol[] constants = (VariableSymbol[])w.Frame.Code.Tables[i->Extra];
        uint mask = 0;
        for (uint rest = exec; rest != 0; rest &= rest - 1)
        {
            int lane = BitOperations.TrailingZeroCount(rest);
            ulong address = w.Wide(i->A)[lane];
            bool constant = Array.Exists(constants, v => address - (ulong)v.Address < (ulong)v.Size);
            mask |= ((int)MemoryAccess.SpaceOf(address) == i->Mode && constant == (i->Mode2 == 1) ? 1u : 0) << lane;
        }

        Lanes.SetPredicate(w.Plane(i->D), mask, exec);
    }
}
