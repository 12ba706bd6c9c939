using System.Buffers.Binary;
using Acm.Simulator.Counters;
using Acm.Simulator.Memory;
using Acm.Simulator.Parser;

namespace Acm.Simulator.Conformance;

internal enum CaseStatus { Pass, Fail, Unsupported }

/// <summary>What a case gave.</summary>
internal sealed record CaseResult(string Name, CaseStatus Status, string Reason, double Milliseconds, LaunchCounters Counters);

/// <summary>Runs cases on a simulated device of their own.</summary>
internal static class ConformanceRunner
{
    /// <summary>The cases of a folder and of the folders in it, by name.</summary>
    /// <exception cref="InvalidDataException">A case that cannot be read.</exception>
    public static IReadOnlyList<ConformanceCase> Find(string folder) =>
        Directory.EnumerateFiles(folder, "*.json", SearchOption.AllDirectories).Order(StringComparer.Ordinal)
            .Select(ConformanceCase.Read).OfType<ConformanceCase>().ToList();

    public static CaseResult Run(ConformanceCase test, SimulatorOptions options)
    {
        long start = System.Diagnostics.Stopwatch.GetTimestamp();
        LaunchCounters counters = new();
        string reason = "";
        CaseStatus status;
        try
        {
            using SimulatedDevice device = new(options);
            string? difference = Execute(test, device, counters);
            status = difference is null ? CaseStatus.Pass : CaseStatus.Fail;
            reason = difference ?? "";
        }
        catch (PtxUnsupportedException e)
        {
            (status, reason) = (CaseStatus.Unsupported, e.Message);
        }
        catch (Exception e) when (e is PtxException or DeviceFaultException or InvalidDataException or ArgumentException or KeyNotFoundException
            or SimulatedAddressException or SimulatedOutOfMemoryException or IOException)
        {
            (status, reason) = (CaseStatus.Fail, e.Message);
        }

        return new CaseResult(test.Name, status, reason, System.Diagnostics.Stopwatch.GetElapsedTime(start).TotalMilliseconds, counters);
    }

    private static string? Execute(ConformanceCase test, SimulatedDevice device, LaunchCounters counters)
    {
        Dictionary<string, CaseTensor> tensors = TensorFile.Read(test.TensorPath);
        Dictionary<string, (ulong Address, CaseParameter Parameter)> buffers = new(StringComparer.Ordinal);
        foreach (CaseParameter parameter in test.Launches.SelectMany(l => l.Parameters).Where(p => p.IsBuffer))
        {
            if (!buffers.TryGetValue(parameter.Name, out (ulong Address, CaseParameter Parameter) known))
                buffers.Add(parameter.Name, (Place(test, device, parameter, tensors), parameter));
            else if (known.Parameter.Expected is null && parameter.Expected is not null)
                buffers[parameter.Name] = (known.Address, parameter);
        }

        Dictionary<string, SimulatedModule> modules = new(StringComparer.Ordinal);
        foreach (CaseLaunch launch in test.Launches)
        {
            if (!modules.TryGetValue(launch.Ptx, out SimulatedModule? module))
                modules.Add(launch.Ptx, module = device.Load(File.ReadAllText(Path.Combine(test.Folder, launch.Ptx))));
            SimulatedKernel kernel = module.GetKernel(launch.Entry);
            counters.Add(device.Launch(kernel, launch.Grid, launch.Block, launch.DynamicShared, Arguments(launch, kernel, buffers)).Counters);
        }

        foreach ((string name, (ulong address, CaseParameter parameter)) in buffers)
        {
            string? tensor = parameter.Expected ?? (parameter.Role == "in" ? parameter.Input : null);
            if (tensor is null)
                continue;
            byte[] got = new byte[parameter.Elements * parameter.ElementBytes];
            device.Read(address, got);
            CaseTensor want = tensors.TryGetValue(tensor, out CaseTensor? t) ? t : throw new InvalidDataException($"no tensor '{tensor}' in {test.TensorPath}");
            string? difference = CaseElements.FirstDifference(name, parameter.DType, got, want.Bytes, test.Tolerances.GetValueOrDefault(name));
            if (difference is not null)
                return difference;
        }

        return null;
    }

    private static ulong Place(ConformanceCase test, SimulatedDevice device, CaseParameter parameter, Dictionary<string, CaseTensor> tensors)
    {
        ulong bytes = (ulong)(parameter.Elements * parameter.ElementBytes);
        ulong address = device.Allocate(bytes, parameter.Name);
        if (parameter.Input is not null)
        {
            CaseTensor input = tensors.TryGetValue(parameter.Input, out CaseTensor? t) ? t : throw new InvalidDataException($"no tensor '{parameter.Input}' in {test.TensorPath}");
            device.Write(address, input.Bytes);
        }
        else if (parameter.Zero || test.ZeroFirst.Contains(parameter.Name))
        {
            device.Fill(address, 0, 1, bytes);
        }

        return address;
    }

    private static byte[] Arguments(CaseLaunch launch, SimulatedKernel kernel, Dictionary<string, (ulong Address, CaseParameter Parameter)> buffers)
    {
        if (kernel.Parameters.Count != launch.Parameters.Count)
            throw new InvalidDataException($"'{kernel.Name}' has {kernel.Parameters.Count} parameters, the case gives {launch.Parameters.Count}");
        byte[] bytes = new byte[kernel.ParameterBytes];
        for (int i = 0; i < launch.Parameters.Count; i++)
        {
            CaseParameter parameter = launch.Parameters[i];
            Span<byte> into = bytes.AsSpan(kernel.Parameters[i].Offset, kernel.Parameters[i].Size);
            if (parameter.IsBuffer)
                BinaryPrimitives.WriteUInt64LittleEndian(into, buffers[parameter.Name].Address);
            else if (parameter.Value.ValueKind is not (System.Text.Json.JsonValueKind.Undefined or System.Text.Json.JsonValueKind.Null))
                CaseElements.WriteScalar(into, parameter.DType, parameter.Value);
        }

        return bytes;
    }
}
