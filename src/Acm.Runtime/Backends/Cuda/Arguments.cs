using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Acm.Runtime.Backends.Cuda;

// The kernels' parameter structs, field by field as docs/kernels.md and the .cu files lay them out. Addresses are device addresses.

/// <summary>Up to three sites of one launch.</summary>
[InlineArray(3)]
internal struct Three<T>
    where T : unmanaged
{
    private T _first;
}

[StructLayout(LayoutKind.Sequential)]
internal struct RoutingControl
{
    public float Lambda;
    public int Fixed;
    public int Forced;
    public int OffByOne;
}

[StructLayout(LayoutKind.Sequential)]
internal struct Routed
{
    public ulong K, Order, Counts;
}

[StructLayout(LayoutKind.Sequential)]
internal struct GateArgs
{
    public ulong W, B, Rest, Control;
    public Routed Routed;
}

[StructLayout(LayoutKind.Sequential)]
internal struct NormGateArgs
{
    public Three<GateArgs> Gate;
    public ulong X, Y, Gamma, Beta, Tokens, Rows, Finished;
    public int XPitch, YPitch, Width, Gates, Outputs, Learners, MinK;
    public float Epsilon;
}

[StructLayout(LayoutKind.Sequential)]
internal struct UpSite
{
    public ulong X, W1, B1, Order, Counts, Hidden;
}

[StructLayout(LayoutKind.Sequential)]
internal struct UpArgs
{
    public Three<UpSite> Site;
    public int XPitch, HiddenPitch, Steps, Learners, LearnerSize;
}

[StructLayout(LayoutKind.Sequential)]
internal struct DownSite
{
    public ulong Hidden, W2, B2, Order, Counts, Out;
}

[StructLayout(LayoutKind.Sequential)]
internal struct DownArgs
{
    public Three<DownSite> Site;
    public int HiddenPitch, OutPitch, Steps, Learners, LearnerSize, Columns;
}

[StructLayout(LayoutKind.Sequential)]
internal struct ProjectSite
{
    public ulong X, W1, B1, W2, B2, Order, Counts, Out;
}

[StructLayout(LayoutKind.Sequential)]
internal struct ProjectArgs
{
    public Three<ProjectSite> Site;
    public int XPitch, HiddenPitch, OutPitch, Steps1, Steps2, Learners, LearnerSize, Columns;
}

[StructLayout(LayoutKind.Sequential)]
internal struct DenseSite
{
    public ulong X, W, B, Out;
}

[StructLayout(LayoutKind.Sequential)]
internal struct DenseArgs
{
    public Three<DenseSite> Site;
    public ulong Tokens;
    public int XPitch, OutPitch, Steps, Columns;
}

[StructLayout(LayoutKind.Sequential)]
internal struct AttentionArgs
{
    public ulong Q, K, V, Out, Offsets;
    public int Pitch, OutPitch;
    public float Scale;
}

[StructLayout(LayoutKind.Sequential)]
internal struct PatchArgs
{
    public ulong Pixels, W, Table, X, Tokens;
    public int XPitch, Columns, Steps, Channels, Size;
}

[StructLayout(LayoutKind.Sequential)]
internal struct ConvArgs
{
    public ulong X, W, B, Out, InOffsets, OutOffsets;
    public int Sequences, XPitch, OutPitch, Steps, Channels, Columns, XStep, Taps, Stride, Padding;
}

[StructLayout(LayoutKind.Sequential)]
internal struct ChannelNormArgs
{
    public ulong X, Y, Gamma, Beta, Offsets;
    public int Pitch, Width;
    public float Epsilon;
}

[StructLayout(LayoutKind.Sequential)]
internal struct ConvertArgs
{
    public ulong X, Y, Tokens;
    public int Width, XPitch, YPitch;
}

[StructLayout(LayoutKind.Sequential)]
internal struct EmbedArgs
{
    public ulong Words, Positions, Types, Ids, Places, Kinds, X, Tokens;
    public int Width, XPitch;
}

[StructLayout(LayoutKind.Sequential)]
internal struct PoolArgs
{
    public ulong X, Out, Offsets;
    public int Width, XPitch, OutPitch, FirstOnly, UnitLength;
}

[StructLayout(LayoutKind.Sequential)]
internal struct BestClassArgs
{
    public ulong Logits, Best, Tokens;
    public int Classes, Pitch;
}
