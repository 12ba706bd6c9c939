using System.Numerics;
using System.Runtime.InteropServices;
using Acm.Simulator.Counters;
using Acm.Simulator.Memory;

namespace Acm.Simulator.Execution;

/// <summary>
/// A warp. Its lanes run in lockstep until they go different ways; each way is a <see cref="Split"/>, one of which is current and
/// kept in the fields here.
/// </summary>
internal sealed unsafe class Warp : IDisposable
{
    /// <summary>
    /// A part of a warp that issues this many instructions while others wait for it may be spinning on what those hold; a warp that has once been
    /// found to do so is given less.
    /// </summary>
    private const int SpinLimit = 100_000, SpinLimitAgain = 500;

    private readonly List<Split> _splits = [];
    private readonly Stack<Split> _freeSplits = [];
    private readonly Stack<Token> _freeTokens = [];
    private readonly Dictionary<Code, Frame?> _freeFrames = [];
    private readonly List<Frame> _frames = [];
    private int _sinceChange;

    public Warp(BlockState block, int index)
    {
        Block = block;
        Index = index;
        Addresses = (ulong*)NativeMemory.AlignedAlloc(32 * 8, 64);
        Scratch = (uint*)NativeMemory.AlignedAlloc(64 * 128, 64);
        LocalSize = block.Launch.LocalBytes;
        Local = (byte*)NativeMemory.AlignedAlloc((nuint)Math.Max(LocalSize * 32, 64), 64);
        if (block.Launch.IsChecked)
            LocalWritten = (byte*)NativeMemory.AllocZeroed((nuint)Math.Max(LocalSize * 32, 64));
        Counters = block.Counters;
        Pages = block.Launch.Memory.Pages;
    }

    public BlockState Block { get; }

    public int Index { get; }

    /// <summary>Register planes of the current frame.</summary>
    public byte* R;
    public uint Mask;
    public Instruction* Ip;
    public Frame Frame = null!;
    public Token? Token;

    /// <summary>Whether some lanes are current.</summary>
    public bool Running;

    /// <summary>Lanes that exist and have not exited.</summary>
    public uint Live;

    /// <summary>Lanes that were let go past a meeting point to end a spin: barriers no longer expect the warp to be whole.</summary>
    public bool Broken;

    /// <summary>Set while a collective is carried out for several splits at once.</summary>
    public bool Gathered;

    public readonly ulong* Addresses;
    public readonly uint* Scratch;
    public readonly byte* Local;
    public readonly byte* LocalWritten;
    public readonly int LocalSize;
    public readonly LaunchCounters Counters;
    public readonly Page* Pages;

    /// <summary>The carry flag of every lane.</summary>
    public uint Carry;

    public void SetCarry(int lane, uint bit) => Carry = (Carry & ~(1u << lane)) | (bit << lane);

    /// <summary>Warp instructions issued.</summary>
    public long Issued;

    public bool IsFinished => Live == 0;

    public IReadOnlyList<Split> Waiting => _splits;

    public uint* Plane(int offset) => (uint*)(R + offset);

    public ulong* Wide(int offset) => (ulong*)(R + offset);

    public void Start(Code code)
    {
        int threads = (int)Block.Launch.BlockSize.Count - (Index * 32);
        Live = threads >= 32 ? uint.MaxValue : (1u << threads) - 1;
        Broken = false;
        Issued = 0;
        _splits.Clear();
        if (LocalWritten is not null)
            NativeMemory.Clear(LocalWritten, (nuint)(LocalSize * 32));
        Token = null;
        // The block before has ended: all frames that its threads were in are free.
        _freeFrames.Clear();
        foreach (Frame frame in _frames)
            ReturnFrame(frame);
        Frame = TakeFrame(code, 0);
        R = Frame.Registers;
        Mask = Live;
        Ip = code.First;
        Running = true;
        _sinceChange = 0;
    }

