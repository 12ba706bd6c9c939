namespace Acm.Simulator.Parser;

/// <summary>PTX text that is refused at load: the line, its text and the reason.</summary>
internal class PtxException(int line, string text, string reason)
    : Exception($"PTX line {line}: {reason}" + (text.Length == 0 ? "" : $": {text}"))
{
    /// <summary>1-based line of the PTX text.</summary>
    public int Line { get; } = line;

    /// <summary>The statement (shortened) that is refused.</summary>
    public string Text { get; } = text;

    /// <summary>Why.</summary>
    public string Reason { get; } = reason;
}

/// <summary>Well-formed PTX that needs something the simulated device does not have.</summary>
internal sealed class PtxUnsupportedException(int line, string text, string reason) : PtxException(line, text, reason);
