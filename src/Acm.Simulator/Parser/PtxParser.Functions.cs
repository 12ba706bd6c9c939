namespace Acm.Simulator.Parser;

/// <summary>Functions: header, scopes, declarations, statements.</summary>
internal sealed partial class PtxParser
{
    private PtxFunction _function = null!;
    private readonly List<Scope> _scopes = [];
    private SourceLine? _source;
    private bool _unusedLoad;

    /// <summary>The names of one pair of braces.</summary>
    private sealed class Scope
    {
        public readonly Dictionary<string, RegisterSymbol> Registers = new(StringComparer.Ordinal);
        public readonly Dictionary<string, (PtxType Type, int Count)> Ranges = new(StringComparer.Ordinal);
        public readonly Dictionary<string, VariableSymbol> Variables = new(StringComparer.Ordinal);
        public readonly Dictionary<string, string> Labels = new(StringComparer.Ordinal);
    }

    private void ParseFunction(bool isEntry, int line)
    {
        List<VariableSymbol> results = [];
        if (!isEntry && Current.Is('('))
            results = ParseParameters();
        string name = Word("a function's name");
        PtxFunction function = new(name, isEntry, line);
        function.Results.AddRange(results);
        if (Current.Is('('))
            function.Parameters.AddRange(ParseParameters());
        ParseAttributes(function);
        if (!Skip(';'))
        {
            _function = function;
            function.HasBody = true;
            _source = null;
            ParseBody();
        }

        int known = _module.Functions.FindIndex(f => f.Name == name);
        if (known < 0)
            _module.Functions.Add(function);
        else if (!_module.Functions[known].HasBody)
            _module.Functions[known] = function;
        else if (function.HasBody)
            throw Refuse($"'{name}' is defined twice", line);
    }

    private List<VariableSymbol> ParseParameters()
    {
        List<VariableSymbol> parameters = [];
        Expect('(');
        if (Skip(')'))
            return parameters;
        do
            parameters.Add(ParseParameter());
        while (Skip(','));
        Expect(')');
        return parameters;
    }

    private VariableSymbol ParseParameter()
    {
        string space = Word("'.param'");
        if (space != ".param")
            throw Unsupported($"a parameter in '{space}' is not supported");
        int align = 0;
        PtxType type = PtxType.None;
        while (Current.Kind == TokenKind.Word && Current.Text.StartsWith('.'))
        {
            string word = Take().Text;
            if (word == ".align")
                align = Alignment();
            else if (word is ".ptr" or ".global" or ".const" or ".shared" or ".local" or ".generic" or ".noalias")
                continue; // attributes of what a pointer points to
            else if (PtxTypes.TryParse(word[1..], out PtxType parsed) && parsed.Bits() >= 8)
                type = parsed;
            else
                throw Refuse($"'{word}' cannot describe a parameter");
        }

        if (type == PtxType.None)
            throw Refuse("a parameter needs a type");
        string name = Word("a parameter's name");
        bool isArray = Current.Is('[');
        long count = ParseDimensions(out bool open);
        if (open)
            throw Unsupported($"variable argument lists are not supported ('{name}')");
        if (count * type.Bytes() > 32768)
            throw Refuse($"parameter '{name}' is too large");
        return new VariableSymbol(name, StateSpace.Param, isArray && align > 0 ? align : type.Bytes(), count * type.Bytes());
    }

    private void ParseAttributes(PtxFunction function)
    {
        while (Current.Kind == TokenKind.Word && Current.Text.StartsWith('.'))
        {
            string word = Take().Text;
            switch (word)
            {
                case ".reqntid":
                    function.RequiredThreads = ParseTriple();
                    break;
                case ".maxntid":
                    function.MaximumThreads = ParseTriple();
                    break;
                case ".reqnctapercluster":
                    function.HasClusters = ParseTriple().Any(size => size > 1);
                    break;
                case ".minnctapersm" or ".maxnctapersm" or ".maxnreg" or ".maxclusterrank":
                    Integer("a number");
                    break;
                case ".explicitcluster":
                    function.IsExplicitlyClustered = true;
                    break;
                case ".noreturn" or ".blocksareclusters":
                    break;
                case ".pragma":
                    ParsePragma();
                    break;
                default:
                    throw Unsupported($"function attribute '{word}' is not known");
            }
        }
    }

    private int[] ParseTriple()
    {
        int[] sizes = [1, 1, 1];
        int i = 0;
        do
        {
            if (i == 3)
                throw Refuse("more than three dimensions");
            sizes[i++] = Count("a size", int.MaxValue);
        }
        while (Skip(','));
        return sizes;
    }

    private void ParseBody()
    {
        Expect('{');
        _scopes.Clear();
        _scopes.Add(new Scope());
        _scopeNames = 0;
        foreach (VariableSymbol variable in _function.Results.Concat(_function.Parameters))
        {
            if (!_scopes[0].Variables.TryAdd(variable.Name, variable))
                throw Refuse($"'{variable.Name}' is declared twice");
        }

        while (_scopes.Count > 0)
        {
            if (Current.Kind == TokenKind.End)
                throw Refuse($"'{_function.Name}' has no end");
            if (_function.Body.Count > MostStatements)
                throw Refuse("function too long");
            if (Skip('{'))
                OpenScope();
            else if (Skip('}'))
                _scopes.RemoveAt(_scopes.Count - 1);
            else if (!Skip(';'))
                ParseStatement();
        }
    }

