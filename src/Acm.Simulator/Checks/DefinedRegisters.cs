using Acm.Simulator.Counters;
using Acm.Simulator.Execution;

namespace Acm.Simulator.Checks;

/// <summary>Follows which lanes of which registers hold a value that somebody computed.</summary>
internal static unsafe class DefinedRegisters
{
    public static void CheckGuard(Warp w, Instruction* i) => Need(w, i->Guard, w.Mask, "a guard");

    private static void Need(Warp w, int offset, uint lanes, string what)
    {
        uint missing = lanes & ~w.Frame.Defined[offset >> 7];
        if (missing != 0)
        {
            throw w.Fault(FaultKind.UninitialisedRegister, $"{NameOf(w, offset)} is used as {what}, but nobody has written it", System.Numerics.BitOperations.TrailingZeroCount(missing));
        }
    }

    public static string NameOf(Warp w, int offset) => w.Frame.Code.RegisterNames.GetValueOrDefault(offset, "a register");

    // Copies of registers are let pass, also to local memory: compilers make some around a loop or (not optimising) before and behind every statement, and what is
    // copied is used later. A constant is no copy.
    private static void NeedFinished(Warp w, Instruction* i, uint exec, CheckRule rule)
    {
        BlockChecks checks = w.Block.Checks!;
        bool copies = i->Class == InstructionClass.Move || (rule.Kind == CheckKind.Store && LocalDefined.StaysLocal(w, i, exec));
        foreach (int read in rule.Reads)
        {
            if (!copies && checks.IsSumUnderWay(w, read))
                throw checks.NotWaitedFor(w, read, "read");
        }

        foreach (int write in rule.Writes)
        {
            if (checks.IsSumUnderWay(w, write) && !CopiesRegisters(w, i, rule))
                throw checks.NotWaitedFor(w, write, "written");
            if (checks.IsOperandUnderWay(w, write) && !CopiesRegisters(w, i, rule))
                throw checks.StillRead(w, write);
        }
    }

    private static bool CopiesRegisters(Warp w, Instruction* i, CheckRule rule) =>
        i->Class == InstructionClass.Move && Array.TrueForAll(rule.Reads, w.Frame.Code.RegisterNames.ContainsKey);

    /// <summary>Before an instruction: checks what it reads, and says what it writes.</summary>
    public static void Apply(Warp w, Instruction* i, uint exec, CheckRule rule)
    {
        if (w.Block.Checks!.HasMatrices(w))
            NeedFinished(w, i, exec, rule);
        uint* defined = w.Frame.Defined;
        uint good = exec;
        switch (rule.Kind)
        {
            case CheckKind.Strict:
                foreach (int read in rule.Reads)
                {
                    if ((defined[read >> 7] & exec) != exec)
                        Need(w, read, exec, "an address, a condition or a value to store");
                }

                break;
            case CheckKind.Propagate:
                foreach (int read in rule.Reads)
                    good &= defined[read >> 7];
                break;
            case CheckKind.Any:
                good = 0;
                foreach (int read in rule.Reads)
                    good |= defined[read >> 7];
                break;
            case CheckKind.Select:
            {
                uint p = *w.Plane(rule.Reads[2]);
                good &= defined[rule.Reads[2] >> 7] & ((defined[rule.Reads[0] >> 7] & p) | (defined[rule.Reads[1] >> 7] & ~p));
                break;
            }

            case CheckKind.LoadLocal:
                foreach (int read in rule.Reads)
                    Need(w, read, exec, "an address");
                good = LocalDefined.Load(w, i, exec);
                break;
            case CheckKind.Store:
                Need(w, rule.Reads[0], exec, "an address");
                LocalDefined.Store(w, i, exec, rule.Reads);
                return;
        }

        foreach (int write in rule.Writes)
            defined[write >> 7] = (defined[write >> 7] & ~exec) | (good & exec);
    }
}
