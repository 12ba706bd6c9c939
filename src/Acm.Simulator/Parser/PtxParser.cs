namespace Acm.Simulator.Parser;

/// <summary>Parses PTX text into a <see cref="PtxModule"/>. Anything it does not know is a <see cref="PtxException"/>.</summary>
internal sealed partial class PtxParser
{
    private const int MostStatements = 4_000_000;
    private readonly List<Token> _tokens;
    private readonly string[] _lines;
    private readonly PtxModule _module = new();
    private readonly Dictionary<string, VariableSymbol> _globals = new(StringComparer.Ordinal);
    private readonly Dictionary<int, string> _files = [];
    private int _at;

    private PtxParser(string text)
    {
        _lines = text.Split('\n');
        _tokens = PtxLexer.Run(text);
    }

    /// <exception cref="PtxException">The text is not PTX, or uses what this parser does not know.</exception>
    public static PtxModule Parse(string text)
    {
        PtxParser parser = new(text);
        parser.ParseModule();
        return parser._module;
    }

    private Token Current => _tokens[_at];

    private Token Take()
    {
        Token token = _tokens[_at];
        if (token.Kind != TokenKind.End)
            _at++;
        return token;
    }

    private PtxException Refuse(string reason, int line = 0)
    {
        (line, string text) = Place(line);
        return new PtxException(line, text, reason);
    }

    /// <summary>For what the PTX ISA has and this device does not.</summary>
    private PtxUnsupportedException Unsupported(string reason, int line = 0)
    {
        (line, string text) = Place(line);
        return new PtxUnsupportedException(line, text, reason);
    }

    private (int Line, string Text) Place(int line)
    {
        line = line == 0 ? Current.Line : line;
        string text = line <= _lines.Length ? _lines[line - 1].Trim() : "";
        return (line, text.Length > 200 ? text[..200] + "..." : text);
    }

    private bool Skip(char punctuation)
    {
        if (!Current.Is(punctuation))
            return false;
        _at++;
        return true;
    }

    private void Expect(char punctuation)
    {
        if (!Skip(punctuation))
            throw Refuse($"expected '{punctuation}', found {Describe(Current)}");
    }

    private static string Describe(Token token) => token.Kind == TokenKind.End ? "the end of the text" : $"'{token.Text}'";

    private string Word(string what)
    {
        if (Current.Kind != TokenKind.Word)
            throw Refuse($"expected {what}, found {Describe(Current)}");
        return Take().Text;
    }

    private long Integer(string what)
    {
        bool negative = Skip('-');
        if (Current.Kind != TokenKind.Number || Current.Type is PtxType.F32 or PtxType.F64)
            throw Refuse($"expected {what}, found {Describe(Current)}");
        long value = Take().Bits;
        return negative ? -value : value;
    }

    private int Count(string what, long most)
    {
        long value = Integer(what);
        return value >= 0 && value <= most ? (int)value : throw Refuse($"{what} {value} is out of range (0 to {most})");
    }

    private void ParseModule()
    {
        if (Word("'.version'") != ".version")
            throw Refuse("a module starts with .version", 1);
        ParseVersion();
        while (Current.Kind != TokenKind.End)
            ParseModuleDirective();
        if (_module.Target.Length == 0)
            throw Refuse("no .target", 1);
    }

    private void ParseVersion()
    {
        Token number = Take();
        string[] parts = number.Text.Split('.');
        if (number.Kind != TokenKind.Number || parts.Length != 2 || !int.TryParse(parts[0], out int major) || !int.TryParse(parts[1], out int minor) || minor > 9)
            throw Refuse($"not a PTX ISA version: {Describe(number)}", number.Line);
        _module.Version = (major * 10) + minor;
        if (_module.Version is < 60 or > 99)
            throw new PtxUnsupportedException(number.Line, "", $"PTX ISA {number.Text} is not supported (6.0 to 9.x are)");
    }

    private void ParseModuleDirective()
    {
        int line = Current.Line;
        string word = Word("a directive");
        switch (word)
        {
            case ".target":
                _module.Target = Word("a target");
                while (Skip(','))
                    Word("a target option");
                break;
            case ".address_size":
                if (Integer("an address size") != 64)
                    throw Refuse("only 64-bit addresses are supported", line);
                break;
            case ".file":
                ParseFile();
                break;
            case ".section":
                SkipSection();
                break;
            case ".pragma":
                ParsePragma();
                break;
            case ".visible" or ".extern" or ".weak" or ".common":
                ParseDeclaration(word == ".extern");
                break;
            case ".entry" or ".func" or ".global" or ".const" or ".shared":
                _at--;
                ParseDeclaration(false);
                break;
            default:
                throw Unsupported($"directive '{word}' is not known", line);
        }
    }

    private void ParseDeclaration(bool isExtern)
    {
        while (Current.Text is ".visible" or ".extern" or ".weak" or ".common")
            isExtern |= Take().Text == ".extern";
        int line = Current.Line;
        string word = Word("a declaration");
        switch (word)
        {
            case ".entry":
                ParseFunction(true, line);
                break;
            case ".func":
                ParseFunction(false, line);
                break;
            case ".global" or ".const" or ".shared":
                foreach (VariableSymbol variable in ParseVariables(SpaceOf(word), isExtern))
                {
                    _module.Variables.Add(variable);
                    if (!_globals.TryAdd(variable.Name, variable) && !isExtern)
                        throw Refuse($"'{variable.Name}' is declared twice", line);
                }

                break;
            default:
                throw Refuse($"'{word}' cannot be declared here", line);
        }
    }

    private static StateSpace SpaceOf(string word) => word switch
    {
        ".const" => StateSpace.Const,
        ".shared" => StateSpace.Shared,
        ".local" => StateSpace.Local,
        ".param" => StateSpace.Param,
        _ => StateSpace.Global,
    };

    private void ParseFile()
    {
        int index = Count("a file index", int.MaxValue);
        if (Current.Kind != TokenKind.Text)
            throw Refuse("expected a file name");
        _files[index] = Take().Text;
        while (Skip(','))
            Integer("a time stamp or size");
    }

    private SourceLine ParseLoc()
    {
        int file = Count("a file index", int.MaxValue), line = Count("a line", int.MaxValue);
        Count("a column", int.MaxValue);
        while (Skip(',')) // function_name and inlined_at tell of inlining; the position is enough
        {
            if (Word("'function_name' or 'inlined_at'") == "inlined_at")
            {
                Integer("a file index");
                Integer("a line");
                Integer("a column");
            }
            else
            {
                Word("a label");
                if (Skip('+'))
                    Integer("an offset");
            }
        }

        return new SourceLine(_files.GetValueOrDefault(file, $"file {file}"), line);
    }

    /// <summary>Hints for the assembler, but for the one that says that nothing of what the next load brings is used.</summary>
    private void ParsePragma()
    {
        do
        {
            Token text = Take();
            if (text.Kind != TokenKind.Text)
                throw Refuse("expected the pragma's text");
            _unusedLoad = text.Text is "used_bytes_mask 0" or "used_bytes_mask 0x0";
        }
        while (Skip(','));
        Expect(';');
    }

    private void SkipSection()
    {
        Word("a section name");
        Expect('{');
        for (int depth = 1; depth > 0;)
        {
            Token token = Take();
            if (token.Kind == TokenKind.End)
                throw Refuse("section without an end");
            depth += token.Is('{') ? 1 : token.Is('}') ? -1 : 0;
        }
    }
}
