using Acm.Simulator.Execution;

namespace Acm.Simulator;

/// <summary>A kernel's parameter: its place in the block of parameters.</summary>
internal readonly record struct KernelParameter(string Name, int Offset, int Size);

/// <summary>A kernel, decoded and ready to launch.</summary>
internal sealed class SimulatedKernel
{
    public required string Name { get; init; }

    public required Code Code { get; init; }

    public required IReadOnlyList<KernelParameter> Parameters { get; init; }

    /// <summary>Bytes of the whole block of parameters.</summary>
    public required int ParameterBytes { get; init; }

    /// <summary>Shared bytes that the kernel and the functions it calls declare.</summary>
    public required int StaticSharedBytes { get; init; }

    /// <summary>Local bytes per thread, of the deepest chain of calls.</summary>
    public required int LocalBytes { get; init; }

    /// <summary>Most threads per block that the PTX allows (<c>.maxntid</c>, <c>.reqntid</c>).</summary>
    public required int MaximumThreads { get; init; }

    /// <summary><c>.reqntid</c>, or null.</summary>
    public Dim3? RequiredThreads { get; init; }

    /// <summary>Smallest unit of memory that races are looked for in: less than 4 where the kernel writes less than a word at a time.</summary>
    public required int RaceGranule { get; init; }
}
