using System.Numerics;
using Acm.Native;
using Acm.Native.Threading;
using Acm.Runtime.Backends;
using Acm.Runtime.Plan;

namespace Acm.Runtime;

/// <summary>A backend's room for one run, with what else a run needs.</summary>
internal sealed class Workspace(IForward forward, int sequences, int length, int sites) : IDisposable
{
    public IForward Forward => forward;

    public ReadOnlyMemory<int>?[] Forced { get; } = new ReadOnlyMemory<int>?[sites];

    public bool Fits(int neededSequences, int neededLength) => neededSequences <= sequences && neededLength <= length;

    public void Dispose() => forward.Dispose();
}

/// <summary>
/// Lends workspaces, without a lock: as many as there are runs at once, each as large as the largest run it has had to carry. Where the backend makes runs
/// wait for each other (<see cref="IBackend.Enter"/>), so do those that would rent one. More than it has places for are freed when they come back.
/// </summary>
internal sealed class WorkspacePool(IBackend backend, ForwardPlan plan, int maxBatch, int maxLength) : IDisposable
{
    private readonly Workspace?[] _idle = new Workspace?[Math.Max(16, 2 * Environment.ProcessorCount)];
    private readonly object _allBack = new();
    private int _lent;
    private int _disposed;

    public Workspace Rent(int sequences, int length, CancellationToken cancellation = default)
    {
        // A full fence: either Dispose sees this run, or this run sees Dispose.
        Interlocked.Increment(ref _lent);
        bool entered = false;
        try
        {
            ObjectDisposedException.ThrowIf(Volatile.Read(ref _disposed) != 0, typeof(InferenceSession));
            backend.Enter(cancellation);
            entered = true;
            Workspace? small = null;
            for (int i = 0; i < _idle.Length; i++)
            {
                if (Volatile.Read(ref _idle[i]) is null || Interlocked.Exchange(ref _idle[i], null) is not { } found)
                    continue;
                if (found.Fits(sequences, length))
                {
                    if (small is not null)
                        Keep(small);
                    return found;
                }
                if (small is not null)
                    Keep(small);
                small = found;
            }
            // One that is too small makes room for its successor.
            small?.Dispose();
            int roomySequences = RoundUp(sequences, maxBatch), roomyLength = RoundUp(length, maxLength);
            return new Workspace(Create(roomySequences, roomyLength), roomySequences, roomyLength, plan.Sites.Count);
        }
        catch
        {
            GiveUp(entered);
            throw;
        }
    }

    public void Return(Workspace workspace)
    {
        try
        {
            if (workspace.Forward.IsUsable)
                Keep(workspace);
            else
                Releasing.Quietly(workspace);
        }
        finally
        {
            GiveUp(entered: true);
        }
    }

    /// <summary>Waits for the runs under way, then frees everything.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
            return;
        Uninterrupted.Do(WaitForRuns);
        Releasing.All([.. _idle, backend]);
    }

    private void WaitForRuns()
    {
        lock (_allBack)
            while (Volatile.Read(ref _lent) > 0)
                Monitor.Wait(_allBack);
    }

    private IForward Create(int sequences, int length)
    {
        try
        {
            return backend.CreateForward(sequences, length);
        }
        catch (CudaOutOfMemoryException)
        {
            // What earlier runs have left for later ones may be all that is in its way.
            if (!FreeIdle())
                throw;
        }
        return backend.CreateForward(sequences, length);
    }

    private bool FreeIdle()
    {
        bool any = false;
        for (int i = 0; i < _idle.Length; i++)
            if (Interlocked.Exchange(ref _idle[i], null) is { } idle)
            {
                Releasing.Quietly(idle);
                any = true;
            }
        return any;
    }

    // Counted off whatever happens: Dispose waits for it.
    private void GiveUp(bool entered)
    {
        try
        {
            if (entered)
                backend.Leave();
        }
        finally
        {
            // A full fence: either this run sees Dispose, or Dispose sees this run gone.
            if (Interlocked.Decrement(ref _lent) == 0 && Volatile.Read(ref _disposed) != 0)
                using (new UninterruptedLock(_allBack))
                    Monitor.Pulse(_allBack);
        }
    }

    private void Keep(Workspace workspace)
    {
        for (int i = 0; i < _idle.Length; i++)
            if (Volatile.Read(ref _idle[i]) is null && Interlocked.CompareExchange(ref _idle[i], workspace, null) is null)
                return;
        // Its run has ended well.
        Releasing.Quietly(workspace);
    }

    // Powers of two, so that slowly growing batches do not make a new workspace each.
    private static int RoundUp(int needed, int most) => (int)Math.Min(BitOperations.RoundUpToPowerOf2((ulong)needed), (ulong)most);
}
