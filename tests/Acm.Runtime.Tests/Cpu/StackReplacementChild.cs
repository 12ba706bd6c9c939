using System.Diagnostics;
using System.Diagnostics.Tracing;
using System.Runtime.CompilerServices;

namespace Acm.Runtime.Tests.Cpu;

/// <summary>
/// What the tests' own program does when it is started as a process of its own: a few runs of a model where .NET compiles nothing anew in the background,
/// as in a process that keeps its compiler busy elsewhere, so that a loop of a thousand rounds is replaced on the stack, by the thread that runs it.
/// </summary>
internal static class StackReplacementChild
{
    private const string Marker = "--stack-replacement-child";

    /// <summary>The methods that are replaced so, one a line.</summary>
    /// <param name="model">A package's folder.</param>
    public static string ReplacedInRuns(string model)
    {
        ProcessStartInfo start = new("dotnet", ["exec", typeof(StackReplacementChild).Assembly.Location, Marker, model]) { RedirectStandardOutput = true };
        start.Environment["DOTNET_TC_CallCounting"] = "0";
        start.Environment["DOTNET_OSR_HitLimit"] = "1";
        using Process process = Process.Start(start)!;
        string replaced = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0 ? replaced : throw new InvalidOperationException($"the process ended with {process.ExitCode}");
    }

    public static int Main(string[] arguments)
    {
        if (arguments is not [Marker, string folder])
            return 1;
        const int sequences = 8;
        using AcmModel model = AcmModel.Load(folder);
        using InferenceSession session = model.CreateSession(new SessionOptions { Backend = BackendKind.Cpu, Threads = 2, MaxBatch = sequences });
        int length = model.Architecture switch { Architecture.Vit => 1, Architecture.Bert => 128, _ => 16_000 };
        int[] lengths = [.. Enumerable.Repeat(length, sequences)], ids = [.. Enumerable.Range(0, sequences * length).Select(static i => 1000 + i % 1000)];
        float[] values = [.. Enumerable.Range(0, sequences * length * model.Plan.InputWidth).Select(static i => MathF.Sin(i * (float)i))];
        InferenceResult result = session.CreateResult();
        using (Listener listener = new())
        {
            Run(new RunOptions());
            Run(new RunOptions { Budget = 0.5 });
            Run(new RunOptions { FixedLearners = 1 });
            Run(new RunOptions { ForcedK = model.Sites.ToDictionary(static site => site.Path, site => (ReadOnlyMemory<int>)Enumerable.Repeat(1, result.Tokens).ToArray()) });
            // Events come in order, a while later: once a loop that must be replaced was told of, all before it were.
            _ = Canary(100_000);
            return listener.SawCanary(TimeSpan.FromSeconds(20)) ? 0 : 2;
        }

        void Run(RunOptions options) => session.Run(
            model.Architecture switch
            {
                Architecture.Vit => ModelInput.Pixels(values),
                Architecture.Bert => ModelInput.Text(ids, lengths),
                _ => ModelInput.Samples(values, lengths),
            },
            result, options);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int Canary(int rounds)
    {
        int sum = 0;
        for (int i = 0; i < rounds; i++)
            sum ^= i;
        return sum;
    }

    private sealed class Listener : EventListener
    {
        private const int MethodLoadVerbose = 143, TierShift = 7, TierMask = 7, ReplacedOnStack = 5;
        private const EventKeywords Jit = (EventKeywords)0x10;
        private static readonly ManualResetEventSlim s_canary = new();

        public bool SawCanary(TimeSpan patience) => s_canary.Wait(patience);

        protected override void OnEventSourceCreated(EventSource source)
        {
            if (source.Name == "Microsoft-Windows-DotNETRuntime")
                EnableEvents(source, EventLevel.Verbose, Jit);
        }

        protected override void OnEventWritten(EventWrittenEventArgs written)
        {
            if (written.EventId == MethodLoadVerbose && written.Payload is [_, _, _, _, _, uint flags, string type, string method, ..] &&
                type.StartsWith("Acm.", StringComparison.Ordinal) && (flags >> TierShift & TierMask) == ReplacedOnStack)
            {
                if (method == nameof(Canary))
                    s_canary.Set();
                else
                    Console.WriteLine($"{type}.{method}");
            }
        }
    }
}
