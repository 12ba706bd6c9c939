using Acm.Runtime.Plan;

namespace Acm.Runtime.Backends.Cpu.Steps;

/// <summary>ACMs that read the same rows: all products up, each over the rows in its own order, then all products down.</summary>
internal sealed unsafe class AcmStep(AcmLayer[] ops, CpuBackend backend) : CpuStep
{
    private readonly AcmProducts[] _acms = [.. ops.Select((op, i) => new AcmProducts(op, i, backend))];
    private readonly int _endsEach = ops.Max(static op => op.Site.Learners) + 2, _rows = backend.Slot(ops[0].In).Rows;

    public override void Run(CpuForward forward, in ForwardRun run)
    {
        int rows = forward.Rows(_rows), lanes = Lanes.Count(rows, forward.Threads), each = lanes * _endsEach;
        int* ends = forward.Map(0, (long)_acms.Length * each);
        for (int i = 0; i < _acms.Length; i++)
            _acms[i].Begin(forward, run, lanes, ends + i * each);
        forward.ClearBlocks();
        for (int lane = 0; lane < lanes; lane++)
        {
            for (int i = 0; i < _acms.Length; i++)
                _acms[i].Up(forward, ends + i * each, lane);
            forward.EndLane();
        }
        forward.Multiply();
        forward.ClearBlocks();
        for (int lane = 0; lane < lanes; lane++)
        {
            for (int i = 0; i < _acms.Length; i++)
                _acms[i].Down(forward, ends + i * each, lane);
            forward.EndLane();
        }
        forward.Multiply();
    }
}
