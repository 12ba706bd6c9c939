using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text.Json;
using Acm.Runtime;
using Acm.Simulator;
using Acm.Simulator.Counters;

namespace Acm.Bench.Counts;

/// <summary>One configuration of a peer (shared/peers): its kernels, in order, as its JSON describes them.</summary>
internal sealed class PeerKernels
{
    private readonly string _folder;
    private readonly JsonElement _case;

    /// <param name="design">The design's folder under shared/peers.</param>
    /// <param name="name">The configuration.</param>
    public PeerKernels(string design, string name)
    {
        _folder = Path.Combine(Repo.Shared, "peers", design);
        (Design, Name) = (design, name);
        using JsonDocument document = JsonDocument.Parse(File.ReadAllText(Path.Combine(_folder, name + ".json")));
        _case = document.RootElement.Clone();
    }

    public string Design { get; }

    public string Name { get; }

    /// <summary>A launch of the full size: what fills its parameters by name, and its grid.</summary>
    public delegate (Dim3 Grid, IReadOnlyDictionary<string, ulong> Values) Sizes(int launch, int tileRows, int tileColumns);

    /// <summary>Runs the small case and compares; throws where an output is off.</summary>
    public void Check()
    {
        using SimulatedDevice device = new(new SimulatorOptions());
        using SafeTensorsFile tensors = SafeTensorsFile.Open(Path.Combine(_folder, _case.GetProperty("tensors").GetString()!));
        Dictionary<string, ulong> buffers = [];
        List<(string Name, string Expected, string Type, int Bytes)> outputs = [];
        foreach (JsonElement launch in _case.GetProperty("launches").EnumerateArray())
            foreach (JsonElement p in launch.GetProperty("params").EnumerateArray().Where(static p => p.GetProperty("kind").GetString() == "buffer"))
            {
                string name = p.GetProperty("name").GetString()!, type = p.GetProperty("dtype").GetString()!;
                if (buffers.ContainsKey(name))
                    continue;
                int bytes = p.GetProperty("shape").EnumerateArray().Aggregate(1, static (n, d) => n * d.GetInt32()) * (type is "bf16" or "f16" ? 2 : 4);
                ulong address = buffers[name] = device.Allocate((ulong)bytes, name);
                if (p.TryGetProperty("input", out JsonElement input))
                    device.Write(address, tensors.Get(input.GetString()!).Bytes);
                if (p.TryGetProperty("zero", out _))
                    device.Fill(address, 0, 1, (ulong)bytes);
                if (p.TryGetProperty("expected", out JsonElement expected))
                    outputs.Add((name, expected.GetString()!, type, bytes));
            }
        foreach (JsonElement launch in _case.GetProperty("launches").EnumerateArray())
        {
            int[] grid = [.. launch.GetProperty("grid").EnumerateArray().Select(static e => e.GetInt32())];
            Launch(device, launch, new(grid[0], grid[1], grid[2]), p => p.GetProperty("kind").GetString() == "buffer" ? buffers[p.GetProperty("name").GetString()!] : p.GetProperty("value").GetUInt64());
        }
        foreach (var (name, expected, type, bytes) in outputs)
        {
            JsonElement tolerance = _case.GetProperty("tolerance").GetProperty(name);
            (double absolute, double relative) = (tolerance.GetProperty("abs").GetDouble(), tolerance.GetProperty("rel").GetDouble());
            byte[] got = new byte[bytes];
            device.Read(buffers[name], got);
            TensorView want = tensors.Get(expected);
            float[] values = new float[bytes / 2];
            want.CopyTo(values);
            for (int i = 0; i < bytes / 2; i++)
                if (!(Math.Abs(Value(got.AsSpan(2 * i), type) - values[i]) <= absolute + (relative * Math.Abs(values[i]))))
                    throw new InvalidDataException($"{Name}: {name}[{i}] is {Value(got.AsSpan(2 * i), type)}, not {values[i]}");
        }
    }

    /// <summary>Runs at any size on buffers that lie on the device, and counts.</summary>
    public LaunchCounters Run(SimulatedDevice device, Sizes sizes)
    {
        LaunchCounters counters = new();
        int index = 0;
        foreach (JsonElement launch in _case.GetProperty("launches").EnumerateArray())
        {
            JsonElement config = launch.GetProperty("config");
            (Dim3 grid, IReadOnlyDictionary<string, ulong> values) = sizes(
                index++, config.TryGetProperty("BM", out JsonElement m) ? m.GetInt32() : 1, config.TryGetProperty("BN", out JsonElement n) ? n.GetInt32() : 1);
            counters.Add(Launch(device, launch, grid, p => values.GetValueOrDefault(p.GetProperty("name").GetString()!)));
        }
        return counters;
    }

    public static float Value(ReadOnlySpan<byte> two, string type) => type == "f16"
        ? (float)BinaryPrimitives.ReadHalfLittleEndian(two) : BitConverter.UInt32BitsToSingle((uint)BinaryPrimitives.ReadUInt16LittleEndian(two) << 16);

    private LaunchCounters Launch(SimulatedDevice device, JsonElement launch, Dim3 grid, Func<JsonElement, ulong> value)
    {
        using SimulatedModule module = device.Load(File.ReadAllText(Path.Combine(_folder, launch.GetProperty("ptx").GetString()!)));
        SimulatedKernel kernel = module.GetKernel(launch.GetProperty("entry").GetString()!);
        byte[] parameters = new byte[kernel.ParameterBytes];
        foreach (var (parameter, given) in kernel.Parameters.Zip(launch.GetProperty("params").EnumerateArray()))
        {
            ulong bits = value(given);
            MemoryMarshal.AsBytes(new ReadOnlySpan<ulong>(in bits))[..parameter.Size].CopyTo(parameters.AsSpan(parameter.Offset));
        }
        int[] block = [.. launch.GetProperty("block").EnumerateArray().Select(static e => e.GetInt32())];
        return device.Launch(kernel, grid, new(block[0], block[1], block[2]), launch.GetProperty("shared_dynamic_bytes").GetInt32(), parameters).Counters;
    }
}
