using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Acm.Native.Driver;

// Structs that cross the border, field for field as in cuda.h; sizes and offsets are checked against the headers' facts.

[InlineArray(16)]
internal struct Bytes16
{
    private byte _first;
}

internal struct CUuuid
{
    public Bytes16 bytes;
}

/// <summary>Only ever passed as null or zeroed: neither execution affinity nor graphics interop is in use.</summary>
internal unsafe struct CUctxCreateParams
{
    public void* execAffinityParams;
    public int numExecAffinityParams;
    public void* cigParams;
}

internal struct CUmemLocation
{
    public CUmemLocationType type;
    public int id;
}

[InlineArray(54)]
internal struct Bytes54
{
    private byte _first;
}

internal unsafe struct CUmemPoolProps
{
    public CUmemAllocationType allocType;
    public CUmemAllocationHandleType handleTypes;
    public CUmemLocation location;
    public void* win32SecurityAttributes;
    public nuint maxSize;
    public ushort usage;
    public Bytes54 reserved;
}

[InlineArray(4)]
internal struct Bytes4
{
    private byte _first;
}

[InlineArray(5)]
internal struct Bytes5
{
    private byte _first;
}

[InlineArray(64)]
internal struct Bytes64
{
    private byte _first;
}

internal struct CUlaunchAttribute
{
    public CUlaunchAttributeID id;
    public Bytes4 pad;
    public CUlaunchAttributeValue value;
}

[StructLayout(LayoutKind.Explicit, Size = 64)]
internal struct CUlaunchAttributeValue
{
    [FieldOffset(0)] public Bytes64 pad;
    [FieldOffset(0)] public int cooperative;
    [FieldOffset(0)] public ClusterDimension clusterDim;
    [FieldOffset(0)] public int programmaticStreamSerializationAllowed;
    [FieldOffset(0)] public int priority;
}

/// <summary>The unnamed struct of <see cref="CUlaunchAttributeValue.clusterDim"/>.</summary>
internal struct ClusterDimension
{
    public uint x;
    public uint y;
    public uint z;
}

internal unsafe struct CUlaunchConfig
{
    public uint gridDimX;
    public uint gridDimY;
    public uint gridDimZ;
    public uint blockDimX;
    public uint blockDimY;
    public uint blockDimZ;
    public uint sharedMemBytes;
    public CUstream hStream;
    public CUlaunchAttribute* attrs;
    public uint numAttrs;
}

internal struct CUgraphExecUpdateResultInfo
{
    public CUgraphExecUpdateResult result;
    public CUgraphNode errorNode;
    public CUgraphNode errorFromNode;
}

internal struct CUgraphEdgeData
{
    public byte from_port;
    public byte to_port;
    public byte type;
    public Bytes5 reserved;
}
