namespace Acm.Simulator.Parser;

internal enum TokenKind { Word, Number, Text, Punctuation, End }

/// <summary>A token: words keep their dots (<c>ld.global.v4.f32</c>, <c>%tid.x</c>, <c>.reg</c>).</summary>
internal readonly record struct Token(TokenKind Kind, string Text, int Line, long Bits = 0, PtxType Type = PtxType.None)
{
    public bool Is(char punctuation) => Kind == TokenKind.Punctuation && Text[0] == punctuation;
}

/// <summary>Splits PTX text into tokens.</summary>
internal sealed class PtxLexer
{
    private const string Singles = "{}()[]<>,;:=+-*/|!@~&^";
    private readonly string _text;
    private int _at;
    private int _line = 1;

    private PtxLexer(string text) => _text = text;

    public static List<Token> Run(string text)
    {
        PtxLexer lexer = new(text);
        List<Token> tokens = [];
        do
            tokens.Add(lexer.Next());
        while (tokens[^1].Kind != TokenKind.End);
        return tokens;
    }

    private char Peek(int ahead = 0) => _at + ahead < _text.Length ? _text[_at + ahead] : '\0';

    private Token Next()
    {
        SkipBlank();
        if (_at >= _text.Length)
            return new Token(TokenKind.End, "", _line);
        char c = Peek();
        if (char.IsAsciiDigit(c))
            return Number();
        if (IsWordStart(c))
            return Word();
        if (c == '"')
            return Text();
        if (Singles.Contains(c))
        {
            _at++;
            return new Token(TokenKind.Punctuation, c.ToString(), _line);
        }

        throw new PtxException(_line, "", $"character '{(char.IsControl(c) ? $"\\u{(int)c:x4}" : c)}' has no place in PTX");
    }

    private void SkipBlank()
    {
        while (_at < _text.Length)
        {
            char c = _text[_at];
            if (c == '\n')
            {
                _line++;
                _at++;
            }
            else if (c is ' ' or '\t' or '\r' or '\0')
            {
                _at++;
            }
            else if (c == '/' && Peek(1) == '/')
            {
                while (_at < _text.Length && _text[_at] != '\n')
                    _at++;
            }
            else if (c == '/' && Peek(1) == '*')
            {
                int start = _line;
                for (_at += 2; !(Peek() == '*' && Peek(1) == '/'); _at++)
                {
                    if (_at >= _text.Length)
                        throw new PtxException(start, "", "comment without an end");
                    if (_text[_at] == '\n')
                        _line++;
                }

                _at += 2;
            }
            else
            {
                return;
            }
        }
    }

    private static bool IsWordStart(char c) => char.IsAsciiLetter(c) || c is '_' or '$' or '%' or '.';

    private static bool IsWordPart(char c) => char.IsAsciiLetterOrDigit(c) || c is '_' or '$' or '%' or '.';

    private Token Word()
    {
        int start = _at++;
        while (true)
        {
            if (Peek() == '.' && _text[start] == '.')
                return new Token(TokenKind.Word, _text[start.._at], _line); // .reg.b32 is two directives
            if (IsWordPart(Peek()))
                _at++;
            else if (Peek() == ':' && Peek(1) == ':' && _at > start)
                _at += 2;
            else
                return new Token(TokenKind.Word, _text[start.._at], _line);
        }
    }

    private Token Text()
    {
        int start = ++_at;
        while (Peek() != '"')
        {
            if (_at >= _text.Length || Peek() == '\n')
                throw new PtxException(_line, "", "text without a closing quote");
            _at++;
        }

        return new Token(TokenKind.Text, _text[start.._at++], _line);
    }

    private Token Number()
    {
        int start = _at;
        while (char.IsAsciiLetterOrDigit(Peek()) || (Peek() == '.' && char.IsAsciiDigit(Peek(1)))
            || (Peek() is '+' or '-' && _text[_at - 1] is 'e' or 'E' && !IsHex(start)))
        {
            _at++;
        }

        string word = _text[start.._at];
        return PtxNumber.TryParse(word, out long bits, out PtxType type)
            ? new Token(TokenKind.Number, word, _line, bits, type)
            : throw new PtxException(_line, word, "not a number");
    }

    private bool IsHex(int start) => _text[start] == '0' && start + 1 < _text.Length && _text[start + 1] is 'x' or 'X' or 'f' or 'F' or 'd' or 'D';
}
