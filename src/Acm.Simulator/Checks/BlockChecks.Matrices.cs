using Acm.Simulator.Execution;
using Acm.Simulator.Execution.Handlers;
using Acm.Simulator.Memory;

namespace Acm.Simulator.Checks;

/// <summary>What a warp has in wgmma: products under way, and the groups they were put in.</summary>
internal sealed class WarpMatrices
{
    /// <summary>Products that have not been waited for.</summary>
    public List<PendingMatrix> Pending { get; } = [];

    /// <summary>Results of those, by their offset in the frame.</summary>
    public HashSet<int> Sums { get; } = [];

    /// <summary>Groups committed so far.</summary>
    public int Groups { get; set; }

    public bool IsFenced { get; set; }

    /// <summary>Instructions carried out with the other three warps.</summary>
    public int Steps { get; set; }

    public void Clear()
    {
        Pending.Clear();
        Sums.Clear();
        (Groups, IsFenced, Steps) = (0, false, 0);
    }
}

/// <summary>
/// A product of a warp: the group it was committed in, its results' offsets in a frame (none: the function has returned), and the registers and pieces of shared memory
/// that it reads.
/// </summary>
internal sealed record PendingMatrix(int Group, Frame? Frame, int[] Sums, List<int> Operands, List<uint> Pieces);

/// <summary>wgmma: results are nobody's, and operands must stay as they are, until the warp has waited.</summary>
internal sealed unsafe partial class BlockChecks
{
    // A read that is not over: nobody has passed its clock.
    private const uint UnderWay = uint.MaxValue;

    private readonly WarpMatrices[] _matrices;
    private readonly List<nint>[] _matrixSteps;

    /// <summary>All four warps carry out the same instructions, each at its own time.</summary>
    public void Together(Warp w, Instruction* i)
    {
        List<nint> steps = _matrixSteps[w.Index / WarpGroupMatrix.Warps];
        int step = _matrices[w.Index].Steps++;
        if (step == steps.Count)
            steps.Add((nint)i);
        else if (steps[step] != (nint)i)
            throw w.Fault(FaultKind.PartialCollective, $"warp {w.Index} carries out another wgmma than the other warps of its four have here");
    }

    public void MatrixFence(Warp w) => _matrices[w.Index].IsFenced = true;

    public void MatrixCommit(Warp w) => _matrices[w.Index].Groups++;

    /// <summary>A product begins. What it adds to must be defined, or the very same sums of products before it.</summary>
    public void MatrixStart(Warp w, int* sums, int count, bool adds)
    {
        WarpMatrices its = _matrices[w.Index];
        if (!its.IsFenced)
            throw w.Fault(FaultKind.MatrixNotWaitedFor, "wgmma without a wgmma.fence before it");
        ReadOnlySpan<int> results = new(sums, count);
        foreach (PendingMatrix other in its.Pending)
        {
            if (other.Frame == w.Frame && !other.Sums.AsSpan().SequenceEqual(results) && other.Sums.AsSpan().ContainsAny(results))
                throw w.Fault(FaultKind.MatrixNotWaitedFor, "wgmma writes some of the results of another one that has not been waited for");
        }

        foreach (int sum in results)
        {
            if (adds)
                NeedDefined(w, sum);
            w.Frame.Defined[sum >> 7] = Lanes.All;
            its.Sums.Add(sum);
        }

        its.Pending.Add(new PendingMatrix(its.Groups, w.Frame, results.ToArray(), [], []));
    }

    /// <summary>Registers that the product begun last reads.</summary>
    public void MatrixOperand(Warp w, int* registers, int count)
    {
        for (int r = 0; r < count; r++)
        {
            if (IsSumUnderWay(w, registers[r]))
                throw NotWaitedFor(w, registers[r], "read");
            NeedDefined(w, registers[r]);
            _matrices[w.Index].Pending[^1].Operands.Add(registers[r]);
        }
    }