    private int _scopeNames;

    /// <summary>Labels belong to their braces: those that the braces declare get names of their own.</summary>
    private void OpenScope()
    {
        if (_scopes.Count > 200)
            throw Refuse("braces nested too deep");
        Scope scope = new();
        int depth = 1;
        int number = ++_scopeNames;
        for (int i = _at; i < _tokens.Count && depth > 0; i++)
        {
            Token token = _tokens[i];
            depth += token.Is('{') ? 1 : token.Is('}') ? -1 : 0;
            if (depth == 1 && token.Kind == TokenKind.Word && _tokens[i + 1].Is(':') && !_tokens[i - 1].Is('?'))
                scope.Labels.TryAdd(token.Text, $"{token.Text}@{number}");
        }

        _scopes.Add(scope);
    }

    private void ParseStatement()
    {
        int line = Current.Line;
        if (Current.Kind == TokenKind.Word && _tokens[_at + 1].Is(':'))
        {
            string label = LabelName(Take().Text);
            Expect(':');
            if (Current.Text is ".branchtargets" or ".calltargets")
                ParseTargets(label, line);
            else if (Current.Text == ".callprototype")
                ParsePrototype(label, line);
            else
                _function.Body.Add(new LabelStatement(line, label));
        }
        else if (Current.Kind == TokenKind.Word && Current.Text.StartsWith('.'))
        {
            ParseInnerDirective(line);
        }
        else
        {
            ParseInstruction(line);
        }
    }

    private void ParseTargets(string label, int line)
    {
        bool calls = Take().Text == ".calltargets";
        List<string> targets = [];
        do
        {
            string name = Word("a target");
            targets.Add(calls ? name : LabelName(name));
        }
        while (Skip(','));
        Expect(';');
        _function.Body.Add(new TargetsStatement(line, label, targets));
    }

    private void ParsePrototype(string label, int line)
    {
        Take();
        if (Current.Is('('))
            ParseParameters();
        Word("'_'");
        if (Current.Is('('))
            ParseParameters();
        while (Current.Kind == TokenKind.Word && Current.Text is ".noreturn")
            Take();
        Expect(';');
        _function.Body.Add(new PrototypeStatement(line, label));
    }

    private void ParseInnerDirective(int line)
    {
        string word = Take().Text;
        switch (word)
        {
            case ".reg":
                ParseRegisters();
                break;
            case ".local" or ".shared" or ".param" or ".const" or ".global":
                foreach (VariableSymbol variable in ParseVariables(SpaceOf(word), false))
                {
                    if (!_scopes[^1].Variables.TryAdd(variable.Name, variable))
                        throw Refuse($"'{variable.Name}' is declared twice", line);
                    _function.Variables.Add(variable);
                }

                break;
            case ".loc":
                _source = ParseLoc();
                break;
            case ".file":
                ParseFile();
                break;
            case ".pragma":
                ParsePragma();
                break;
            case ".section":
                SkipSection();
                break;
            default:
                throw Unsupported($"directive '{word}' is not known", line);
        }
    }

    private void ParseRegisters()
    {
        string word = Word("a type");
        if (!word.StartsWith('.') || !PtxTypes.TryParse(word[1..], out PtxType type) || (type.Bits() < 8 && type != PtxType.Pred))
            throw Unsupported($"registers of type '{word}' are not supported");
        Scope scope = _scopes[^1];
        do
        {
            string name = Word("a register");
            if (name.Contains('.'))
                throw Refuse($"'{name}' cannot name a register");
            if (Skip('<'))
            {
                scope.Ranges[name] = (type, Count("a number of registers", int.MaxValue));
                Expect('>');
            }
            else
            {
                scope.Registers[name] = new RegisterSymbol(name, type);
            }
        }
        while (Skip(','));
        Expect(';');
    }

    private string LabelName(string name)
    {
        for (int i = _scopes.Count - 1; i >= 0; i--)
        {
            if (_scopes[i].Labels.TryGetValue(name, out string? inner))
                return inner;
        }

        return name;
    }

    private RegisterSymbol? FindRegister(string name)
    {
        for (int i = _scopes.Count - 1; i >= 0; i--)
        {
            Scope scope = _scopes[i];
            if (scope.Registers.TryGetValue(name, out RegisterSymbol? register))
                return register;
            int digits = name.Length;
            while (digits > 0 && char.IsAsciiDigit(name[digits - 1]))
                digits--;
            if (digits == name.Length || !scope.Ranges.TryGetValue(name[..digits], out (PtxType Type, int Count) range))
                continue;
            string number = name[digits..];
            if (!int.TryParse(number, out int index) || index >= range.Count || (number.Length > 1 && number[0] == '0'))
                continue;
            register = new RegisterSymbol(name, range.Type);
            scope.Registers.Add(name, register);
            return register;
        }

        return null;
    }

    private VariableSymbol? FindVariable(string name)
    {
        for (int i = _scopes.Count - 1; i >= 0; i--)
        {
            if (_scopes[i].Variables.TryGetValue(name, out VariableSymbol? variable))
                return variable;
        }

        return _globals.GetValueOrDefault(name);
    }
}
