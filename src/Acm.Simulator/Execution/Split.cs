namespace Acm.Simulator.Execution;

internal enum SplitState : byte { Ready, Barrier, Collective }

/// <summary>Lanes of a warp that share a program counter, while they are not the ones being run.</summary>
internal sealed unsafe class Split
{
    public uint Mask;
    public Instruction* Ip;
    public Frame Frame = null!;
    public Token? Token;
    public SplitState State;

    /// <summary>The barrier or collective that is waited for, and the lanes that execute it.</summary>
    public Instruction* Waiting;
    public uint WaitingLanes;
}

/// <summary>A place where lanes that went different ways wait for each other: a post-dominator, or the return from a call.</summary>
internal sealed unsafe class Token
{
    public bool IsCall;
    public Instruction* Ip;
    public Frame Frame = null!;
    public Token? Parent;
    public uint Expected;
    public uint Arrived;

    /// <summary>For a call: the callee's frame, and the call.</summary>
    public Frame? Callee;
    public CallSite? Call;
}
