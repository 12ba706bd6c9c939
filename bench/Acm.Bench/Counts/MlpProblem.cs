using System.Runtime.InteropServices;
using Acm.Native;
using Acm.Native.Compile;
using Acm.Runtime.Backends.Cuda;
using Acm.Simulator;
using Acm.Simulator.Counters;

namespace Acm.Bench.Counts;

/// <summary>The MLP of ViT-B/16 as an ACM of 4 learners x 768, its tokens' k, and its weights in every order in which a contestant wants them, in one 16-bit type.</summary>
internal sealed class MlpProblem : IDisposable
{
    public const int Width = 768, Learners = 4, Size = 768, Units = Learners * Size;
    private readonly ElementType _type;
    private readonly float[] _x, _w1, _w2;

    public MlpProblem(int[] k, ElementType type)
    {
        (K, _type, Device) = (k, type, new SimulatedDevice(new SimulatorOptions()));
        Random random = new(5);
        (_x, _w1, _w2) = (Values(Tokens * Width, 2), Values(Width * Units, 0.1), Values(Units * Width, 0.1));

        float[] Values(int count, double scale)
        {
            float[] values = new float[count];
            for (int i = 0; i < count; i++)
                values[i] = (float)((random.NextDouble() - 0.5) * scale);
            return values;
        }
    }

    public SimulatedDevice Device { get; }

    public int[] K { get; }

    public int Tokens => K.Length;

    /// <summary>Uploads values in the problem's type.</summary>
    public ulong Upload(string name, int count, Func<int, float> value)
    {
        byte[] bytes = new byte[count * 2];
        for (int i = 0; i < count; i++)
            _type.Write(bytes.AsSpan(i * 2), value(i));
        return Upload<byte>(name, bytes);
    }

    public ulong Upload<T>(string name, ReadOnlySpan<T> values) where T : unmanaged
    {
        ReadOnlySpan<byte> bytes = MemoryMarshal.AsBytes(values);
        ulong address = Device.Allocate((ulong)bytes.Length, name);
        Device.Write(address, bytes);
        return address;
    }

    public ulong Allocate(string name, long bytes) => Device.Allocate((ulong)bytes, name);

    public float X(int i) => _x[i];

    public float W1(int row, int unit) => _w1[(row * Units) + unit];

    public float W2(int unit, int column) => _w2[(unit * Width) + column];

    public float[] Read(ulong y)
    {
        byte[] bytes = new byte[Tokens * Width * 2];
        Device.Read(y, bytes);
        string type = _type == ElementType.Float16 ? "f16" : "bf16";
        return [.. Enumerable.Range(0, Tokens * Width).Select(i => PeerKernels.Value(bytes.AsSpan(i * 2), type))];
    }

    /// <summary>The tiles that the backend chooses for so many tokens on an A100.</summary>
    public static (TileShape Up, TileShape Down) Chosen(int tokens)
    {
        DeviceFigures figures = DeviceFigures.Of(DeviceProfile.A100.Multiprocessors, DeviceProfile.A100.SharedPerMultiprocessor, 80);
        int[] rows = [.. Enumerable.Range(1, Learners).Select(n => (int)Math.Ceiling(tokens * Math.Min(1, (Learners + 1 - n) / (Learners + 1.0))))];
        return (TileChoice.Choose(figures, rows, Size, Width, 2), TileChoice.Choose(figures, [tokens], Width, Units, 2));
    }

    /// <summary>acm_up and acm_down; the result is stored, as the peers do. Tiles: given, or as chosen.</summary>
    public (LaunchCounters Counters, float[] Y) Ours(IKernelCompiler compiler, TileShape? tile)
    {
        (TileShape up, TileShape down) = tile is { } given ? (given, given) : Chosen(Tokens);
        int steps1 = WeightPacking.Steps(Width, _type), steps2 = WeightPacking.Steps(Units, _type);
        ulong x = Upload("x", Tokens * Width, X), hidden = Allocate("hidden", Tokens * (long)Units * 2), y = Allocate("y", Tokens * Width * 2L);
        ulong w1 = Upload<byte>("w1", WeightPacking.Pack((r, n) => W1(r, n), Width, Units, _type)), w2 = Upload<byte>("w2", WeightPacking.Pack((r, n) => W2(r, n), Units, Width, _type));
        ulong b1 = Upload<float>("b1", new float[Units]);
        ulong order = Upload<int>("order", [.. Enumerable.Range(0, Tokens).OrderByDescending(t => K[t])]);
        ulong counts = Upload<int>("counts", [.. Enumerable.Range(0, Learners + 1).Select(n => K.Count(k => k >= n))]);
        UpArgs upArgs = new() { XPitch = Width, HiddenPitch = Units, Steps = steps1, Learners = Learners, LearnerSize = Size };
        DownArgs downArgs = new() { HiddenPitch = Units, OutPitch = Width, Steps = steps2, Learners = Learners, LearnerSize = Size, Columns = Width };
        upArgs.Site[0] = new() { X = x, W1 = w1, B1 = b1, Order = order, Counts = counts, Hidden = hidden };
        downArgs.Site[0] = new() { Hidden = hidden, W2 = w2, Order = order, Counts = counts, Out = y };
        LaunchCounters counters = new();
        counters.Add(Launch("acm_up", up, Units, upArgs, "ACTIVATION=1"));
        counters.Add(Launch("acm_down", down, Width, downArgs, "RESIDUAL=0"));
        return (counters, Read(y));

        LaunchCounters Launch<T>(string family, TileShape shape, int columns, T args, string define) where T : unmanaged
        {
            CompileRequest request = new(KernelSources.Get(family + ".cu"), "80", KernelImageKind.Ptx) { Defines = [$"PRECISION={(int)_type}", .. shape.Defines, define] };
            using SimulatedModule module = Device.Load(System.Text.Encoding.UTF8.GetString(compiler.Compile(request).Image).TrimEnd('\0'));
            return Device.Launch(module.GetKernel(family), new((Tokens + shape.M - 1) / shape.M, columns / shape.N), new(shape.Threads), shape.SharedBytes,
                MemoryMarshal.AsBytes(new ReadOnlySpan<T>(in args))).Counters;
        }
    }

    public void Dispose() => Device.Dispose();
}
