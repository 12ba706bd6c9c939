using System.Numerics;
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

/// <summary>Lends workspaces: as many as there are runs at once, each as large as the largest run it has had to carry.</summary>
internal sealed class WorkspacePool(IBackend backend, ForwardPlan plan, int maxBatch, int maxLength) : IDisposable
{
    private readonly object _gate = new();
    private readonly List<Workspace> _idle = [];
    private int _lent;
    private bool _disposed;

    public Workspace Rent(int sequences, int length)
    {
        Workspace? small = null;
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_disposed, typeof(InferenceSession));
            for (int i = _idle.Count - 1; i >= 0; i--)
            {
                if (_idle[i].Fits(sequences, length))
                {
                    var found = _idle[i];
                    _idle.RemoveAt(i);
                    _lent++;
                    return found;
                }
            }
            if (_idle.Count > 0)
            {
                small = _idle[^1];
                _idle.RemoveAt(_idle.Count - 1);
            }
            _lent++;
        }
        try
        {
            small?.Dispose();
            int roomySequences = RoundUp(sequences, maxBatch), roomyLength = RoundUp(length, maxLength);
            return new Workspace(backend.CreateForward(roomySequences, roomyLength), roomySequences, roomyLength, plan.Sites.Count);
        }
        catch
        {
            Ended();
            throw;
        }
    }

    public void Return(Workspace workspace)
    {
        lock (_gate)
        {
            _idle.Add(workspace);
        }
        Ended();
    }

    /// <summary>Waits for the runs under way, then frees everything.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            if (_disposed)
            {
                return;
            }
            _disposed = true;
            while (_lent > 0)
            {
                Monitor.Wait(_gate);
            }
        }
        foreach (var workspace in _idle)
        {
            workspace.Dispose();
        }
        backend.Dispose();
    }

    private void Ended()
    {
        lock (_gate)
        {
            _lent--;
            Monitor.PulseAll(_gate);
        }
    }

    // Powers of two, so that slowly growing batches do not make a new workspace each.
    private static int RoundUp(int needed, int most) => (int)Math.Min(BitOperations.RoundUpToPowerOf2((ulong)needed), (ulong)most);
}
