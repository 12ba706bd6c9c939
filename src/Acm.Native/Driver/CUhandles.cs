namespace Acm.Native.Driver;

// The driver's opaque handles: one word each, typed, so that a stream cannot be passed for an event.

internal readonly record struct CUdevice(int Value);
internal readonly record struct CUdeviceptr(ulong Value);
internal readonly record struct CUcontext(nint Value);
internal readonly record struct CUstream(nint Value);
internal readonly record struct CUevent(nint Value);
internal readonly record struct CUmodule(nint Value);
internal readonly record struct CUfunction(nint Value);
internal readonly record struct CUmemoryPool(nint Value);
internal readonly record struct CUgraph(nint Value);
internal readonly record struct CUgraphExec(nint Value);
internal readonly record struct CUgraphNode(nint Value);
