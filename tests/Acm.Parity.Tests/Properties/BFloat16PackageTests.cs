using Acm.Runtime;
using Acm.Testing;
using NUnit.Framework;

namespace Acm.Parity.Tests.Properties;

/// <summary>A package stored in bfloat16 is held so on the CPU, and yields the bits of the same numbers stored in float32.</summary>
[TestFixture]
public sealed class BFloat16PackageTests
{
    [Test]
    public void StoredAsBFloat16OrFloat32AreTheSameToTheBit([Range(0, 29)] int seed)
    {
        using var folder = new TemporaryFolder();
        RandomPackage.Write(folder["drawn"], seed, (Architecture)(seed % 3));
        SafeTensorsWriter wide = new(), narrow = new();
        using (var drawn = SafeTensorsFile.Open(folder["drawn", "model.safetensors"]))
            foreach (string name in drawn.Names)
                Add(drawn.Get(name), wide, narrow);
        using var a = Load("wide", wide);
        using var b = Load("narrow", narrow);
        var batch = new RandomBatch(a, seed, 3);
        foreach (int threads in (int[])[1, 2])
            Assert.That(Bits.Same(Run(a, threads), Run(b, threads)), $"{threads} thread(s)");

        AcmModel Load(string name, SafeTensorsWriter writer)
        {
            folder.CopyAs(folder["drawn", "config.json"], name, "config.json");
            writer.Save(folder[name, "model.safetensors"]);
            return AcmModel.Load(folder[name]);
        }

        InferenceResult Run(AcmModel model, int threads)
        {
            using var session = model.CreateSession(new SessionOptions { Backend = BackendKind.Cpu, Threads = threads });
            var result = session.CreateResult(hidden: true);
            session.Run(batch.Input().Input, result);
            return result;
        }
    }

    // A tensor with its fractions cut to bfloat16's, stored both ways.
    private static void Add(TensorView view, SafeTensorsWriter wide, SafeTensorsWriter narrow)
    {
        float[] values = new float[view.ElementCount];
        view.CopyTo(values);
        byte[] upper = new byte[2 * values.Length];
        for (int i = 0; i < values.Length; i++)
        {
            uint bits = BitConverter.SingleToUInt32Bits(values[i]) & 0xFFFF0000;
            values[i] = BitConverter.UInt32BitsToSingle(bits);
            BitConverter.TryWriteBytes(upper.AsSpan(2 * i), (ushort)(bits >> 16));
        }
        wide.Add(view.Name, view.Shape, values);
        narrow.Add(view.Name, TensorDType.BF16, view.Shape, upper);
    }
}
