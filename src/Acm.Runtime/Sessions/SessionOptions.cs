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

    /// <summary>CPU threads of one run. 0: all cores.</summary>
    public int Threads { get; init; }

    /// <summary>The arithmetic of the matrix products.</summary>
    public Precision Precision { get; init; } = Precision.Auto;

    /// <summary>Run a gate's Linear layers one after the other instead of folded into one: slower, for parity checks.</summary>
    public bool UnfoldedGates { get; init; }

    internal void Check()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxBatch, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(MaxLength);
        ArgumentOutOfRangeException.ThrowIfNegative(Threads);
    }
}
