namespace Acm.Simulator.Execution;

/// <summary>Whether a warp looks for registers that nobody wrote.</summary>
internal interface IRegisterChecks
{
    static abstract bool On { get; }
}

internal readonly struct WithRegisterChecks : IRegisterChecks { public static bool On => true; }

internal readonly struct WithoutRegisterChecks : IRegisterChecks { public static bool On => false; }
