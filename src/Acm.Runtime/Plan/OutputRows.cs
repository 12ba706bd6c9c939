namespace Acm.Runtime.Plan;

/// <summary>
/// What is left of a plan where nothing but its output is asked for. A model that reads one token of a sequence (<see cref="SelectFirst"/>) needs that row only
/// of whatever works row for row before it, back to where attention looks at all: keys and values of the last layer. The op that selects moves up to
/// there, hidden states are not copied out, and a row that is computed is computed as before.
/// </summary>
internal sealed class OutputRows
{
    private enum Need { Nothing, First, All }

    // By Buffer and ChoiceBuffer: what the ops after the one being looked at read of it.
    private readonly Dictionary<object, Need> _needs = new(ReferenceEqualityComparer.Instance);
    private readonly Dictionary<Buffer, Buffer> _firstRows = new(ReferenceEqualityComparer.Instance);
    private readonly Dictionary<ChoiceBuffer, ChoiceBuffer> _firstChoices = new(ReferenceEqualityComparer.Instance);
    // Buffers whose first rows lie apart now.
    private readonly HashSet<Buffer> _apart = new(ReferenceEqualityComparer.Instance);
    private readonly List<Op> _ops = [];

    private OutputRows()
    {
    }

    /// <summary>The plan of the same output that computes no row in vain; ops that change nothing are the same objects.</summary>
    /// <returns>Null where every row is needed, and for the published code's semantics, by which a row depends on its batch.</returns>
    public static ForwardPlan? Of(ForwardPlan plan)
    {
        if (plan.PublishedCode)
            return null;
        var rows = new OutputRows();
        Need[][] needs = rows.Needs(plan);
        for (int i = 0; i < needs.Length; i++)
            rows.Write(plan.Ops[i], needs[i]);
        return rows._firstRows.Count > 0 ? plan with { Ops = rows._ops, HiddenCount = 0 } : null;
    }

    // Of each op, which rows of what it writes are read: of the gates of a Route, one each.
    private Need[][] Needs(ForwardPlan plan)
    {
        Need[][] needs = new Need[plan.Ops.Count][];
        Read(plan.Output, Need.All);
        for (int i = needs.Length - 1; i >= 0; i--)
        {
            Op op = plan.Ops[i];
            needs[i] = op is Route route ? [.. route.Gates.Select(gate => Written(gate.K))] : [Written(Out(op))];
            if (!GoesByRows(op) && needs[i][0] == Need.First)
                needs[i][0] = Need.All;
            Need rows = needs[i].Max();
            if (rows != Need.Nothing)
                ReadBy(op, rows);
        }
        return needs;
    }

    private Need Written(object? target) => target is not null && _needs.Remove(target, out Need need) ? need : Need.Nothing;

    private void Read(object? source, Need rows)
    {
        if (source is null)
            return;
        if (source is Buffer buffer && buffer.Rows == RowSpace.Sequence)
            rows = Need.All;
        if (rows > _needs.GetValueOrDefault(source))
            _needs[source] = rows;
    }

    private void ReadBy(Op op, Need rows)
    {
        switch (op)
        {
            case LayerNorm o:
                Read(o.In, rows);
                break;
            case UnitLength o:
                Read(o.In, rows);
                break;
            case Linear o:
                Read(o.In, rows);
                Read(o.Residual, rows);
                break;
            case Route o:
                Read(o.In, rows);
                break;
            case AcmLayer o:
                Read(o.In, rows);
                Read(o.K, rows);
                Read(o.Residual, rows);
                break;
            case Attention o:
                Read(o.Q, rows);
                Read(o.K, Need.All);
                Read(o.V, Need.All);
                break;
            case SelectFirst o:
                Read(o.In, Need.First);
                break;
            case ChannelNorm o:
                Read(o.In, Need.All);
                break;
            case MeanPool o:
                Read(o.In, Need.All);
                break;
            case Conv1d o:
                Read(o.In, Need.All);
                Read(o.Residual, Need.All);
                break;
            case PatchEmbed or TokenEmbed or LoadSamples:
                break;
            default:
                throw new NotSupportedException($"What {op.GetType().Name} reads is not known here.");
        }
    }

