namespace Acm.Native;

/// <summary>Why CUDA (the driver, or the NVRTC compiler) cannot be used on this machine.</summary>
public enum CudaUnavailableReason
{
    /// <summary>No library was found under any of the names and paths tried.</summary>
    NoLibrary,

    /// <summary>The library found is the toolkit's link-time stand-in, not a driver.</summary>
    StubLibrary,

    /// <summary>The driver is older than what this library needs.</summary>
    DriverTooOld,

    /// <summary>The library lacks a function that this library needs.</summary>
    SymbolMissing,

    /// <summary>The driver works, but has no device.</summary>
    NoDevice,

    /// <summary>The driver was found and answered its initialisation with an error.</summary>
    InitializationFailed,
}

/// <summary>One library that was tried.</summary>
/// <param name="Path">The name or path handed to the loader.</param>
/// <param name="Outcome">What came of it, in a few words.</param>
public sealed record LoadAttempt(string Path, string Outcome);

/// <summary>Why CUDA cannot be used here, what was tried, and what to do about it.</summary>
/// <param name="Reason">The kind of reason.</param>
/// <param name="Message">The reason in words: what is needed, what was found.</param>
/// <param name="NextStep">What would change it.</param>
/// <param name="Attempts">Every library tried, in order.</param>
public sealed record CudaUnavailable(CudaUnavailableReason Reason, string Message, string NextStep, IReadOnlyList<LoadAttempt> Attempts)
{
    /// <summary>The reason, the next step and every path tried.</summary>
    public override string ToString() =>
        Attempts.Count == 0
            ? $"{Message} ({NextStep})"
            : $"{Message} ({NextStep}); tried {string.Join(", ", Attempts.Select(a => $"{a.Path}: {a.Outcome}"))}";
}

/// <summary>Thrown where CUDA was required and is not there.</summary>
public sealed class CudaUnavailableException : Exception
{
    /// <summary>Makes the exception from its reason.</summary>
    public CudaUnavailableException(CudaUnavailable unavailable)
        : base(unavailable.ToString()) => Unavailable = unavailable;

    /// <summary>The typed reason.</summary>
    public CudaUnavailable Unavailable { get; }
}
