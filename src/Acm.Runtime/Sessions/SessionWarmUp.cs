using System.Diagnostics;
using Acm.Runtime.Backends.Cpu;
using Acm.Runtime.Plan;

namespace Acm.Runtime;

/// <summary>Made-up runs that touch all memory and every path of the code, often enough that the just-in-time compiler is done with it.</summary>
internal static class SessionWarmUp
{
    // The compiler looks for hot code in the background, every tenth of a second, twice over. In a busy process it may come later; then it replaces a
    // long loop in the middle of a caller's run, which is why a run's loops over rows say AggressiveOptimization.
    private static readonly TimeSpan s_compilation = TimeSpan.FromMilliseconds(500);

    /// <param name="session">The session.</param>
    /// <param name="plan">Its plan.</param>
    /// <param name="batch">Sequences.</param>
    /// <param name="length">The longest sequence there may be: text is as long as that or 128 pieces, speech a second.</param>
    /// <param name="thorough">False: one run, for a device that has nothing left to compile.</param>
    /// <exception cref="ArgumentException">The batch is more than a run takes.</exception>
    public static void Run(InferenceSession session, ForwardPlan plan, int batch, int length, bool thorough)
    {
        InferenceResult result = session.CreateResult(), outputOnly = session.CreateResult(routing: false);
        length = plan.Input switch
        {
            InputKind.Pixels => 1,
            InputKind.WordPieces => Math.Min(128, length),
            _ => Math.Min(16_000, length),
        };
        long numbers = plan.Input == InputKind.WordPieces ? 0 : (long)batch * length * plan.InputWidth;
        if (numbers > Array.MaxLength)
            throw new ArgumentException($"{batch} sequences are {numbers} numbers; a batch holds at most {Array.MaxLength}.", nameof(batch));
        int[] lengths = new int[batch], ids = new int[plan.Input == InputKind.WordPieces ? batch * length : 0];
        Array.Fill(lengths, length);
        // Noise: rows that are all alike would all be routed alike.
        float[] values = new float[numbers];
        var random = new Random(1);
        for (int i = 0; i < values.Length; i++)
            values[i] = 2 * random.NextSingle() - 1;

        long start = Stopwatch.GetTimestamp();
        Once(null);
        if (!thorough)
            return;
        GemmKernels.WarmUp();
        if (plan.Sites.Count > 0)
        {
            // All learners of all rows: the most memory. Then every k at once: the most memory and the most code.
            Once(new RunOptions { FixedLearners = plan.Sites.Max(static site => site.Learners) });
            var mixed = plan.Sites.ToDictionary(static site => site.Path, site => Mixed(site.Learners, result.Tokens));
            for (int i = 0; i < 2; i++)
                Once(new RunOptions { ForcedK = mixed });
        }
        for (int run = 0; run < 2 || Stopwatch.GetElapsedTime(start) < s_compilation; run++)
            Into(run % 2 == 0 ? outputOnly : result, null);

        void Once(RunOptions? options) => Into(result, options);

        void Into(InferenceResult target, RunOptions? options) => session.Run(
            plan.Input switch
            {
                InputKind.Pixels => ModelInput.Pixels(values),
                InputKind.WordPieces => ModelInput.Text(ids, lengths),
                _ => ModelInput.Samples(values, lengths),
            },
            target, options);
    }

    private static ReadOnlyMemory<int> Mixed(int learners, int tokens)
    {
        int[] k = new int[tokens];
        for (int token = 0; token < tokens; token++)
            k[token] = token % 2 == 0 ? learners : 1 + token / 2 % learners;
        return k;
    }
}
