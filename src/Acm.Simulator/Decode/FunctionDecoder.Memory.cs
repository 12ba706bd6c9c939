using Acm.Simulator.Counters;
using Acm.Simulator.Execution;
using Acm.Simulator.Execution.Handlers;
using Acm.Simulator.Parser;

namespace Acm.Simulator.Decode;

/// <summary>Loads, stores, atomics, asynchronous copies and fences.</summary>
internal sealed unsafe partial class FunctionDecoder
{
    private bool DecodeMemory(string name)
    {
        switch (name)
        {
            case "ld" or "ldu":
                LoadStoreMemory(false);
                return true;
            case "st":
                LoadStoreMemory(true);
                return true;
            case "atom" or "red":
                AtomicMemory(name == "red");
                return true;
            case "cp":
                AsynchronousCopy();
                return true;
            case "membar" or "fence":
                Fence(name == "membar");
                return true;
            case "prefetch" or "prefetchu" or "applypriority" or "discard":
                Prefetch();
                return true;
            case "createpolicy":
                CreatePolicy();
                return true;
            default:
                return false;
        }
    }

    private MemorySpace TakeSpace() =>
        _m.TakeAny("global", "shared", "shared::cta", "shared::cluster", "local", "const", "param", "param::func", "param::entry") switch
        {
            "global" or "const" => MemorySpace.Global,
            "shared" or "shared::cta" or "shared::cluster" => MemorySpace.Shared,
            "local" => MemorySpace.Local,
            null => MemorySpace.Generic,
            _ => MemorySpace.Param,
        };

    /// <summary>Takes cache operators and hints, which change nothing here. True where a policy operand follows.</summary>
    private bool TakeHints()
    {
        bool policy = false;
        foreach (string part in _m.Left.ToList())
        {
            bool hint = part is "ca" or "cg" or "cs" or "lu" or "cv" or "wb" or "wt" or "nc"
                or "L1::evict_normal" or "L1::evict_unchanged" or "L1::evict_first" or "L1::evict_last" or "L1::no_allocate"
                or "L2::evict_normal" or "L2::evict_unchanged" or "L2::evict_first" or "L2::evict_last" or "L2::cache_hint" or "L2::64B" or "L2::128B" or "L2::256B";
            if (!hint)
                continue;
            policy |= part == "L2::cache_hint";
            _m.Take(part);
        }

        return policy;
    }

    /// <summary>Takes the memory order and scope. Strong accesses never race with each other.</summary>
    private (bool Strong, bool Acquire, bool Release) TakeOrder()
    {
        _m.TakeNext("mmio");
        string? order = _m.TakeAny("weak", "volatile", "relaxed", "acquire", "release", "acq_rel");
        _m.TakeAny("cta", "cluster", "gpu", "sys");
        return (order is not (null or "weak"), order is "acquire" or "acq_rel", order is "release" or "acq_rel");
    }

    private void LoadStoreMemory(bool store)
    {
        (bool strong, bool acquire, bool release) = TakeOrder();
        MemorySpace space = TakeSpace();
        bool isConst = _statement.Opcode.Contains(".const", StringComparison.Ordinal);
        bool policy = TakeHints();
        int count = _m.TakeAny("v2", "v4", "v8") is { } vector ? vector[1] - '0' : 1;
        PtxType type = _m.Type();
        if (type.Bits() is not (8 or 16 or 32 or 64) || count * type.Bytes() > 32)
            throw Unsupported("this type is not known here");
        Operands(2, 2 + (policy ? 1 : 0));
        Operand data = store ? Op(1) : Op(0);
        List<Operand> items = data is VectorOperand v ? v.Items : [data];
        if (items.Count != count)
            throw Refuse($"{count} registers expected, {items.Count} found");
        Instruction i = Address(store ? Op(0) : Op(1), space);
        int extra = _extra.Count;
        bool words = type.Bytes() == 4;
        foreach (Operand item in items)
        {
            int kind = KindOf(item, type);
            words &= kind == 0;
            int offset = store ? Src(item, type, loose: true) : Dst(item, type, loose: true);
            _extra.Add((offset * 4) + kind);
        }

        i.Extra = extra;
        i.Count = count;
        i.ElementBytes = (byte)type.Bytes();
        i.Mode = (!store && type.IsSigned() ? 1 : 0) | (strong ? 2 : 0) | (words && (store || !type.IsSigned() || true) ? 4 : 0) | (acquire ? 8 : 0) | (release ? 16 : 0);
        if (store)
            _kernel.SmallestStore = Math.Min(_kernel.SmallestStore, type.Bytes());
        AddAccess(i, space, isConst, store);
    }