    /// <summary>Whether the op's first row is made of first rows (attention: of its queries').</summary>
    private static bool GoesByRows(Op op) => op is LayerNorm or UnitLength or Linear or Route or AcmLayer or Attention;

    private static Buffer? Out(Op op) => op switch
    {
        PatchEmbed o => o.Out,
        TokenEmbed o => o.Out,
        LoadSamples o => o.Out,
        LayerNorm o => o.Out,
        ChannelNorm o => o.Out,
        Linear o => o.Out,
        AcmLayer o => o.Out,
        Attention o => o.Out,
        Conv1d o => o.Out,
        SelectFirst o => o.Out,
        MeanPool o => o.Out,
        UnitLength o => o.Out,
        _ => null,
    };

    private void Write(Op op, Need[] needs)
    {
        if (op is Route route)
            Write(route, needs);
        else if (op is SelectFirst select && needs[0] == Need.All)
            _ops.Add(_apart.Contains(select.In) ? select with { In = _firstRows[select.In] } : select);
        else if (needs[0] == Need.All)
        {
            _ops.Add(op);
            _apart.Remove(Out(op)!);
        }
        else if (needs[0] == Need.First)
            _ops.Add(OfFirstRows(op));
    }

    // Gates of one input may choose for all rows at some ACMs (k, v) and for first rows at others (q).
    private void Write(Route op, Need[] needs)
    {
        var gates = op.Gates.Zip(needs).ToLookup(static pair => pair.Second, static pair => pair.First);
        if (gates[Need.All].Any())
            _ops.Add(gates[Need.All].Count() == needs.Length ? op : op with { Gates = [.. gates[Need.All]] });
        if (gates[Need.First].Any())
            _ops.Add(new Route(FirstOf(op.In), [.. gates[Need.First].Select(gate => (gate.Site, FirstOf(gate.K)))]));
    }

    private Op OfFirstRows(Op op) => op switch
    {
        LayerNorm o => o with { In = FirstOf(o.In), Out = FirstInto(o.Out) },
        UnitLength o => o with { In = FirstOf(o.In), Out = FirstInto(o.Out) },
        Linear o => o with { In = FirstOf(o.In), Residual = FirstOrNull(o.Residual), Out = FirstInto(o.Out) },
        AcmLayer o => o with { In = FirstOf(o.In), K = FirstOf(o.K), Residual = FirstOrNull(o.Residual), Out = FirstInto(o.Out) },
        Attention o => o with { Q = FirstOf(o.Q), Out = FirstInto(o.Out) },
        _ => throw new NotSupportedException($"{op.GetType().Name} is not known to go row by row."),
    };

    private Buffer? FirstOrNull(Buffer? buffer) => buffer is null ? null : FirstOf(buffer);

    // Where a buffer's first rows lie: selected now, unless they were computed apart.
    private Buffer FirstOf(Buffer buffer)
    {
        if (_apart.Contains(buffer))
            return _firstRows[buffer];
        Buffer first = FirstInto(buffer);
        _ops.Add(new SelectFirst(buffer, first));
        return first;
    }

    private Buffer FirstInto(Buffer buffer)
    {
        if (!_firstRows.TryGetValue(buffer, out Buffer? first))
            _firstRows[buffer] = first = new Buffer($"{buffer.Name}, first rows", RowSpace.Sequence, buffer.Width);
        _apart.Add(buffer);
        return first;
    }

    private ChoiceBuffer FirstOf(ChoiceBuffer choice)
    {
        if (!_firstChoices.TryGetValue(choice, out ChoiceBuffer? first))
            _firstChoices[choice] = first = new ChoiceBuffer($"{choice.Name}, first rows", RowSpace.Sequence);
        return first;
    }
}
