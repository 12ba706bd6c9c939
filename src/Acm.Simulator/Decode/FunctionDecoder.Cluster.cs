using Acm.Simulator.Counters;
using Acm.Simulator.Execution;
using Acm.Simulator.Execution.Handlers;
using Acm.Simulator.Memory;
using Acm.Simulator.Parser;

namespace Acm.Simulator.Decode;

/// <summary>Clusters, which have one block each here.</summary>
internal sealed unsafe partial class FunctionDecoder
{
    private void NeedClustersOfOne()
    {
        if (_kernel.Module.Functions.Any(static f => f.HasClusters))
            throw Unsupported("clusters of several blocks are not supported");
    }

    private void ClusterBarrierOf()
    {
        NeedClustersOfOne();
        string what = _m.Next("arrive or wait");
        string? order = what == "arrive" ? _m.TakeAny("release", "relaxed") : _m.TakeAny("acquire");
        bool aligned = _m.Take("aligned");
        int mode = (what, order) switch
        {
            ("arrive", "relaxed") => 6, ("arrive", _) => 5, ("wait", _) => 7, _ => throw Unsupported("this barrier is not known"),
        };
        Operands(0);
        Instruction i = new() { A = Constant(ClusterBarrier.Id, false), B = -1, C = -1, Mode = mode, Mode2 = aligned ? 1 : 0 };
        Add(&Barriers.Run, InstructionClass.Barrier, i, CheckKind.Ignore);
    }

    /// <summary>The address, in the shared memory of a block of the cluster, that corresponds to one's own.</summary>
    private void MapToBlock()
    {
        NeedClustersOfOne();
        PtxType type = AddressType();
        Operands(3);
        Instruction i = new() { A = Src(1, type), B = Src(2, PtxType.U32), D = Dst(0, type), Mode = type.Bits() };
        Add(&Clusters.Map, InstructionClass.Move, i, CheckKind.Strict);
    }

    /// <summary>Which block of the cluster an address of shared memory belongs to: the only one.</summary>
    private void BlockOfAddress()
    {
        NeedClustersOfOne();
        PtxType type = AddressType();
        Operands(2);
        Src(1, type);
        Instruction i = new() { A = Constant(0, false), D = Dst(0, PtxType.U32) };
        i.B = i.A;
        Add(&Vector.Run1<Move32>, InstructionClass.Move, i, CheckKind.Strict);
    }

    private PtxType AddressType()
    {
        bool isShared = _m.TakeNext("shared::cluster");
        PtxType type = _m.Type();
        return type == PtxType.U64 || (type == PtxType.U32 && isShared) ? type : throw Unsupported("this type is not known here");
    }
}