    public Frame TakeFrame(Code code, int localBase)
    {
        if (_freeFrames.TryGetValue(code, out Frame? frame) && frame is not null)
        {
            _freeFrames[code] = frame.NextFree;
        }
        else
        {
            frame = new Frame(code, Block.Launch.IsChecked);
            _frames.Add(frame);
        }

        if (localBase + code.LocalBytes > LocalSize)
            throw Fault(FaultKind.StackOverflow, $"calls need more than {LocalSize} bytes of local memory per thread");
        frame.LocalBase = localBase;
        frame.Reset(this);
        return frame;
    }

    public void ReturnFrame(Frame frame)
    {
        Block.Checks?.LeaveFrame(this, frame);
        frame.NextFree = _freeFrames.GetValueOrDefault(frame.Code);
        _freeFrames[frame.Code] = frame;
    }

    /// <summary>Runs until nothing is ready or the slice is used up.</summary>
    /// <typeparam name="TChecks">Compiled once for each, so that a fast run pays nothing for the checks.</typeparam>
    public void Run<TChecks>(int slice) where TChecks : struct, IRegisterChecks
    {
        if (Broken)
            slice = Math.Min(slice, 2 * SpinLimitAgain);
        if (!Running && !PickReady())
            return;
        long before = Issued;
        long lanes = 0;
        Span<long> classes = Counters.Classes;
        while (slice > 0 && Running)
        {
            Instruction* i = Ip;
            Ip = i + 1;
            uint exec = Mask;
            if (i->Class != InstructionClass.None)
            {
                classes[(int)i->Class]++;
                lanes += BitOperations.PopCount(exec);
                slice--;
                Issued++;
            }

            if (i->Guard >= 0)
            {
                if (TChecks.On)
                    Checks.DefinedRegisters.CheckGuard(this, i);
                exec &= *(uint*)(R + i->Guard) ^ i->GuardFlip;
                if (exec == 0)
                    continue;
            }

            if (TChecks.On && Frame.Code.Rules[i->Site] is { } rule)
                Checks.DefinedRegisters.Apply(this, i, exec, rule);
            i->Run(this, i, exec);
        }

        Counters.ActiveLanes += lanes;
        AfterSlice((int)(Issued - before));
    }

    private void AfterSlice(int issued)
    {
        if (Issued > Block.Launch.IssueBudget)
            throw Fault(FaultKind.Livelock, $"a warp has issued {Issued} instructions, more than the budget of {Block.Launch.IssueBudget}; {Block.Describe()}");
        if (!Running)
            return;
        _sinceChange += issued;
        Rotate();
        if (_sinceChange > (Broken ? SpinLimitAgain : SpinLimit))
        {
            _sinceChange = 0;
            ReleaseOneToken();
        }
    }

    /// <summary>Lets another ready split have its turn.</summary>
    private void Rotate()
    {
        for (int i = 0; i < _splits.Count; i++)
        {
            if (_splits[i].State == SplitState.Ready)
            {
                Split next = _splits[i];
                _splits.RemoveAt(i);
                Push(Mask, Ip, Frame, Token);
                Resume(next);
                return;
            }
        }
    }

    /// <summary>
    /// Lanes that wait for spinning ones at a meeting point go on without them: they may hold what is waited for.
    /// </summary>
    private void ReleaseOneToken()
    {
        for (Token? token = Token; token is not null; token = token.Parent)
        {
            if (token.IsCall || token.Arrived == 0)
                continue;
            Broken = true;
            Push(token.Arrived, token.Ip, token.Frame, token.Parent);
            token.Expected &= ~token.Arrived;
            token.Arrived = 0;
            return;
        }
    }

    /// <summary>Adds lanes that can go on.</summary>
    public void Push(uint mask, Instruction* ip, Frame frame, Token? token)
    {
        Split split = _freeSplits.Count > 0 ? _freeSplits.Pop() : new Split();
        split.Mask = mask;
        split.Ip = ip;
        split.Frame = frame;
        split.Token = token;
        split.State = SplitState.Ready;
        _splits.Add(split);
    }

