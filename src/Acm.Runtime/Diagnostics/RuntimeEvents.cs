using System.Diagnostics.Tracing;

namespace Acm.Runtime.Diagnostics;

/// <summary>What the library has to say unasked: the event source <c>Acm.Runtime</c>, for <c>dotnet-trace</c>, an EventListener, or a logger fed by one.</summary>
[EventSource(Name = "Acm.Runtime")]
internal sealed class RuntimeEvents : EventSource
{
    public static RuntimeEvents Log { get; } = new();

    /// <summary>The program uses narrower vectors than the processor has.</summary>
    [Event(1, Level = EventLevel.Warning, Message = "{2}")]
    public void NarrowVectors(int offeredBits, int usedBits, string message)
    {
        if (IsEnabled())
            WriteEvent(1, offeredBits, usedBits, message);
    }
}