    private void AddAccess(Instruction i, MemorySpace space, bool isConst, bool store)
    {
        MemorySpace real = (MemorySpace)i.Space;
        InstructionClass kind = real switch
        {
            MemorySpace.Shared => store ? InstructionClass.StoreShared : InstructionClass.LoadShared,
            MemorySpace.Local => store ? InstructionClass.StoreLocal : InstructionClass.LoadLocal,
            MemorySpace.Param => InstructionClass.LoadConstant,
            _ => isConst ? InstructionClass.LoadConstant : store ? InstructionClass.StoreGlobal : InstructionClass.LoadGlobal,
        };
        bool fixedParam = space == MemorySpace.Param && real == MemorySpace.Param && !store
            && _statement.Operands[1] is AddressOperand { Base: VariableOperand };
        if (fixedParam)
        {
            VariableOperand variable = (VariableOperand)((AddressOperand)_statement.Operands[1]).Base;
            KernelParameter parameter = _parameters[variable.Variable.Name];
            i.Imm = parameter.Offset + variable.Offset + ((AddressOperand)_statement.Operands[1]).Offset;
            if (i.Imm < parameter.Offset || i.Imm + (i.ElementBytes * i.Count) > parameter.Offset + parameter.Size)
                throw Refuse($"the access leaves parameter '{parameter.Name}'");
            Add(&LoadStore.LoadFixedParam, kind, i, CheckKind.Define);
            return;
        }

        if (space == MemorySpace.Param && real == MemorySpace.Param && store)
            throw Refuse("a kernel's parameters cannot be stored to");
        bool local = real is MemorySpace.Local or MemorySpace.Generic;
        if (store)
            Add(&LoadStore.Store, kind, i, CheckKind.Store);
        else
            Add(&LoadStore.Load, kind, i, !local ? CheckKind.Strict : _statement.IsUnusedLoad ? CheckKind.Define : CheckKind.LoadLocal);
    }

    private static int KindOf(Operand item, PtxType type)
    {
        PtxType place = item is RegisterOperand register ? register.Register.Type : type;
        return Place(place) switch { 64 => 1, 16 => 2, _ => 0 };
    }

