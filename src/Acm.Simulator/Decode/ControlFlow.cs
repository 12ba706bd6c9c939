using Acm.Simulator.Counters;
using Acm.Simulator.Execution;
using Acm.Simulator.Execution.Handlers;

namespace Acm.Simulator.Decode;

/// <summary>
/// Finds, for every branch that may part a warp, its immediate post-dominator, puts a meeting point there, and turns labels into places.
/// </summary>
internal sealed unsafe class ControlFlow(
    List<Instruction> instructions, Dictionary<int, List<string>> branches, Dictionary<string, int> labels, Code code)
{
    private readonly List<int> _starts = [];
    private int[] _blockOf = [];
    private List<int>[] _next = [];

    public List<Instruction> Run(List<int> extra)
    {
        Dictionary<int, int[]> targets = branches.ToDictionary(b => b.Key, b => b.Value.Select(l => Target(b.Key, l)).ToArray());
        FindBlocks(targets);
        int[] postDominator = PostDominators();
        int exit = _starts.Count;
        HashSet<int> meetings = [];
        Dictionary<int, int> meetingOf = [];
        foreach (int at in targets.Keys)
        {
            bool parts = instructions[at].Guard >= 0 || targets[at].Length > 1;
            int block = postDominator[_blockOf[at]];
            if (!parts || block < 0 || block == exit || OnlyEnds(_starts[block], targets))
                continue;
            meetings.Add(_starts[block]);
            meetingOf[at] = _starts[block];
        }

        return Emit(targets, meetings, meetingOf, extra);
    }

    private int Target(int at, string label)
    {
        if (labels.TryGetValue(label, out int place))
            return place;
        CodeSite site = code.Sites[instructions[at].Site];
        throw new Parser.PtxException(site.Line, site.Text, $"label '{label}' is not declared");
    }

    /// <summary>Marks, in <see cref="Instruction.Flags"/>, of instructions that end a thread or a call, and of plain branches.</summary>
    public const byte EndMark = 64, BranchMark = 128;

    private static bool Ends(in Instruction i) => (i.Flags & EndMark) != 0;

    /// <summary>Whether nothing but the end is at a place: lanes that return early do not wait there, others may have barriers to pass before.</summary>
    private bool OnlyEnds(int at, Dictionary<int, int[]> targets)
    {
        for (int steps = 0; steps < instructions.Count && instructions[at].Guard < 0; steps++)
        {
            if (Ends(instructions[at]))
                return true;
            if (!targets.TryGetValue(at, out int[]? to) || to.Length != 1)
                return false;
            at = to[0];
        }

        return false;
    }

    private void FindBlocks(Dictionary<int, int[]> targets)
    {
        SortedSet<int> starts = [0];
        foreach ((int at, int[] to) in targets)
        {
            starts.Add(at + 1);
            starts.UnionWith(to);
        }

        for (int i = 0; i < instructions.Count; i++)
        {
            if (Ends(instructions[i]))
                starts.Add(i + 1);
        }

        starts.RemoveWhere(s => s >= instructions.Count);
        _starts.AddRange(starts);
        _blockOf = new int[instructions.Count];
        for (int b = 0; b < _starts.Count; b++)
        {
            int end = b + 1 < _starts.Count ? _starts[b + 1] : instructions.Count;
            for (int i = _starts[b]; i < end; i++)
                _blockOf[i] = b;
        }

        _next = new List<int>[_starts.Count];
        for (int b = 0; b < _starts.Count; b++)
        {
            int last = (b + 1 < _starts.Count ? _starts[b + 1] : instructions.Count) - 1;
            Instruction i = instructions[last];
            List<int> next = [];
            bool through = true;
            if (targets.TryGetValue(last, out int[]? to))
            {
                next.AddRange(to.Select(t => _blockOf[t]));
                through = i.Guard >= 0;
            }
            else if (Ends(i))
            {
                next.Add(_starts.Count);
                through = i.Guard >= 0;
            }

            if (through)
                next.Add(b + 1 < _starts.Count ? b + 1 : _starts.Count);
            _next[b] = next;
        }
    }

    /// <summary>Immediate post-dominators by the iteration of Cooper, Harvey and Kennedy on the reversed graph; -1 where no way leads out.</summary>
    private int[] PostDominators()
    {
        int count = _starts.Count, exit = count;
        List<int>[] before = new List<int>[count + 1];
        for (int i = 0; i <= count; i++)
            before[i] = [];
        for (int b = 0; b < count; b++)
        {
            foreach (int to in _next[b])
                before[to].Add(b);
        }

        int[] number = new int[count + 1];
        Array.Fill(number, -1);
        List<int> order = [];
        Stack<(int Block, int At)> stack = new([(exit, 0)]);
        bool[] seen = new bool[count + 1];
        seen[exit] = true;
        while (stack.Count > 0)
        {
            (int block, int at) = stack.Pop();
            if (at < before[block].Count)
            {
                stack.Push((block, at + 1));
                int to = before[block][at];
                if (!seen[to])
                {
                    seen[to] = true;
                    stack.Push((to, 0));
                }
            }
            else
            {
                number[block] = order.Count;
                order.Add(block);
            }
        }

        int[] immediate = new int[count + 1];
        Array.Fill(immediate, -1);
        immediate[exit] = exit;
        for (bool changed = true; changed;)
        {
            changed = false;
            for (int o = order.Count - 2; o >= 0; o--)
            {
                int block = order[o], found = -1;
                foreach (int to in _next[block])
                {
                    if (immediate[to] >= 0)
                        found = found < 0 ? to : Meet(to, found, immediate, number);
                }

                if (immediate[block] != found)
                {
                    immediate[block] = found;
                    changed = true;
                }
            }
        }

        return immediate;
    }

    private static int Meet(int a, int b, int[] immediate, int[] number)
    {
        while (a != b)
        {
            while (number[a] < number[b])
                a = immediate[a];
            while (number[b] < number[a])
                b = immediate[b];
        }

        return a;
    }

    private List<Instruction> Emit(Dictionary<int, int[]> targets, HashSet<int> meetings, Dictionary<int, int> meetingOf, List<int> extra)
    {
        int[] moved = new int[instructions.Count + 1];
        int at = 0;
        for (int i = 0; i <= instructions.Count; i++)
        {
            moved[i] = at;
            at += meetings.Contains(i) ? 2 : 1;
        }

        List<Instruction> final = [];
        for (int i = 0; i < instructions.Count; i++)
        {
            Instruction instruction = instructions[i];
            if (meetings.Contains(i))
            {
                final.Add(new Instruction { Run = &Control.Meet, Class = InstructionClass.None, Guard = -1, Site = code.Sites.Count });
            }

            if (targets.TryGetValue(i, out int[]? to))
            {
                instruction.Mode = meetingOf.TryGetValue(i, out int meeting) ? moved[meeting] : -1;
                if ((instruction.Flags & BranchMark) != 0)
                {
                    instruction.Imm = moved[to[0]];
                }
                else
                {
                    instruction.Extra = extra.Count;
                    instruction.Count = to.Length;
                    extra.AddRange(to.Select(t => moved[t]));
                }
            }

            final.Add(instruction);
        }

        code.Sites.Add(code.Sites[^1]);
        code.Rules.Add(null);
        return final;
    }
}
