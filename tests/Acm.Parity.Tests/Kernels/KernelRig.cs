using System.Runtime.InteropServices;
using Acm.Native.Compile;
using Acm.Simulator;
using Acm.Testing;
using NUnit.Framework;

namespace Acm.Parity.Tests.Kernels;

/// <summary>The kernels of this repository on a strict simulated device: compile, allocate, launch, read back.</summary>
internal sealed class KernelRig : IDisposable
{
    private static readonly KernelCache Cache = new(Path.Combine(Path.GetTempPath(), "acm-kernel-tests-" + Environment.UserName));
    private readonly SimulatedDevice _device;
    private readonly List<SimulatedModule> _modules = [];

    public KernelRig(int seed, ExecutionMode mode = ExecutionMode.Checked, DeviceProfile? profile = null) =>
        _device = new(new SimulatorOptions { Seed = seed, Mode = mode, Profile = profile ?? DeviceProfile.A100 });

    public ulong Upload<T>(ReadOnlySpan<T> values, string name) where T : unmanaged
    {
        ReadOnlySpan<byte> bytes = MemoryMarshal.AsBytes(values);
        ulong address = _device.Allocate((ulong)Math.Max(bytes.Length, 16), name);
        _device.Write(address, bytes);
        return address;
    }

    /// <summary>A buffer full of poison: reading what no kernel wrote stops the launch.</summary>
    public ulong Poisoned(int bytes, string name) => _device.Allocate((ulong)bytes, name);

    public void Write<T>(ulong address, ReadOnlySpan<T> values) where T : unmanaged => _device.Write(address, MemoryMarshal.AsBytes(values));

    public T[] Read<T>(ulong address, int count) where T : unmanaged
    {
        T[] values = new T[count];
        _device.Read(address, MemoryMarshal.AsBytes(values.AsSpan()));
        return values;
    }

    /// <summary>Launches <paramref name="entry"/> of <paramref name="file"/>; the arguments are laid out as a C struct of them would be.</summary>
    public LaunchReport Launch(string file, string entry, KernelPrecision precision, string[] defines, Dim3 grid, int block, int shared, params object[] arguments)
    {
        SimulatedModule module = _device.Load(Ptx(file, precision, defines, _device.Options.Profile.Capability));
        _modules.Add(module);
        return _device.Launch(module.GetKernel(entry), grid, new(block), shared, Block(arguments));
    }

    /// <summary>PTX of a kernel of this repository by the compiler at hand; skips the test where there is none.</summary>
    public static string Ptx(string file, KernelPrecision precision, string[] defines, int capability = 80)
    {
        IKernelCompiler? compiler = CompilerSearch.Result.Compiler;
        if (compiler is null)
            Assert.Ignore("no CUDA compiler at hand: see `acm doctor`");
        CompileRequest request = new(KernelSource.Read(Path.Combine(SharedFolder.Repo, "kernels"), file), $"{capability}", KernelImageKind.Ptx)
        {
            Defines = [$"PRECISION={(int)precision}", .. defines],
        };
        return System.Text.Encoding.UTF8.GetString(Cache.Get(request, compiler).Image);
    }

    private static byte[] Block(object[] arguments)
    {
        MemoryStream block = new();
        using BinaryWriter writer = new(block);
        foreach (object argument in arguments)
        {
            int size = argument is ulong ? 8 : 4;
            while (block.Position % size != 0)
                writer.Write((byte)0);
            switch (argument)
            {
                case ulong pointer: writer.Write(pointer); break;
                case int number: writer.Write(number); break;
                case float number: writer.Write(number); break;
                default: throw new ArgumentException($"no kernel takes a {argument.GetType()}", nameof(arguments));
            }
        }

        while (block.Position % 8 != 0)
            writer.Write((byte)0);
        return block.ToArray();
    }

    public void Dispose()
    {
        foreach (SimulatedModule module in _modules)
            module.Dispose();
        _device.Dispose();
    }
}

/// <summary>Random values from a seed.</summary>
internal sealed class Values(int seed)
{
    private readonly Random _random = new(seed);

    public float Next(double scale = 1) =>
        (float)(scale * Math.Sqrt(-2 * Math.Log(1 - _random.NextDouble())) * Math.Cos(2 * Math.PI * _random.NextDouble()));

    public int Below(int n) => _random.Next(n);

    public float[] Many(int count, double scale = 1)
    {
        float[] values = new float[count];
        for (int i = 0; i < count; i++)
            values[i] = Next(scale);
        return values;
    }

    /// <summary>Rows of <paramref name="width"/> values, padded to <paramref name="pitch"/> with <paramref name="padding"/>.</summary>
    public float[] Rows(int rows, int width, int pitch, float padding = 0, double scale = 1)
    {
        float[] values = new float[rows * pitch];
        for (int i = 0; i < values.Length; i++)
            values[i] = i % pitch < width ? Next(scale) : padding;
        return values;
    }
}

/// <summary>Root of summed squared differences over that of the values wanted.</summary>
internal sealed class RelativeError
{
    private double _off, _all;

    public void Add(double got, double want)
    {
        _off += double.IsNaN(got) ? double.PositiveInfinity : (got - want) * (got - want);
        _all += want * want;
    }

    public double Value => _off == 0 ? 0 : Math.Sqrt(_off / _all);
}
