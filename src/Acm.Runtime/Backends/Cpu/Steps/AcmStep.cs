using Acm.Runtime.Plan;

namespace Acm.Runtime.Backends.Cpu.Steps;

/// <summary>ACMs that read the same rows: all products up, each over the rows in its own order, then all products down.</summary>
internal sealed unsafe class AcmStep(AcmLayer[] ops, CpuBackend backend) : CpuStep
{
    private readonly AcmProducts[] _acms = [.. ops.Select((op, i) => new AcmProducts(op, i, backend))];
    private readonly int _countsEach = ops.Max(static op => op.Site.Learners) + 2;

    public override void Run(CpuForward forward, in ForwardRun run)
    {
        int* counts = forward.Map(0, (long)_acms.Length * _countsEach);
        for (int i = 0; i < _acms.Length; i++)
            _acms[i].Begin(forward, run, counts + i * _countsEach);
        forward.ClearBlocks();
        for (int i = 0; i < _acms.Length; i++)
            _acms[i].Up(forward, counts + i * _countsEach);
        forward.Multiply();
        forward.ClearBlocks();
        for (int i = 0; i < _acms.Length; i++)
            _acms[i].Down(forward, counts + i * _countsEach);
        forward.Multiply();
    }
}