    private void Resume(Split split)
    {
        Mask = split.Mask;
        Ip = split.Ip;
        Frame = split.Frame;
        R = Frame.Registers;
        Token = split.Token;
        Running = true;
        _freeSplits.Push(split);
    }

    /// <summary>The current lanes are gone (parked, exited or waiting): go on with others, if some are ready.</summary>
    public void Next()
    {
        Running = false;
        _sinceChange = 0;
        PickReady();
    }

    private bool PickReady()
    {
        for (int i = _splits.Count - 1; i >= 0; i--)
        {
            if (_splits[i].State != SplitState.Ready)
                continue;
            Split split = _splits[i];
            _splits.RemoveAt(i);
            Resume(split);
            return true;
        }

        return Collectives.TryGather(this) && PickReady();
    }

    /// <summary>The current lanes take their instruction back until the other ready ones have had their turn; false where there are none.</summary>
    public bool Defer(Instruction* i)
    {
        if (!_splits.Exists(s => s.State == SplitState.Ready))
            return false;
        Issued--;
        Counters.Classes[(int)i->Class]--;
        Counters.ActiveLanes -= BitOperations.PopCount(Mask);
        Push(Mask, i, Frame, Token);
        Split mine = _splits[^1];
        _splits.RemoveAt(_splits.Count - 1);
        _splits.Insert(0, mine);
        Next();
        return true;
    }

    /// <summary>The current lanes wait at a barrier or for other lanes of a collective.</summary>
    public void Wait(SplitState state, Instruction* at, uint lanes, Instruction* resume)
    {
        Push(Mask, resume, Frame, Token);
        Split split = _splits[^1];
        split.State = state;
        split.Waiting = at;
        split.WaitingLanes = lanes;
        Next();
    }

    public Token TakeToken()
    {
        return _freeTokens.Count > 0 ? _freeTokens.Pop() : new Token();
    }

    public void ReturnToken(Token token) => _freeTokens.Push(token);

    /// <summary>Lanes of the current split end.</summary>
    public void Exit(uint lanes)
    {
        Live &= ~lanes;
        for (Token? token = Token; token is not null; token = token.Parent)
        {
            token.Expected &= ~lanes;
            if (token.Arrived != 0 && token.Arrived == token.Expected)
                Push(token.Arrived, token.Ip, token.Frame, token.Parent);
        }

        Mask &= ~lanes;
        if (Mask == 0)
            Next();
        if (Live == 0 || Block.HasWaiters)
            Block.OnExit();
    }

    /// <summary>A fault of the instruction before <see cref="Ip"/>.</summary>
    public DeviceFaultException Fault(FaultKind kind, string message, int lane = -1, ulong? address = null, string? buffer = null)
    {
        return FaultAt(Running || Frame is not null ? Ip - 1 : null, kind, message, lane, address, buffer);
    }

    public DeviceFaultException FaultAt(
        Instruction* at, FaultKind kind, string message, int lane = -1, ulong? address = null, string? buffer = null)
    {
        if (lane < 0)
            lane = Mask == 0 ? 0 : BitOperations.TrailingZeroCount(Mask);
        DeviceFaultException fault = new(kind, message)
        {
            Kernel = Block.Launch.Kernel.Name,
            Block = Block.Index,
            Thread = Block.Launch.BlockSize.At((Index * 32) + lane),
            Address = address,
            Buffer = buffer,
        };
        Code code = Frame.Code;
        if (at is not null && at >= code.First && at < code.First + code.Instructions.Length)
        {
            CodeSite site = code.Sites[at->Site];
            fault.PtxLine = site.Line;
            fault.PtxText = site.Text;
            fault.SourceLine = site.Source?.ToString();
        }

        return fault;
    }

    public void Dispose()
    {
        foreach (Frame frame in _frames)
            frame.Dispose();
        NativeMemory.AlignedFree(Addresses);
        NativeMemory.AlignedFree(Scratch);
        NativeMemory.AlignedFree(Local);
        NativeMemory.Free(LocalWritten);
    }
}
