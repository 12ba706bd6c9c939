using System.Diagnostics.Metrics;
using System.Diagnostics.Tracing;
using Acm.Native.Doctor;
using Acm.Runtime.Diagnostics;
using NUnit.Framework;

namespace Acm.Runtime.Tests.Cpu;

[TestFixture]
public sealed class VectorWidthTests
{
    [Test]
    public void NarrowVectorsAreWarnedOfWithTheNextStep([Values] bool compiledAhead)
    {
        string? warning = VectorWidth.Judge(ProcessorFindings.Judge(512, 128, compiledAhead));
        Assert.That(warning, Does.Contain("512").And.Contain("128").And.Contain(compiledAhead ? "IlcInstructionSet" : "DOTNET_EnableAVX512"));
    }

    [Test]
    public void NothingIsSaidOfVectorsAsWideAsTheMachines([Values(128, 256, 512)] int bits) =>
        Assert.That(VectorWidth.Judge(ProcessorFindings.Judge(bits, bits, true)), Is.Null);

    [Test]
    public void NoVectorsAtAllAreWarnedOf() => Assert.That(VectorWidth.Judge(ProcessorFindings.Judge(0, 0, false)), Is.Not.Null);

    [Test]
    public void TheWarningReachesAListener()
    {
        using var listener = new Listener();
        RuntimeEvents.Log.NarrowVectors(512, 256, "half as wide");
        Assert.That(listener.Heard, Is.EqualTo(new object[] { 512, 256, "half as wide" }));
    }

    [Test]
    public void BothWidthsAreMetrics()
    {
        _ = VectorWidth.Warning();
        var seen = new Dictionary<string, int>();
        using var listener = new MeterListener { InstrumentPublished = static (instrument, self) => { if (instrument.Meter.Name == "Acm.Runtime") self.EnableMeasurementEvents(instrument); } };
        listener.SetMeasurementEventCallback<int>((instrument, value, _, _) => seen[instrument.Name] = value);
        listener.Start();
        listener.RecordObservableInstruments();
        Assert.That(seen["acm.cpu.vector_bits.used"], Is.EqualTo(ProcessorFindings.UsedBits));
        Assert.That(seen["acm.cpu.vector_bits.offered"], Is.EqualTo(ProcessorFindings.OfferedBits));
    }

    private sealed class Listener : EventListener
    {
        public object?[] Heard { get; private set; } = [];

        protected override void OnEventSourceCreated(EventSource source)
        {
            if (source.Name == "Acm.Runtime")
                EnableEvents(source, EventLevel.Warning);
        }

        protected override void OnEventWritten(EventWrittenEventArgs written) => Heard = [.. written.Payload ?? []];
    }
}
