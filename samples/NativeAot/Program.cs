// A model in a program compiled ahead of time: how it loads, warms up and runs, and what the library warns of.
//   dotnet publish -c Release samples/NativeAot -p:IlcInstructionSet=native -o artifacts/aot && artifacts/aot/NativeAot models/vit-chars 50
using System.Diagnostics;
using System.Diagnostics.Tracing;
using Acm.Runtime;

if (args.Length is < 2 or > 3 || !int.TryParse(args[1], out int runs) || runs < 1)
{
    Console.Error.WriteLine("usage: NativeAot MODEL RUNS [THREADS]   (a vision model; runs on noise)");
    return 2;
}
using var warnings = new Warnings();                               // what the library says unasked
long start = Stopwatch.GetTimestamp();
using AcmModel model = AcmModel.Load(args[0]);
using InferenceSession session = model.CreateSession(new SessionOptions { Backend = BackendKind.Cpu, Threads = args.Length > 2 ? int.Parse(args[2]) : 0 });
double load = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
session.WarmUp();
InferenceResult result = session.CreateResult();
var random = new Random(1);
float[] pixels = [.. Enumerable.Range(0, new ImagePreprocessor(model).Count).Select(_ => random.NextSingle())];
double first = Time(), steady = Enumerable.Range(0, runs).Select(_ => Time()).Order().ElementAt(runs / 2);
Console.WriteLine($"{session.BackendDescription}: load {load:0} ms, first run {first:0.00} ms, median {steady:0.00} ms of {runs}");
return 0;

double Time()
{
    long begin = Stopwatch.GetTimestamp();
    session.Run(ModelInput.Pixels(pixels), result);
    return Stopwatch.GetElapsedTime(begin).TotalMilliseconds;
}

/// <summary>Writes the library's warnings to the standard error.</summary>
internal sealed class Warnings : EventListener
{
    protected override void OnEventSourceCreated(EventSource source)
    {
        if (source.Name == "Acm.Runtime")
            EnableEvents(source, EventLevel.Warning);
    }

    protected override void OnEventWritten(EventWrittenEventArgs written) => Console.Error.WriteLine($"warning: {written.Payload?[2]}");
}
