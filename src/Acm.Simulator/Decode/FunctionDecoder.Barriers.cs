using Acm.Simulator.Counters;
using Acm.Simulator.Execution;
using Acm.Simulator.Execution.Handlers;
using Acm.Simulator.Parser;

namespace Acm.Simulator.Decode;

/// <summary>mbarrier objects.</summary>
internal sealed unsafe partial class FunctionDecoder
{
    private void MemoryBarrierObject()
    {
        string what = _m.Next("an operation");
        bool parity = false, noComplete = false, expectTx = false;
        if (what is "test_wait" or "try_wait")
            parity = _m.TakeNext("parity");
        if (what is "arrive" or "arrive_drop")
        {
            expectTx = _m.TakeNext("expect_tx");
            noComplete = _m.TakeNext("noComplete");
        }

        _m.TakeAny("release", "acquire", "relaxed");
        _m.TakeAny("cta", "cluster");
        MemorySpace space = what == "pending_count" ? MemorySpace.Generic : TakeSpace();
        if (_m.Type() != PtxType.B64)
            throw Unsupported("an mbarrier has 64 bits");
        switch (what)
        {
            case "init" or "inval" or "expect_tx" or "complete_tx":
            {
                Operands(what == "inval" ? 1 : 2);
                Instruction i = Address(Op(0), space);
                i.B = what == "inval" ? Constant(0, false) : Src(1, PtxType.U32);
                i.Mode = what switch { "init" => 0, "inval" => 1, "expect_tx" => 2, _ => 3 };
                Add(&MemoryBarriers.Change, InstructionClass.Barrier, i, CheckKind.Strict);
                break;
            }

            case "arrive" or "arrive_drop":
            {
                bool hasState = Op(0) is RegisterOperand or NameOperand { Name: "_" };
                int at = hasState ? 1 : 0;
                Operands(at + 1, at + 2);
                Instruction i = Address(Op(at), space);
                i.B = OperandCount > at + 1 ? Src(at + 1, PtxType.U32) : Constant(expectTx ? 0u : 1, false);
                i.D = hasState ? Dst(0, PtxType.B64) : -1;
                i.Mode = (what == "arrive_drop" ? 1 : 0) | (expectTx ? 2 : 0) | (noComplete ? 4 : 0);
                Add(&MemoryBarriers.Arrive, InstructionClass.Barrier, i, CheckKind.Strict);
                break;
            }

            case "test_wait" or "try_wait":
            {
                Operands(3, 4);
                Instruction i = Address(Op(1), space);
                i.B = Src(2, parity ? PtxType.U32 : PtxType.B64);
                i.D = Dst(0, PtxType.Pred);
                i.Mode = parity ? 1 : 0;
                Add(&MemoryBarriers.Test, InstructionClass.Barrier, i, CheckKind.Strict);
                break;
            }

            case "pending_count":
                Operands(2);
                Add(&MemoryBarriers.PendingCount, InstructionClass.Barrier, new Instruction { A = Src(1, PtxType.B64), D = Dst(0, PtxType.U32) });
                break;
            default:
                throw Unsupported($"'mbarrier.{what}' is not known");
        }
    }

    /// <summary>cp.async.mbarrier.arrive: the copies are made at once, so that the barrier is told at once.</summary>
    private void CopyArrives()
    {
        if (!_m.TakeNext("arrive"))
            throw Unsupported("this cp.async.mbarrier is not known");
        bool noIncrement = _m.TakeNext("noinc");
        MemorySpace space = TakeSpace();
        if (_m.Type() != PtxType.B64)
            throw Unsupported("an mbarrier has 64 bits");
        Operands(1);
        Instruction i = Address(Op(0), space);
        i.B = Constant(1, false);
        i.D = -1;
        i.Mode = 8 | (noIncrement ? 16 : 0);
        Add(&MemoryBarriers.Arrive, InstructionClass.AsyncCopy, i, CheckKind.Strict);
    }
}
