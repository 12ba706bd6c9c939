using Acm.Runtime.Backends.Cpu;

namespace Acm.Runtime.Tests.Cpu;

/// <summary>Products as the backend computes them.</summary>
internal static unsafe class Products
{
    /// <summary>What stands in the result where nothing was stored.</summary>
    public const float Unwritten = -7;

    /// <summary>Rows, one after the other, times every column.</summary>
    /// <param name="a">[rows, depth].</param>
    /// <param name="rows">At least 1.</param>
    /// <param name="depth">Terms of the sums.</param>
    /// <param name="b">The weight.</param>
    /// <param name="epilogue">All but where the result goes.</param>
    /// <param name="learnerRows">[N + 2], for a staircase.</param>
    /// <param name="learnerSize">Columns of a learner.</param>
    /// <param name="threads">Threads that the tasks are laid out for.</param>
    /// <param name="block">Rows that are added together.</param>
    /// <returns>[rows, columns].</returns>
    public static float[] Multiply(
        float[] a, int rows, int depth, PackedMatrix b, Epilogue epilogue, int[]? learnerRows = null, int learnerSize = 0, int threads = 2, int block = int.MaxValue)
    {
        float[] c = new float[rows * b.Columns];
        Array.Fill(c, Unwritten);
        GemmTasks tasks = new(threads);
        using NativeBuffer<float> room = new();
        fixed (float* pa = a, pc = c)
        fixed (int* learners = learnerRows)
        {
            epilogue.Out = pc;
            epilogue.OutStride = b.Columns;
            for (int row = 0, count; row < rows; row += count)
            {
                count = Math.Min(block, rows - row);
                tasks.Add(pa + row * depth, depth, row, count, depth);
            }
            var call = new GemmCall { Weights = [b], Stride = depth, LearnerRows = learners, LearnerSize = learnerSize, Epilogue = epilogue };
            for (int task = 0, count = tasks.Begin(call); task < count; task++)
                tasks.Execute(task, room.Need(tasks.Room));
        }
        return c;
    }
}
