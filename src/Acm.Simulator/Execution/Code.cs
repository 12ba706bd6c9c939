using Acm.Simulator.Parser;

namespace Acm.Simulator.Execution;

/// <summary>A constant that the frame holds as a register.</summary>
internal readonly record struct ConstantPlane(int Offset, bool Wide, ulong Bits);

/// <summary>A special register that the frame holds.</summary>
internal readonly record struct SpecialPlane(int Offset, SpecialRegister Which);

internal enum SpecialRegister
{
    TidX, TidY, TidZ, NtidX, NtidY, NtidZ, CtaidX, CtaidY, CtaidZ, NctaidX, NctaidY, NctaidZ, LaneId, WarpId, NWarpId, SmId, NSmId, GridId,
    LaneMaskEq, LaneMaskLt, LaneMaskLe, LaneMaskGt, LaneMaskGe, DynamicSharedSize, TotalSharedSize,
    ClusterIdX, ClusterIdY, ClusterIdZ, ClusterCtaIdX, ClusterCtaIdY, ClusterCtaIdZ, ClusterNctaIdX, ClusterNctaIdY, ClusterNctaIdZ,
    NClusterIdX, NClusterIdY, NClusterIdZ, ClusterCtaRank, ClusterNctaRank,
}

/// <summary>What checked execution needs to know of an instruction: which registers it reads and writes, and how strict to be.</summary>
internal sealed record CheckRule(int[] Reads, int[] Writes, CheckKind Kind);

internal enum CheckKind : byte
{
    /// <summary>What is computed from undefined values is undefined.</summary>
    Propagate,

    /// <summary>Reads must be defined (addresses, stores, branches).</summary>
    Strict,

    /// <summary>Writes are defined, whatever was read.</summary>
    Define,

    /// <summary>d = p ? a : b, reads are a, b, p.</summary>
    Select,

    /// <summary>A load from local memory: the address must be defined, the result is as defined as the memory.</summary>
    LoadLocal,

    /// <summary>A store: the first read is the address, the others the data. Local memory takes undefined values, other spaces do not.</summary>
    Store,

    /// <summary>Defined where any of the parts is: vectors and structs are put together with gaps in them.</summary>
    Any,

    /// <summary>Nothing is read or written.</summary>
    Ignore,
}

/// <summary>A statement's place, for messages.</summary>
internal sealed record CodeSite(int Line, string Text, SourceLine? Source);

/// <summary>A function, decoded.</summary>
internal sealed unsafe class Code(string name)
{
    public string Name { get; } = name;

    public Instruction[] Instructions { get; set; } = [];

    /// <summary>The pinned instructions; the last one ends the thread.</summary>
    public Instruction* First { get; set; }

    public int[] Extra { get; set; } = [];

    public int* ExtraFirst { get; set; }

    public int FrameBytes { get; set; }

    public List<ConstantPlane> Constants { get; } = [];

    public List<SpecialPlane> Specials { get; } = [];

    public List<CodeSite> Sites { get; } = [];

    public List<CheckRule?> Rules { get; } = [];

    /// <summary>Names of the registers by offset, for messages.</summary>
    public Dictionary<int, string> RegisterNames { get; } = [];

    /// <summary>Local bytes of a thread: variables, parameters and results.</summary>
    public int LocalBytes { get; set; }

    /// <summary>Local offset and size of parameters and results.</summary>
    public List<(int Offset, int Size)> Parameters { get; } = [];

    public List<(int Offset, int Size)> Results { get; } = [];

    public List<CallSite> Calls { get; } = [];

    public List<object> Tables { get; } = [];

    /// <summary>Every function that the kernel can reach, by the number that its address carries.</summary>
    public IReadOnlyList<Code?> Functions { get; init; } = [];

    /// <summary>Whether some call goes through a register.</summary>
    public bool CallsIndirectly { get; set; }
}

/// <summary>A call: where the caller keeps arguments and results in its local memory.</summary>
internal sealed class CallSite
{
    public required string Name { get; init; }

    public Code? Target { get; set; }

    public List<(int Offset, int Size)> Arguments { get; } = [];

    public List<(int Offset, int Size)> Results { get; } = [];
}
