using Acm.Runtime.Plan;

namespace Acm.Runtime.Backends.Cpu.Steps;

/// <summary>ACMs that read the same rows: the rows of each gathered in its own order, then all products up, then all products down.</summary>
internal sealed unsafe class AcmStep(AcmLayer[] ops, CpuBackend backend) : CpuStep
{
    private const int RowsPerTask = 64;
    private readonly AcmProducts[] _acms = [.. ops.Select((op, i) => new AcmProducts(op, 2 * i, backend))];
    private readonly int _countsEach = ops.Max(static op => op.Site.Learners) + 2;

    public override void Run(CpuForward forward, in ForwardRun run)
    {
        int* counts = forward.Map(0, (long)_acms.Length * _countsEach);
        int gathering = 0;
        for (int i = 0; i < _acms.Length; i++)
        {
            _acms[i].Begin(forward, run, counts + i * _countsEach);
            gathering += Tasks(_acms[i].Gathered(forward));
        }
        if (gathering > 0)
            forward.Parallel(this, 0, gathering);
        forward.ClearBlocks();
        for (int i = 0; i < _acms.Length; i++)
            _acms[i].Up(forward, counts + i * _countsEach);
        forward.Multiply();
        forward.ClearBlocks();
        for (int i = 0; i < _acms.Length; i++)
            _acms[i].Down(forward, counts + i * _countsEach);
        forward.Multiply();
    }

    /// <summary>Gathers a share of the rows that have learners, in their sorted order.</summary>
    public override void Execute(CpuForward forward, int phase, int task, int worker)
    {
        int acm = 0, tasks;
        for (; task >= (tasks = Tasks(_acms[acm].Gathered(forward))); acm++)
            task -= tasks;
        _acms[acm].Gather(forward, task * RowsPerTask, Math.Min((task + 1) * RowsPerTask, _acms[acm].Gathered(forward)));
    }

    private static int Tasks(int rows) => (rows + RowsPerTask - 1) / RowsPerTask;
}
