using Acm.Simulator.Execution;
using Acm.Simulator.Memory;
using Acm.Simulator.Parser;

namespace Acm.Simulator.Decode;

/// <summary>Decodes a kernel and every function it can call, and lays out its parameters, shared and local memory.</summary>
internal sealed class KernelDecoder
{
    private readonly PtxModule _module;
    private readonly Dictionary<string, PtxFunction> _functions = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Code> _codes = new(StringComparer.Ordinal);
    private readonly Dictionary<VariableSymbol, long> _shared = [];

    private KernelDecoder(PtxModule module, DeviceProfile profile)
    {
        _module = module;
        Profile = profile;
        foreach (PtxFunction function in module.Functions)
            _functions[function.Name] = function;
    }

    public PtxModule Module => _module;

    /// <summary>The device that the kernel is for.</summary>
    public DeviceProfile Profile { get; }

    /// <summary>Smallest store, in bytes, of anything decoded.</summary>
    public int SmallestStore { get; set; } = 4;

    /// <exception cref="PtxException">The kernel uses what the device does not know.</exception>
    public static SimulatedKernel Decode(PtxModule module, PtxFunction entry, SimulatorOptions options)
    {
        KernelDecoder decoder = new(module, options.Profile);
        return decoder.Run(entry);
    }

    private SimulatedKernel Run(PtxFunction entry)
    {
        List<PtxFunction> reachable = Reachable(entry);
        int sharedBytes = LayOutShared(reachable);
        Code?[] functions = new Code?[_module.Functions.Count + 1];
        foreach (PtxFunction function in reachable)
        {
            Code code = new(function.Name) { Functions = functions };
            functions[_module.NumberOf(function.Name)] = code; // 0, the kernel itself, is nobody's address
            _codes.Add(function.Name, code);
        }

        foreach (PtxFunction function in reachable)
            new FunctionDecoder(this, function, _codes[function.Name]).Run();
        (List<KernelParameter> parameters, int bytes) = LayOutParameters(entry);
        int most = entry.RequiredThreads is { } required ? Product(required) : entry.MaximumThreads is { } maximum ? Product(maximum) : 1024;
        return new SimulatedKernel
        {
            Name = entry.Name,
            Code = _codes[entry.Name],
            Parameters = parameters,
            ParameterBytes = bytes,
            StaticSharedBytes = sharedBytes,
            LocalBytes = Depth(_codes[entry.Name], []),
            MaximumThreads = most,
            RequiredThreads = entry.RequiredThreads is { } r ? new Dim3(r[0], r[1], r[2]) : null,
            RaceGranule = SmallestStore,
        };
    }

    private static int Product(int[] sizes) => (int)Math.Min((long)sizes[0] * sizes[1] * sizes[2], 1024);

    private List<PtxFunction> Reachable(PtxFunction entry)
    {
        List<PtxFunction> found = [entry];
        bool indirect = false;
        for (int i = 0; i < found.Count; i++)
        {
            if (!indirect && found[i].Body.OfType<InstructionStatement>().Any(IsIndirectCall))
            {
                // Tables of functions: any of them may be called.
                indirect = true;
                foreach (VariableSymbol variable in _module.Variables.Concat(_module.Functions.SelectMany(f => f.Variables)))
                    found.AddRange(variable.Relocations.Select(r => _module.NumberOf(r.Symbol)).Where(n => n > 0).Select(n => _module.Functions[n - 1]).Except(found).ToList());
            }

            foreach (InstructionStatement statement in found[i].Body.OfType<InstructionStatement>())
            {
                foreach (NameOperand name in statement.Operands.OfType<NameOperand>())
                {
                    if (_functions.TryGetValue(name.Name, out PtxFunction? callee) && callee.HasBody && !callee.IsEntry && !found.Contains(callee))
                        found.Add(callee);
                }
            }
        }

        return found;
    }

    private static bool IsIndirectCall(InstructionStatement statement) =>
        statement.Opcode.StartsWith("call", StringComparison.Ordinal) && statement.Operands.Any(o => o is RegisterOperand);

    public Code? CodeOf(string name) => _codes.GetValueOrDefault(name);

    public PtxFunction? FunctionOf(string name) => _functions.GetValueOrDefault(name);

    public long SharedAddress(VariableSymbol variable) => _shared[variable];

    private int LayOutShared(List<PtxFunction> functions)
    {
        HashSet<VariableSymbol> used = [];
        foreach (PtxFunction function in functions)
        {
            used.UnionWith(function.Variables.Where(v => v.Space == StateSpace.Shared));
            foreach (Operand operand in function.Body.OfType<InstructionStatement>().SelectMany(s => s.Operands))
                Collect(operand, used);
        }

        long at = 0;
        int alignDynamic = 16;
        foreach (VariableSymbol variable in used.Where(v => !v.IsExtern).OrderByDescending(v => v.Align))
        {
            at = RoundUp(at, variable.Align);
            _shared[variable] = at;
            at += variable.Size;
        }

        foreach (VariableSymbol variable in used.Where(v => v.IsExtern))
            alignDynamic = Math.Max(alignDynamic, variable.Align);
        if (used.Any(v => v.IsExtern) && at > 0)
            at = RoundUp(at, alignDynamic);
        foreach (VariableSymbol variable in used.Where(v => v.IsExtern))
            _shared[variable] = at;
        if (at > 1 << 20)
            throw new PtxException(functions[0].Line, functions[0].Name, $"{at} bytes of static shared memory are too many");
        return (int)at;
    }

    private static void Collect(Operand operand, HashSet<VariableSymbol> used)
    {
        switch (operand)
        {
            case VariableOperand { Variable.Space: StateSpace.Shared } shared:
                used.Add(shared.Variable);
                break;
            case AddressOperand address:
                Collect(address.Base, used);
                break;
            case VectorOperand vector:
                foreach (Operand item in vector.Items)
                    Collect(item, used);
                break;
            case ListOperand list:
                foreach (Operand item in list.Items)
                    Collect(item, used);
                break;
        }
    }

    public static (List<KernelParameter> Parameters, int Bytes) LayOutParameters(PtxFunction function)
    {
        List<KernelParameter> parameters = [];
        long at = 0;
        foreach (VariableSymbol parameter in function.Parameters)
        {
            at = RoundUp(at, parameter.Align);
            parameters.Add(new KernelParameter(parameter.Name, (int)at, (int)parameter.Size));
            at += parameter.Size;
        }

        return (parameters, (int)at);
    }

    public static long RoundUp(long at, long align) => (at + align - 1) / align * align;

    /// <summary>Local bytes of the deepest chain of calls; recursion gets a stack of 16 KiB.</summary>
    private static int Depth(Code code, HashSet<Code> above)
    {
        if (!above.Add(code))
            return 16384;
        int deepest = code.CallsIndirectly ? 16384 : 0; // any function may be called
        foreach (CallSite call in code.Calls)
        {
            if (call.Target is not null)
                deepest = Math.Max(deepest, Depth(call.Target, above));
        }

        above.Remove(code);
        return code.LocalBytes + deepest;
    }
}
