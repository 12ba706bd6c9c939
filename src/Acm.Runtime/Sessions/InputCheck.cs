using System.Runtime.CompilerServices;
using Acm.Runtime.Plan;

namespace Acm.Runtime;

/// <summary>Checks a batch against what a plan and a session can take, before anything runs.</summary>
internal sealed class InputCheck
{
    private readonly ForwardPlan _plan;
    private readonly int _maxBatch;
    private readonly int _maxLength;
    private readonly int _shortest;
    private readonly TokenEmbed? _embed;
    private int[] _oneEach = [];

    public InputCheck(ForwardPlan plan, int maxBatch, int maxLength)
    {
        _plan = plan;
        _maxBatch = maxBatch;
        _maxLength = maxLength;
        _embed = plan.Ops.OfType<TokenEmbed>().FirstOrDefault();
        _shortest = ShortestOf(plan.Tokens);
    }

    /// <summary>The shortest sequence that gives a token.</summary>
    public int Shortest => _shortest;

    /// <summary>The longest sequence the model has positions for.</summary>
    public int Longest => _embed?.Positions.Shape[0] ?? int.MaxValue;

    /// <summary>Lengths of the batch's sequences.</summary>
    /// <exception cref="ArgumentException">The batch is not what the model or the session takes; names both numbers.</exception>
    public ReadOnlySpan<int> Lengths(in ModelInput input)
    {
        if (input.Kind != _plan.Input)
        {
            throw new ArgumentException($"The model takes {Name(_plan.Input)}; the input holds {Name(input.Kind)}.", nameof(input));
        }
        if (_plan.Input == InputKind.Pixels)
        {
            return Images(input.Values.Length);
        }
        int total = Total(input.Lengths);
        int given = _plan.Input == InputKind.WordPieces ? input.Ids.Length : input.Values.Length;
        if (total != given)
        {
            throw new ArgumentException($"The lengths sum to {total}; the input holds {given} {Name(_plan.Input)}.", nameof(input));
        }
        if (_embed is not null)
        {
            Within(input.Ids, _embed.Words.Shape[0], "word piece id");
            if (!input.TypeIds.IsEmpty && input.TypeIds.Length != total)
            {
                throw new ArgumentException($"The input holds {total} word pieces, but {input.TypeIds.Length} type ids.", nameof(input));
            }
            Within(input.TypeIds, _embed.Types.Shape[0], "type id");
        }
        return input.Lengths;
    }

    private ReadOnlySpan<int> Images(int values)
    {
        int batch = values / _plan.InputWidth;
        if (values == 0 || values % _plan.InputWidth != 0)
        {
            throw new ArgumentException($"The model takes {_plan.InputWidth} numbers an image; the input holds {values}, which is no whole number of images above 0.", "input");
        }
        RequireBatch(batch);
        int[] oneEach = Volatile.Read(ref _oneEach);
        if (oneEach.Length < batch)
        {
            // As many as this takes, and not as the session may: that can be any number.
            oneEach = new int[batch];
            Array.Fill(oneEach, 1);
            Volatile.Write(ref _oneEach, oneEach);
        }
        return oneEach.AsSpan(0, batch);
    }

    private int Total(ReadOnlySpan<int> lengths)
    {
        if (lengths.IsEmpty)
        {
            throw new ArgumentException("The batch is empty: 0 sequences, at least 1 is needed.", "input");
        }
        RequireBatch(lengths.Length);
        long total = 0;
        for (int i = 0; i < lengths.Length; i++)
        {
            if (lengths[i] < _shortest || lengths[i] > Longest)
            {
                throw new ArgumentException($"Sequence {i} has a length of {lengths[i]}; the model takes {_shortest} to {Longest} {Name(_plan.Input)}.", "input");
            }
            total += lengths[i];
        }
        return total <= _maxLength
            ? (int)total
            : throw new ArgumentException($"The batch has {total} {Name(_plan.Input)}; the session was made for {_maxLength}.", "input");
    }

    private void RequireBatch(int batch)
    {
        if (batch > _maxBatch)
        {
            throw new ArgumentException($"The batch has {batch} sequences; the session was made for {_maxBatch}.", "input");
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Within(ReadOnlySpan<int> ids, int limit, string what)
    {
        for (int i = 0; i < ids.Length; i++)
        {
            if ((uint)ids[i] >= (uint)limit)
            {
                throw new ArgumentException($"The {what} {ids[i]} at {i} is not within 0 and {limit - 1}.", "input");
            }
        }
    }

    private static int ShortestOf(RowSpace tokens)
    {
        int low = 1, high = int.MaxValue;
        while (low < high)
        {
            int middle = low + (high - low) / 2;
            if (tokens.RowsOf(middle) >= 1)
            {
                high = middle;
            }
            else
            {
                low = middle + 1;
            }
        }
        return low;
    }

    private static string Name(InputKind kind) => kind switch
    {
        InputKind.Pixels => "pixels",
        InputKind.WordPieces => "word pieces",
        _ => "samples",
    };
}
