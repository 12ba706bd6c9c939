namespace Acm.Runtime;

/// <summary>The backend asked for cannot run here: says why, and what to do.</summary>
/// <param name="backend">The backend asked for.</param>
/// <param name="message">The reason and the next step, for people.</param>
/// <param name="inner">The error behind it, if any.</param>
public sealed class BackendUnavailableException(BackendKind backend, string message, Exception? inner = null) : Exception(message, inner)
{
    /// <summary>The backend asked for.</summary>
    public BackendKind Backend { get; } = backend;
}