    private static void NeedDefined(Warp w, int register)
    {
        if (w.Frame.Defined[register >> 7] != Lanes.All)
            throw w.Fault(FaultKind.UninitialisedRegister, $"{DefinedRegisters.NameOf(w, register)} is multiplied or added to, but nobody has written it");
    }

    /// <summary>The product begun last reads 16 bytes.</summary>
    public void MatrixRead(Warp w, uint piece)
    {
        ulong at = piece;
        SharedRead(w, null, 1, &at, MatrixDescriptor.Piece, false);
        StampReads(w, piece, UnderWay);
        _matrices[w.Index].Pending[^1].Pieces.Add(piece);
    }

    private void StampReads(Warp w, uint piece, uint clock)
    {
        for (uint g = piece >> _granuleShift; g <= (piece + MatrixDescriptor.Piece - 1) >> _granuleShift; g++)
            _reads[(g * (ulong)_warps) + (ulong)w.Index] = clock;
    }

    /// <summary>A warp waits until at most <paramref name="pending"/> of its groups are under way.</summary>
    public void MatrixWait(Warp w, int pending)
    {
        WarpMatrices its = _matrices[w.Index];
        List<PendingMatrix> done = its.Pending.FindAll(p => p.Group < its.Groups - pending);
        if (done.Count == 0)
            return;
        its.Pending.RemoveAll(done.Contains);
        uint now = Clocks.Now(w.Index);
        foreach (uint piece in done.SelectMany(static p => p.Pieces))
            StampReads(w, piece, now); // the read is over now, not when it was asked for
        foreach (uint piece in its.Pending.SelectMany(static p => p.Pieces))
            StampReads(w, piece, UnderWay);
        its.Sums.Clear();
        foreach (PendingMatrix left in its.Pending)
            its.Sums.UnionWith(left.Sums);
    }

    /// <summary>Whether a register of the current frame is a result that has not been waited for.</summary>
    public bool IsSumUnderWay(Warp w, int register)
    {
        WarpMatrices its = _matrices[w.Index];
        return its.Sums.Contains(register) && its.Pending.Exists(p => p.Frame == w.Frame && p.Sums.Contains(register));
    }

    /// <summary>A function returns: its registers are no more, and the next call has others.</summary>
    public void LeaveFrame(Warp w, Frame frame)
    {
        List<PendingMatrix> pending = _matrices[w.Index].Pending;
        for (int p = 0; p < pending.Count; p++)
        {
            if (pending[p].Frame == frame)
                pending[p] = pending[p] with { Frame = null };
        }
    }

    /// <summary>Whether a product that has not been waited for reads a register of the current frame.</summary>
    public bool IsOperandUnderWay(Warp w, int register)
    {
        foreach (PendingMatrix product in _matrices[w.Index].Pending)
        {
            if (product.Frame == w.Frame && product.Operands.Contains(register))
                return true;
        }

        return false;
    }

    /// <summary>Whether a warp has products under way.</summary>
    public bool HasMatrices(Warp w) => _matrices[w.Index].Sums.Count > 0;

    public DeviceFaultException NotWaitedFor(Warp w, int register, string access) => w.Fault(
        FaultKind.MatrixNotWaitedFor, $"{DefinedRegisters.NameOf(w, register)} is {access}, but the wgmma whose result it is has not been waited for");

    public DeviceFaultException StillRead(Warp w, int register) => w.Fault(
        FaultKind.MatrixNotWaitedFor, $"{DefinedRegisters.NameOf(w, register)} is written, but a wgmma that has not been waited for may still read it");

    private void StartMatrices()
    {
        foreach (WarpMatrices its in _matrices)
            its.Clear();
        foreach (List<nint> steps in _matrixSteps)
            steps.Clear();
    }

    private void FinishMatrices()
    {
        foreach (Warp w in _block.Warps)
        {
            if (_matrices[w.Index].Steps < _matrixSteps[w.Index / WarpGroupMatrix.Warps].Count)
                throw w.Fault(FaultKind.PartialCollective, $"warp {w.Index} has ended without a wgmma that the other warps of its four have carried out");
        }
    }
}
