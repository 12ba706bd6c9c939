using Acm.Simulator.Execution;
using Acm.Simulator.Execution.Handlers;

namespace Acm.Simulator.Checks;

/// <summary>The shadow state of a block in checked execution.</summary>
internal sealed unsafe partial class BlockChecks(BlockState block, int warps) : IDisposable
{
    public BlockState Block => block;
    public int Warps => warps;
    public void Start() { }
    public void Finish() { }
    public void Arrive(Warp warp, BlockBarrier barrier) { }
    public void Open(BlockBarrier barrier, int id) { }
    public void WarpSync(Warp warp) { }
    public void Fence(Warp warp, int mode) { }
    public void GlobalRead(Warp w, Instruction* i, uint exec, ulong* addresses, int bytes, bool strong) { }
    public void GlobalWrite(Warp w, Instruction* i, uint exec, ulong* addresses, int bytes, bool strong) { }
    public void GlobalAtomic(Warp w, Instruction* i, uint exec, ulong* addresses, int bytes, Atomic how) { }
    public void SharedRead(Warp w, Instruction* i, uint exec, ulong* addresses, int bytes, bool strong) { }
    public void SharedWrite(Warp w, Instruction* i, uint exec, ulong* addresses, int bytes, bool strong) { }
    public void SharedWriteRows(Warp w, Instruction* i, uint exec, ulong* rows) { }
    public void SharedAtomic(Warp w, Instruction* i, uint exec, ulong* addresses, int bytes) { }
    public void AsyncCopy(Warp w, Instruction* i, uint exec, uint reading, ulong* to, ulong* from, int bytes) { }
    public void Commit(Warp w, uint exec) { }
    public void WaitGroups(Warp w, uint exec, int pending) { }
    public void BarrierObject(Warp w, int lane, ulong address) { }
    public void ObjectArrive(Warp w, uint exec, bool ofCopies) { }
    public void ObjectWait(Warp w) { }
    public void Dispose() { }
}
