using Acm.Runtime.Plan;
using Buffer = Acm.Runtime.Plan.Buffer;

namespace Acm.Runtime.Backends.Cuda;

/// <summary>A buffer a step reads or writes: float for the stream, else elements; rows are tokens or sequences.</summary>
internal readonly record struct CudaBuffer(Buffer Buffer, int Width, bool IsStream, bool PerSequence);

/// <summary>A step that needs buffers of the plan.</summary>
internal interface IUsesBuffers
{
    IReadOnlyList<CudaBuffer> Buffers { get; }
}
