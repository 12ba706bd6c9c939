namespace Acm.Simulator.Parser;

/// <summary>Instructions and their operands.</summary>
internal sealed partial class PtxParser
{
    private void ParseInstruction(int line)
    {
        int start = _at;
        RegisterSymbol? guard = null;
        bool negated = false;
        if (Skip('@'))
        {
            negated = Skip('!');
            string name = Word("a predicate");
            guard = FindRegister(name);
            if (guard is null || guard.Type != PtxType.Pred)
                throw Refuse($"'{name}' is not a predicate register", line);
        }

        string opcode = Word("an instruction");
        List<Operand> operands = [];
        if (!Current.Is(';'))
        {
            do
                operands.Add(ParseOperand(0));
            while (Skip(','));
        }

        string text = Shorten(start, _at);
        if (!Current.Is(';'))
            throw Refuse($"expected ';', found {Describe(Current)}");
        _at++;
        _function.Body.Add(new InstructionStatement(line, opcode, guard, negated, operands, _source) { Text = text, IsUnusedLoad = _unusedLoad });
        _unusedLoad = false;
    }

    private string Shorten(int from, int to)
    {
        System.Text.StringBuilder text = new();
        for (int i = from; i < to && text.Length < 160; i++)
        {
            if (text.Length > 0 && _tokens[i].Kind != TokenKind.Punctuation && !(_tokens[i - 1].Text is "[" or "{" or "(" or "@" or "!" or "|" or "+" or "-"))
                text.Append(' ');
            text.Append(_tokens[i].Text);
        }

        return text.ToString();
    }

    private Operand ParseOperand(int depth)
    {
        if (depth > 8)
            throw Refuse("operand nested too deep");
        Operand first = ParseSingle(depth);
        return Skip('|') ? new PairOperand(first, ParseSingle(depth)) : first;
    }

    private Operand ParseSingle(int depth)
    {
        Token token = Current;
        if (Skip('{'))
            return new VectorOperand(ParseList('}', depth));
        if (Skip('('))
            return new ListOperand(ParseList(')', depth));
        if (Skip('['))
        {
            Operand inner = ParseSingle(depth + 1);
            long offset = ParseOffset();
            if (!Skip(']'))
                throw Refuse($"this form of address is not known: expected ']', found {Describe(Current)}");
            return new AddressOperand(inner, offset);
        }

        if (Skip('!'))
            return new NotOperand(ParseSingle(depth + 1));
        if (token.Kind == TokenKind.Number || token.Is('-') || token.Is('~') || token.Is('+'))
            return ParseConstant();
        if (token.Kind != TokenKind.Word)
            throw Refuse($"expected an operand, found {Describe(token)}");
        return ParseName();
    }

    private List<Operand> ParseList(char close, int depth)
    {
        List<Operand> items = [];
        if (Skip(close))
            return items;
        do
            items.Add(ParseOperand(depth + 1));
        while (Skip(','));
        Expect(close);
        return items;
    }

    private ConstantOperand ParseConstant()
    {
        bool negative = false, inverted = false;
        while (Current.Is('-') || Current.Is('~') || Current.Is('+'))
        {
            char sign = Take().Text[0];
            negative ^= sign == '-';
            inverted ^= sign == '~';
        }

        if (Current.Kind != TokenKind.Number)
            throw Refuse($"expected a number, found {Describe(Current)}");
        Token number = Take();
        long bits = number.Bits;
        if (negative)
        {
            bits = number.Type switch
            {
                PtxType.F32 => bits ^ 0x8000_0000L,
                PtxType.F64 => bits ^ long.MinValue,
                _ => -bits,
            };
        }

        return new ConstantOperand(inverted ? ~bits : bits, number.Type);
    }

    private Operand ParseName()
    {
        string name = Take().Text;
        if (FindRegister(name) is { } register)
            return new RegisterOperand(register);
        VariableSymbol? variable = FindVariable(name);
        long offset = ParseOffset();
        if (variable is not null)
            return new VariableOperand(variable, offset);
        return new NameOperand(LabelName(name), offset);
    }

    private long ParseOffset()
    {
        long offset = 0;
        while (Current.Is('+') || Current.Is('-'))
        {
            bool negative = false;
            while (Current.Is('+') || Current.Is('-'))
                negative ^= Take().Is('-');
            if (Current.Kind != TokenKind.Number || Current.Type is PtxType.F32 or PtxType.F64)
                throw Refuse($"expected an offset, found {Describe(Current)}");
            long value = Take().Bits;
            offset += negative ? -value : value;
        }

        return offset;
    }
}
