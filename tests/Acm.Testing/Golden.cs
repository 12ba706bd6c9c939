using System.Runtime.InteropServices;
using NUnit.Framework;

namespace Acm.Testing;

/// <summary>A golden file's tensors as arrays, and the comparisons every parity test makes.</summary>
internal sealed class Golden : IDisposable
{
    private readonly Acm.Runtime.SafeTensorsFile _file;

    /// <summary>Opens a file under shared/ (skips the test where it is missing), or one given by its whole path.</summary>
    public Golden(params string[] parts) =>
        _file = Acm.Runtime.SafeTensorsFile.Open(Path.IsPathRooted(parts[0]) ? parts[0] : SharedFolder.Need(parts));

    public IReadOnlyCollection<string> Names => [.. _file.Names];

    public bool Has(string name) => _file.TryGet(name, out _);

    public float[] Floats(string name)
    {
        Acm.Runtime.TensorView view = _file.Get(name);
        float[] values = new float[view.ElementCount];
        view.CopyTo(values);
        return values;
    }

    public double[] Doubles(string name)
    {
        Acm.Runtime.TensorView view = _file.Get(name);
        double[] values = new double[view.ElementCount];
        view.CopyTo(values);
        return values;
    }

    /// <summary>I32, U8 or I64, as int.</summary>
    public int[] Ints(string name)
    {
        Acm.Runtime.TensorView view = _file.Get(name);
        return view.DType switch
        {
            Acm.Runtime.TensorDType.I32 => MemoryMarshal.Cast<byte, int>(view.Bytes).ToArray(),
            Acm.Runtime.TensorDType.I64 => [.. MemoryMarshal.Cast<byte, long>(view.Bytes).ToArray().Select(static v => (int)v)],
            Acm.Runtime.TensorDType.U8 => [.. view.Bytes.ToArray().Select(static v => (int)v)],
            _ => throw new InvalidDataException($"{name} is {view.DType}, not integers"),
        };
    }

    public int[] Shape(string name) => [.. _file.Get(name).Shape.ToArray().Select(static size => (int)size)];

    public byte[] Bytes(string name) => _file.Get(name).Bytes.ToArray();

    public void Dispose() => _file.Dispose();

    /// <summary>Largest difference over the largest magnitude of what is expected: the relative error of an array as a whole.</summary>
    public static double RelativeError(ReadOnlySpan<double> got, ReadOnlySpan<double> want)
    {
        Assert.That(got.Length, Is.EqualTo(want.Length), "length");
        double error = 0, scale = 0;
        for (int i = 0; i < got.Length; i++)
        {
            if (double.IsNaN(got[i]) != double.IsNaN(want[i]))
                return double.PositiveInfinity;
            error = Math.Max(error, Math.Abs(got[i] - want[i]));
            scale = Math.Max(scale, Math.Abs(want[i]));
        }
        return scale == 0 ? error : error / scale;
    }

    /// <summary>The same for what a float backend gave.</summary>
    public static double RelativeError(ReadOnlySpan<float> got, ReadOnlySpan<double> want) =>
        RelativeError(Array.ConvertAll(got.ToArray(), static v => (double)v), want);
}