    private void AtomicMemory(bool reduce)
    {
        (bool _, bool acquire, bool release) = TakeOrder();
        MemorySpace space = TakeSpace();
        bool policy = TakeHints();
        string name = _m.TakeAny("add", "exch", "cas", "min", "max", "inc", "dec", "and", "or", "xor") ?? throw Unsupported("this operation is not known");
        _m.Take("noftz");
        int count = _m.TakeAny("v2", "v4", "v8") is { } vector ? vector[1] - '0' : 1;
        PtxType type = _m.Type();
        AtomicOp op = Enum.Parse<AtomicOp>(name, ignoreCase: true);
        bool good = op switch
        {
            AtomicOp.Cas => type is PtxType.B16 or PtxType.B32 or PtxType.B64 or PtxType.U32 or PtxType.U64 or PtxType.S32,
            AtomicOp.Exch => type.Bits() is 32 or 64,
            AtomicOp.And or AtomicOp.Or or AtomicOp.Xor => type.IsUntyped() && type.Bits() is 32 or 64,
            AtomicOp.Inc or AtomicOp.Dec => type == PtxType.U32,
            AtomicOp.Min or AtomicOp.Max => type is PtxType.S32 or PtxType.U32 or PtxType.S64 or PtxType.U64 or PtxType.F16 or PtxType.F16x2 or PtxType.BF16 or PtxType.BF16x2,
            _ => type is PtxType.U32 or PtxType.S32 or PtxType.U64 or PtxType.F32 or PtxType.F64 or PtxType.F16 or PtxType.F16x2 or PtxType.BF16 or PtxType.BF16x2 or PtxType.S64,
        };
        if (!good || (space is MemorySpace.Local or MemorySpace.Param))
            throw Unsupported("this type or space is not known here");
        int first = reduce ? 0 : 1;
        int operands = first + (op == AtomicOp.Cas ? 3 : 2);
        Operands(operands, operands + (policy ? 1 : 0));
        Instruction i = Address(Op(first), space);
        if (count > 1)
        {
            if (!type.IsFloat() || type.Bits() > 32 || space is not (MemorySpace.Global or MemorySpace.Generic))
                throw Unsupported("a vector of this type or in this space is not known here");
            i.Count = count;
            i.E = AtomicElements(reduce ? null : Op(0), Op(first + 1), count, type);
            i.Extra = AddTable(new Atomic(op, type, acquire, release, !reduce && Op(0) is VectorOperand));
            _kernel.SmallestStore = Math.Min(_kernel.SmallestStore, type.Bytes());
            Add(&Atomics.RunVector, InstructionClass.Atomic, i, CheckKind.Strict);
            return;
        }

        i.B = Src(first + 1, type);
        i.C = op == AtomicOp.Cas ? Src(first + 2, type) : i.B;
        if (!reduce)
            i.D = Dst(0, type);
        i.Extra = AddTable(new Atomic(op, type, acquire, release, !reduce && Op(0) is RegisterOperand));
        _kernel.SmallestStore = Math.Min(_kernel.SmallestStore, type.Bytes());
        Add(&Atomics.Run, InstructionClass.Atomic, i, CheckKind.Strict);
    }

    /// <summary>Operand and result of each element of a vector, one after the other.</summary>
    private int AtomicElements(Operand? results, Operand operands, int count, PtxType type)
    {
        if (operands is not VectorOperand from || from.Items.Count != count || (results is VectorOperand to && to.Items.Count != count))
            throw Refuse($"{count} registers expected");
        int at = _extra.Count;
        int[] values = [.. from.Items.Select(item => Src(item, type))];
        for (int n = 0; n < count; n++)
        {
            int result = results is VectorOperand { Items: var items } ? Dst(items[n], type) : -1;
            if (values.Contains(result))
                throw Unsupported("a register is both operand and result of a vector");
            _extra.AddRange([values[n], result]);
        }

        return at;
    }

    private void AsynchronousCopy()
    {
        if (!_m.TakeNext("async"))
            throw Unsupported("only cp.async is known");
        if (_m.TakeNext("commit_group"))
        {
            Operands(0);
            Add(&AsyncCopy.Commit, InstructionClass.AsyncCopy, default, CheckKind.Ignore);
            return;
        }

        if (_m.TakeNext("wait_all"))
        {
            Operands(0);
            Add(&AsyncCopy.Wait, InstructionClass.AsyncCopy, new Instruction { Imm = -1 }, CheckKind.Ignore);
            return;
        }

        if (_m.TakeNext("wait_group"))
        {
            Operands(1);
            if (Op(0) is not ConstantOperand { Bits: >= 0 and < 1 << 20 } groups)
                throw Refuse("a number of groups is expected");
            Add(&AsyncCopy.Wait, InstructionClass.AsyncCopy, new Instruction { Imm = groups.Bits }, CheckKind.Ignore);
            return;
        }

        if (_m.TakeNext("mbarrier"))
        {
            CopyArrives();
            return;
        }

        bool cg = _m.TakeAny("ca", "cg") == "cg";
        if (_m.TakeAny("shared", "shared::cta", "shared::cluster") is null || !_m.Take("global"))
            throw Unsupported("cp.async copies from global to shared memory");
        bool policy = TakeHints();
        Operands(3, policy ? 5 : 4);
        if (Op(2) is not ConstantOperand { Bits: 4 or 8 or 16 } size || (cg && size.Bits != 16))
            throw Refuse("cp.async copies 4, 8 or 16 bytes (.cg: 16)");
        Instruction to = Address(Op(0), MemorySpace.Shared), i = Address(Op(1), MemorySpace.Global);
        if (to.Imm is < int.MinValue or > int.MaxValue)
            throw Refuse("the offset is too large");
        i.D = to.A;
        i.Mode2 = (int)to.Imm;
        i.Flags |= (byte)((to.Flags & 1) != 0 ? 2 : 0);
        i.ElementBytes = (byte)size.Bits;
        i.B = i.C = -1;
        int rest = OperandCount - 3 - (policy ? 1 : 0);
        if (rest == 1)
        {
            if (Op(3) is RegisterOperand { Register.Type: PtxType.Pred } or NotOperand)
                i.C = Predicate(Op(3));
            else
                i.B = Src(3, PtxType.U32);
        }

        Add(&AsyncCopy.Copy, InstructionClass.AsyncCopy, i, CheckKind.Strict);
    }

