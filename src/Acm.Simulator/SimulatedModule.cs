using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Acm.Simulator.Decode;
using Acm.Simulator.Memory;
using Acm.Simulator.Parser;

namespace Acm.Simulator;

/// <summary>PTX loaded on a <see cref="SimulatedDevice"/>: its kernels and the variables it has put into global memory.</summary>
internal sealed unsafe class SimulatedModule : IDisposable
{
    private readonly Dictionary<string, SimulatedKernel> _kernels = new(StringComparer.Ordinal);
    private readonly Dictionary<string, (ulong Address, ulong Size)> _globals = new(StringComparer.Ordinal);
    private readonly SimulatedDevice _device;

    internal SimulatedModule(SimulatedDevice device, string ptx)
    {
        _device = device;
        Syntax = PtxParser.Parse(ptx);
        try
        {
            PlaceVariables();
            foreach (PtxFunction function in Syntax.Functions.Where(f => f.IsEntry && f.HasBody))
                _kernels.Add(function.Name, KernelDecoder.Decode(Syntax, function, device.Options));
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public PtxModule Syntax { get; }

    public IReadOnlyDictionary<string, SimulatedKernel> Kernels => _kernels;

    /// <summary>The kernel of that name.</summary>
    /// <exception cref="KeyNotFoundException">There is none.</exception>
    public SimulatedKernel GetKernel(string name) => _kernels.TryGetValue(name, out SimulatedKernel? kernel)
        ? kernel
        : throw new KeyNotFoundException($"no kernel '{name}' in the module (it has: {string.Join(", ", _kernels.Keys)})");

    /// <summary>Address and bytes of a <c>.global</c> or <c>.const</c> variable.</summary>
    /// <exception cref="KeyNotFoundException">There is none.</exception>
    public (ulong Address, ulong Size) GetGlobal(string name) => _globals.TryGetValue(name, out (ulong, ulong) found)
        ? found
        : throw new KeyNotFoundException($"no variable '{name}' in the module");

    private void PlaceVariables()
    {
        List<VariableSymbol> variables = [.. Syntax.Variables.Concat(Syntax.Functions.SelectMany(f => f.Variables))
            .Where(v => v.Space is StateSpace.Global or StateSpace.Const)];
        foreach (VariableSymbol variable in variables)
        {
            if (variable.IsExtern && variable.Initial is null)
                throw new PtxUnsupportedException(0, variable.Name, "variables of other modules are not supported");
            ulong size = (ulong)Math.Max(variable.Size, 1);
            variable.Address = (long)_device.Memory.Allocate(size, variable.Name, isModuleVariable: true);
            _globals[variable.Name] = ((ulong)variable.Address, size);
        }

        foreach (VariableSymbol variable in variables)
        {
            // PTX: variables without an initial value are zero.
            byte* host = _device.Memory.Host((ulong)variable.Address, (ulong)Math.Max(variable.Size, 1), "initial value");
            NativeMemory.Clear(host, (nuint)Math.Max(variable.Size, 1));
            variable.Initial?.CopyTo(new Span<byte>(host, (int)variable.Size));
            foreach ((int offset, string symbol, long addend, bool _) in variable.Relocations)
            {
                ulong target = Syntax.NumberOf(symbol) is > 0 and int number ? AddressMap.Function(number) : _globals.GetValueOrDefault(symbol).Address;
                if (target == 0)
                    throw new PtxUnsupportedException(0, symbol, $"the initial value of '{variable.Name}' needs the address of '{symbol}'");
                BinaryPrimitives.WriteUInt64LittleEndian(new Span<byte>(host + offset, 8), target + (ulong)addend);
            }

            _device.Memory.MarkWritten((ulong)variable.Address, (ulong)Math.Max(variable.Size, 1));
        }
    }

    public void Dispose()
    {
        foreach ((ulong address, ulong _) in _globals.Values)
            _device.Memory.Free(address);
        _globals.Clear();
    }
}
