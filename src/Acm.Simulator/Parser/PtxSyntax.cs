namespace Acm.Simulator.Parser;

/// <summary>Where a variable lives.</summary>
internal enum StateSpace { Register, Const, Global, Local, Param, Shared }

/// <summary>A virtual register.</summary>
internal sealed class RegisterSymbol(string name, PtxType type)
{
    public string Name { get; } = name;

    public PtxType Type { get; } = type;

    /// <summary>Number within its function, in order of first use.</summary>
    public int Index { get; set; } = -1;
}

/// <summary>A variable in memory, with its initial bytes and the addresses patched into them.</summary>
internal sealed class VariableSymbol(string name, StateSpace space, int align, long size)
{
    public string Name { get; } = name;

    public StateSpace Space { get; } = space;

    public int Align { get; } = align;

    /// <summary>Bytes; 0 for <c>extern .shared x[]</c>, which starts where the dynamic shared memory does.</summary>
    public long Size { get; set; } = size;

    public bool IsExtern { get; init; }

    public byte[]? Initial { get; set; }

    public List<(int Offset, string Symbol, long Addend, bool Generic)> Relocations { get; } = [];

    /// <summary>Address in its space once laid out.</summary>
    public long Address { get; set; }
}

/// <summary>An operand as written.</summary>
internal abstract record Operand;

internal sealed record RegisterOperand(RegisterSymbol Register) : Operand;

internal sealed record VariableOperand(VariableSymbol Variable, long Offset) : Operand;

/// <summary>A label, function, special register or a variable that is declared later.</summary>
internal sealed record NameOperand(string Name, long Offset) : Operand;

/// <summary>An integer (two's complement), or the bits of a <c>0f</c>/<c>0d</c> constant.</summary>
internal sealed record ConstantOperand(long Bits, PtxType Type) : Operand;

internal sealed record VectorOperand(List<Operand> Items) : Operand;

internal sealed record AddressOperand(Operand Base, long Offset) : Operand;

internal sealed record PairOperand(Operand First, Operand Second) : Operand;

internal sealed record NotOperand(Operand Inner) : Operand;

internal sealed record ListOperand(List<Operand> Items) : Operand;

/// <summary>A statement of a function's body.</summary>
internal abstract record Statement(int Line);

internal sealed record LabelStatement(int Line, string Name) : Statement(Line);

/// <summary>A list of labels (<c>.branchtargets</c>) or functions (<c>.calltargets</c>).</summary>
internal sealed record TargetsStatement(int Line, string Name, List<string> Targets) : Statement(Line);

/// <summary>A <c>.callprototype</c>.</summary>
internal sealed record PrototypeStatement(int Line, string Name) : Statement(Line);

internal sealed record InstructionStatement(
    int Line, string Opcode, RegisterSymbol? Guard, bool GuardNegated, List<Operand> Operands, SourceLine? Source) : Statement(Line)
{
    /// <summary>The statement, for messages.</summary>
    public required string Text { get; init; }

    /// <summary>A load of which no byte is used (a copy of a struct's gap).</summary>
    public bool IsUnusedLoad { get; init; }
}

/// <summary>A position of the source from <c>.loc</c>.</summary>
internal sealed record SourceLine(string File, int Line)
{
    public override string ToString() => $"{File}:{Line}";
}

/// <summary>A kernel or a device function.</summary>
internal sealed class PtxFunction(string name, bool isEntry, int line)
{
    public string Name { get; } = name;

    public bool IsEntry { get; } = isEntry;

    public int Line { get; } = line;

    public List<VariableSymbol> Parameters { get; } = [];

    public List<VariableSymbol> Results { get; } = [];

    public List<Statement> Body { get; } = [];

    public List<VariableSymbol> Variables { get; } = [];

    public bool HasBody { get; set; }

    /// <summary>Whether its blocks run in clusters of several.</summary>
    public bool HasClusters { get; set; }

    /// <summary>Whether it says that it runs in clusters, be they of one block.</summary>
    public bool IsExplicitlyClustered { get; set; }

    /// <summary><c>.reqntid</c>, or null.</summary>
    public int[]? RequiredThreads { get; set; }

    /// <summary><c>.maxntid</c>, or null.</summary>
    public int[]? MaximumThreads { get; set; }
}

/// <summary>A PTX text, parsed.</summary>
internal sealed class PtxModule
{
    /// <summary>PTX ISA version times ten: 87 is 8.7.</summary>
    public int Version { get; set; }

    /// <summary>The target, such as <c>sm_80</c>.</summary>
    public string Target { get; set; } = "";

    public List<PtxFunction> Functions { get; } = [];

    /// <summary>Number of a function that can be called, which its address carries; 0 where there is none of that name.</summary>
    public int NumberOf(string name) => Functions.FindLastIndex(f => f.Name == name && f.HasBody && !f.IsEntry) + 1;

    public List<VariableSymbol> Variables { get; } = [];
}
