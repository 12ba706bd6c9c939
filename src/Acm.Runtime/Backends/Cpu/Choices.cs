using System.Runtime.CompilerServices;

namespace Acm.Runtime.Backends.Cpu;

/// <summary>What the gates chose at one ACM: k of each row, each lane's rows by descending k, and how many rows each learner has there.</summary>
internal sealed unsafe class Choices : IDisposable
{
    private readonly NativeBuffer<int> _k = new(), _order = new(), _ends = new();
    private int _learners;

    /// <summary>[rows].</summary>
    public int* K => _k.Data;

    /// <summary>[rows]: sorted place to row, both within one lane; rows of equal k keep their order.</summary>
    public int* Order => _order.Data;

    /// <summary>Of a lane, [N + 2]: where its rows with k of at least n end in <see cref="Order"/>; the last is its first row.</summary>
    public int* Ends(int lane) => _ends.Data + (nint)lane * (_learners + 2);

    public void Need(int rows, int learners, int lanes)
    {
        _learners = learners;
        _k.Need(rows);
        _order.Need(rows);
        _ends.Need((long)lanes * (learners + 2));
    }

    /// <summary>Sorts each lane by counting: stable, one pass over k each for counts and places.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Sort(int rows, int lanes)
    {
        int* next = stackalloc int[_learners + 2];
        for (int lane = 0; lane < lanes; lane++)
        {
            int* ends = Ends(lane);
            int start = Lanes.Start(lane, lanes, rows), end = Lanes.Start(lane + 1, lanes, rows);
            for (int n = 0; n <= _learners; n++)
                ends[n] = 0;
            ends[_learners + 1] = start;
            for (int row = start; row < end; row++)
                ends[K[row]]++;
            for (int n = _learners; n >= 0; n--)
            {
                next[n] = ends[n + 1];
                ends[n] += ends[n + 1];
            }
            for (int row = start; row < end; row++)
                Order[next[K[row]]++] = row;
        }
    }

    public void Dispose()
    {
        _k.Dispose();
        _order.Dispose();
        _ends.Dispose();
    }
}
