using System.Text;

namespace Acm.Simulator;

/// <summary>What a launch was stopped for.</summary>
internal enum FaultKind
{
    OutOfBounds, Misaligned, AfterFree, UninitialisedGlobal, UninitialisedShared, UninitialisedRegister, SharedRace, GlobalRace,
    BarrierUnderDivergence, AsyncCopyNotWaitedFor, MatrixNotWaitedFor, PartialCollective, Deadlock, Livelock, Trap, IllegalInstruction, StackOverflow,
}

/// <summary>The device stopped a launch: what happened, where in the kernel, to which thread, at which address.</summary>
internal sealed class DeviceFaultException(FaultKind kind, string message) : Exception
{
    public FaultKind Kind { get; } = kind;

    public string Kernel { get; set; } = "";

    /// <summary>1-based line of the PTX text; 0 where no one instruction is to blame.</summary>
    public int PtxLine { get; set; }

    public string PtxText { get; set; } = "";

    /// <summary>File and line from <c>.loc</c>, or null.</summary>
    public string? SourceLine { get; set; }

    public Dim3 Block { get; set; }

    public Dim3 Thread { get; set; }

    /// <summary>Generic or global address, or the offset in shared memory; null where none is concerned.</summary>
    public ulong? Address { get; set; }

    /// <summary>The buffer that the address is in or near, or null.</summary>
    public string? Buffer { get; set; }

    public override string Message
    {
        get
        {
            StringBuilder text = new();
            text.Append(Kind).Append(": ").Append(message);
            if (Address is { } address)
                text.Append($"; address 0x{address:x}");
            if (Buffer is not null)
                text.Append($" ({Buffer})");
            text.Append($"; kernel {Kernel}");
            if (PtxLine > 0)
                text.Append($", PTX line {PtxLine}: {PtxText}");
            if (SourceLine is not null)
                text.Append($" ({SourceLine})");
            return text.Append($"; block {Block}, thread {Thread}").ToString();
        }
    }
}
