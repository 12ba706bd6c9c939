using Acm.Simulator.Execution.Handlers;
using Acm.Simulator.Parser;

namespace Acm.Simulator.Decode;

/// <summary>The modifiers of an opcode, taken one by one: what nobody takes is refused.</summary>
internal sealed class OpcodeReader
{
    private readonly List<string> _parts;

    public OpcodeReader(string opcode)
    {
        string[] parts = opcode.Split('.');
        Name = parts[0];
        _parts = [.. parts[1..]];
    }

    public string Name { get; }

    public IReadOnlyList<string> Left => _parts;

    public bool Take(string modifier) => _parts.Remove(modifier);

    public bool TakeNext(string modifier)
    {
        if (_parts.Count == 0 || _parts[0] != modifier)
            return false;
        _parts.RemoveAt(0);
        return true;
    }

    public string? TakeAny(params ReadOnlySpan<string> modifiers)
    {
        foreach (string modifier in modifiers)
        {
            if (_parts.Remove(modifier))
                return modifier;
        }

        return null;
    }

    public string Next(string what)
    {
        if (_parts.Count == 0)
            throw new FormatException($"'{Name}' lacks {what}");
        string next = _parts[0];
        _parts.RemoveAt(0);
        return next;
    }

    public PtxType Type()
    {
        string name = Next("a type");
        return PtxTypes.TryParse(name, out PtxType type) ? type : throw new FormatException($"'.{name}' of '{Name}' is not known");
    }

    public RoundMode? Round() => TakeAny("rn", "rz", "rm", "rp", "rna") switch
    {
        "rn" => RoundMode.Nearest,
        "rz" => RoundMode.Zero,
        "rm" => RoundMode.Down,
        "rp" => RoundMode.Up,
        "rna" => RoundMode.NearestAway,
        _ => null,
    };

    public void Done()
    {
        if (_parts.Count > 0)
            throw new FormatException($"modifier '.{_parts[0]}' of '{Name}' is not known");
    }
}
