using System.Buffers.Binary;

namespace Acm.Simulator.Parser;

/// <summary>Variables in memory: <c>.global .align 4 .b8 table[8] = {...};</c>.</summary>
internal sealed partial class PtxParser
{
    private const long MostBytes = 1L << 30;

    private List<VariableSymbol> ParseVariables(StateSpace space, bool isExtern)
    {
        int line = Current.Line;
        int align = 0, vector = 1;
        PtxType type = PtxType.None;
        while (Current.Kind == TokenKind.Word && Current.Text.StartsWith('.'))
        {
            string word = Take().Text;
            if (word == ".align")
                align = Alignment();
            else if (word is ".v2" or ".v4")
                vector = word[2] - '0';
            else if (word is ".attribute")
                SkipAttribute();
            else if (PtxTypes.TryParse(word[1..], out PtxType parsed) && parsed.Bits() >= 8)
                type = parsed;
            else
                throw Refuse($"'{word}' cannot describe a variable", line);
        }

        if (type == PtxType.None)
            throw Refuse("a variable needs a type", line);
        List<VariableSymbol> variables = [];
        do
            variables.Add(ParseVariable(space, isExtern, align, vector, type));
        while (Skip(','));
        Expect(';');
        return variables;
    }

    private int Alignment()
    {
        int align = Count("an alignment", 1 << 20);
        return align > 0 && (align & (align - 1)) == 0 ? align : throw Refuse($"alignment {align} is not a power of two");
    }

    private void SkipAttribute()
    {
        Expect('(');
        while (!Skip(')'))
        {
            if (Take().Kind == TokenKind.End)
                throw Refuse("attribute without an end");
        }
    }

    private VariableSymbol ParseVariable(StateSpace space, bool isExtern, int align, int vector, PtxType type)
    {
        int line = Current.Line;
        string name = Word("a variable's name");
        int element = type.Bytes() * vector;
        long count = ParseDimensions(out bool open);
        long bytes = checked(element * count);
        if (bytes > MostBytes)
            throw Refuse($"'{name}' is too large: {bytes} bytes", line);
        VariableSymbol variable = new(name, space, Math.Max(align, element), open ? 0 : bytes) { IsExtern = isExtern };
        if (align > 0)
            variable = new VariableSymbol(name, space, align, open ? 0 : bytes) { IsExtern = isExtern };
        if (Skip('='))
        {
            if (space is not (StateSpace.Global or StateSpace.Const))
                throw Refuse($"'{name}' cannot have initial values", line);
            List<byte> data = [];
            ParseInitial(variable, type, data);
            if (open)
                variable.Size = data.Count;
            else if (data.Count > variable.Size)
                throw Refuse($"'{name}' has more initial values than room", line);
            variable.Initial = [.. data];
        }
        else if (open && !(isExtern && space == StateSpace.Shared) && space != StateSpace.Param && !isExtern)
        {
            throw Refuse($"'{name}' has no size", line);
        }

        return variable;
    }

    private long ParseDimensions(out bool open)
    {
        long count = 1;
        open = false;
        while (Skip('['))
        {
            if (Skip(']'))
            {
                open = true;
                continue;
            }

            count *= Count("a dimension", MostBytes);
            if (count > MostBytes)
                throw Refuse("array too large");
            Expect(']');
        }

        return count;
    }

    private void ParseInitial(VariableSymbol variable, PtxType type, List<byte> data)
    {
        if (data.Count > MostBytes)
            throw Refuse("too many initial values");
        if (Skip('{'))
        {
            if (Skip('}'))
                return;
            do
                ParseInitial(variable, type, data);
            while (Skip(','));
            Expect('}');
            return;
        }

        Span<byte> bytes = stackalloc byte[8];
        bytes.Clear();
        int width = type.Bytes();
        if (width > 8)
            throw Unsupported("initial values of this width are not supported");
        if (Current.Kind == TokenKind.Word)
        {
            bool generic = Current.Text == "generic";
            if (generic)
                Take();
            bool closing = generic && Skip('(');
            string symbol = Word("a symbol");
            if (closing)
                Expect(')');
            long addend = Skip('+') ? Integer("an offset") : Current.Is('-') ? Integer("an offset") : 0;
            if (width != 8)
                throw Refuse($"the address of '{symbol}' does not fit {width} bytes");
            variable.Relocations.Add((data.Count, symbol, addend, generic));
        }
        else
        {
            BinaryPrimitives.WriteInt64LittleEndian(bytes, InitialValue(type));
        }

        data.AddRange(bytes[..width]);
    }

    private long InitialValue(PtxType type)
    {
        bool negative = Skip('-');
        if (Current.Kind != TokenKind.Number)
            throw Refuse($"expected an initial value, found {Describe(Current)}");
        Token token = Take();
        if (token.Type is not (PtxType.F32 or PtxType.F64))
            return negative ? -token.Bits : token.Bits;
        double value = token.Type == PtxType.F32 ? BitConverter.Int32BitsToSingle((int)token.Bits) : BitConverter.Int64BitsToDouble(token.Bits);
        value = negative ? -value : value;
        return type switch
        {
            PtxType.F32 => token.Type == PtxType.F32 && !negative ? token.Bits : BitConverter.SingleToInt32Bits((float)value),
            PtxType.F64 => BitConverter.DoubleToInt64Bits(value),
            _ => token.Bits,
        };
    }
}