    private void Fence(bool old)
    {
        int mode = 1;
        if (old && !_m.Left.Contains("proxy"))
        {
            mode = _m.TakeAny("cta", "gl", "sys") == "cta" ? 0 : 1;
        }
        else if (_m.TakeNext("proxy"))
        {
            string which = _m.Next("a proxy");
            if (which is not ("alias" or "async" or "async::generic" or "tensormap::generic"))
                throw Unsupported($"proxy '.{which}' is not known");
            if (which == "async::generic" && _m.TakeAny("acquire", "release") is not null && !TakeRestriction())
                throw Unsupported("this fence is not known");
            _m.TakeAny("global", "shared::cta", "shared::cluster");
            if (which == "tensormap::generic")
                throw Unsupported("tensor maps are not supported");
            mode = 0;
        }
        else if (_m.TakeNext("mbarrier_init"))
        {
            _m.Take("release");
            _m.Take("cluster");
            mode = 0;
        }
        else
        {
            _m.TakeAny("sc", "acq_rel", "acquire", "release");
            TakeRestriction();
            mode = _m.TakeAny("cta", "cluster", "gpu", "sys") is "cta" ? 0 : 1;
        }

        Operands(0);
        Add(&Control.Fence, InstructionClass.Fence, new Instruction { Mode = mode }, CheckKind.Ignore);
    }

    // A fence of the cluster's shared memory alone orders no less here than one of all memory.
    private bool TakeRestriction() => _m.TakeAny("sync_restrict::shared::cta", "sync_restrict::shared::cluster") is not null && _m.Take("cluster");

    private void Prefetch()
    {
        bool good = _m.TakeAny("global", "local") is not null | _m.TakeAny("L1", "L2", "L2::evict_last", "L2::evict_normal") is not null;
        if (!good)
            throw Unsupported("this prefetch is not known");
        if (_m.Name == "discard")
            throw Unsupported("'discard' is not supported");
        Operands(1, 2);
        Address(Op(0), MemorySpace.Generic);
        Add(&Control.Nothing, InstructionClass.Other, default, CheckKind.Strict);
    }

    /// <summary>A cache policy: a number that hints carry and nobody reads.</summary>
    private void CreatePolicy()
    {
        string how = _m.Next("a way");
        if (how is not ("fractional" or "range" or "cvt"))
            throw Unsupported("this createpolicy is not known");
        if (how == "cvt")
            _m.Take("L2");
        else if (how == "range")
            _m.TakeNext("global");
        TakeHints();
        if (_m.Type() != PtxType.B64)
            throw Unsupported("a policy has 64 bits");
        Operands(1, 4);
        Instruction i = new() { A = Constant(0x14f0000000000000, true), D = Dst(0, PtxType.B64) };
        i.B = i.A;
        Add(&Vector.Wide2<Move64>, InstructionClass.Other, i, CheckKind.Define);
    }
}
