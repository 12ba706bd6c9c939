using Acm.Native.Threading;

namespace Acm.Runtime;

/// <summary>What carries out a session's runs.</summary>
public enum BackendKind
{
    /// <summary>CUDA where it works, else the CPU; <see cref="InferenceSession.BackendReason"/> says which and why.</summary>
    Auto,
    /// <summary>The CPU: float32, SIMD, own threads.</summary>
    Cpu,
    /// <summary>An NVIDIA GPU; an error where there is none.</summary>
    Cuda,
    /// <summary>A CUDA device in software, for checks; only where the program brings it along.</summary>
    Simulator,
    /// <summary>Double precision, plain loops: the oracle the others are compared with.</summary>
    Reference,
}

/// <summary>The arithmetic of the matrix products.</summary>
public enum Precision
{
    /// <summary>What suits the backend and the stored weights.</summary>
    Auto,
    /// <summary>float32.</summary>
    Float32,
    /// <summary>TF32 products, float32 sums. GPU only.</summary>
    TF32,
    /// <summary>float16 products, float32 sums. GPU only.</summary>
    Float16,
    /// <summary>bfloat16 products, float32 sums. GPU only.</summary>
    BFloat16,
}

/// <summary>Where and how a session runs.</summary>
public sealed class SessionOptions
{
    /// <summary>What carries out the runs.</summary>
    public BackendKind Backend { get; init; } = BackendKind.Auto;

    /// <summary>Most sequences (images, texts, recordings) of one run.</summary>
    public int MaxBatch { get; init; } = 64;

    /// <summary>Text and speech: most word pieces or samples of one run, all sequences together. 0: as much as <see cref="MaxBatch"/> full texts, or minutes of speech, take.</summary>
    public int MaxLength { get; init; }

    /// <summary>CPU threads of one run, the caller's among them; at most 64. 0: all cores, or all of <see cref="Cores"/>.</summary>
    public int Threads { get; init; }

    /// <summary>
    /// Cores that the CPU backend's helper threads are bound to, one each; null: wherever the system puts them. Callers' threads are theirs to
    /// bind. Sessions of a process share their helpers, and with them a limit of one computing thread a core, with those that name the same cores.
    /// </summary>
    /// <remarks>Linux and Windows; elsewhere, and for a core there is none of, making the session throws.</remarks>
    public IReadOnlyList<int>? Cores { get; init; }

    /// <summary>The arithmetic of the matrix products.</summary>
    public Precision Precision { get; init; } = Precision.Auto;

    /// <summary>Run a gate's Linear layers one after the other instead of folded into one: slower, for parity checks.</summary>
    public bool UnfoldedGates { get; init; }

    internal void Check()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxBatch, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(MaxLength);
        ArgumentOutOfRangeException.ThrowIfNegative(Threads);
        if (Cores is null)
            return;
        if (!ThreadAffinity.IsSupported)
            throw new PlatformNotSupportedException("Threads cannot be bound to cores on this system; leave SessionOptions.Cores null.");
        if (Cores.Count == 0 || Cores.Distinct().Count() != Cores.Count)
            throw new ArgumentException($"SessionOptions.Cores names {Cores.Count} cores, {Cores.Distinct().Count()} of them different; at least 1, each once, is needed.");
        foreach (int core in Cores)
            if (!ThreadAffinity.CanBind(core))
                throw new ArgumentException($"SessionOptions.Cores names core {core}, which this process cannot be bound to; it has {Environment.ProcessorCount} cores.");
    }
}
