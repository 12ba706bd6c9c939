using System.Numerics;
using Acm.Simulator.Counters;
using Acm.Simulator.Memory;

namespace Acm.Simulator.Execution.Handlers;

/// <summary>
/// ld and st. Space, ElementBytes and Count elements; A address, Imm offset; Mode: 1 sign-extend, 2 volatile or relaxed (strong);
/// registers: Extra entries of <see cref="Code.Extra"/>, as offset * 4 + kind (0: 32 bits, 1: 64 bits, 2: 16 bits).
/// </summary>
internal static unsafe class LoadStore
{
    public static void Load(Warp w, Instruction* i, uint exec)
    {
        ulong* addresses = MemoryAccess.Addresses(w, i);
        if (i->Space == (byte)MemorySpace.Generic)
            EachSpace(w, i, exec, addresses, store: false);
        else
            Load(w, i, exec, addresses, (MemorySpace)i->Space);
    }

    public static void Store(Warp w, Instruction* i, uint exec)
    {
        ulong* addresses = MemoryAccess.Addresses(w, i);
        if (i->Space == (byte)MemorySpace.Generic)
            EachSpace(w, i, exec, addresses, store: true);
        else
            Store(w, i, exec, addresses, (MemorySpace)i->Space);
    }

    /// <summary>A generic access: lanes grouped by the space they point into.</summary>
    private static void EachSpace(Warp w, Instruction* i, uint exec, ulong* addresses, bool store)
    {
        bool counted = false;
        while (exec != 0)
        {
            MemorySpace space = MemoryAccess.SpaceOf(addresses[BitOperations.TrailingZeroCount(exec)]);
            uint group = 0;
            for (uint rest = exec; rest != 0; rest &= rest - 1)
            {
                int lane = BitOperations.TrailingZeroCount(rest);
                if (MemoryAccess.SpaceOf(addresses[lane]) != space)
                    continue;
                group |= 1u << lane;
                if (space == MemorySpace.Shared)
                    addresses[lane] -= AddressMap.SharedWindow;
            }

            if (!counted)
            {
                // One issue, counted by the space that its first lane points into.
                w.Counters.Classes[(int)i->Class]--;
                w.Counters.Classes[(int)ClassOf(space, store)]++;
                counted = true;
            }

            if (store)
                Store(w, i, group, addresses, space);
            else
                Load(w, i, group, addresses, space);
            exec &= ~group;
        }
    }

    private static InstructionClass ClassOf(MemorySpace space, bool store) => space switch
    {
        MemorySpace.Shared => store ? InstructionClass.StoreShared : InstructionClass.LoadShared,
        MemorySpace.Local => store ? InstructionClass.StoreLocal : InstructionClass.LoadLocal,
        MemorySpace.Param => InstructionClass.LoadConstant,
        _ => store ? InstructionClass.StoreGlobal : InstructionClass.LoadGlobal,
    };

    private static void Load(Warp w, Instruction* i, uint exec, ulong* addresses, MemorySpace space)
    {
        int element = i->ElementBytes, count = i->Count, bytes = element * count;
        MemoryAccess.CheckAlignment(w, addresses, exec, bytes);
        switch (space)
        {
            case MemorySpace.Shared:
                LoadShared(w, i, exec, addresses, bytes);
                break;
            case MemorySpace.Local:
                LoadLocal(w, i, exec, addresses, bytes);
                break;
            case MemorySpace.Param:
                LoadParam(w, i, exec, addresses, bytes);
                break;
            default:
                LoadGlobal(w, i, exec, addresses, bytes);
                break;
        }
    }

    private static void LoadGlobal(Warp w, Instruction* i, uint exec, ulong* addresses, int bytes)
    {
        if (exec == Lanes.All && MemoryAccess.IsContiguous(addresses, bytes))
        {
            Page* page = MemoryAccess.PageOf(w, addresses[0], 0), last = MemoryAccess.PageOf(w, addresses[31], 31);
            if (page->Chunk == last->Chunk)
            {
                w.Block.Checks?.GlobalRead(w, i, exec, addresses, bytes, (i->Mode & 2) != 0);
                AccessCounters.GlobalRun(w, page, addresses[0], 32 * bytes, store: false);
                Planes.FromRun(w, i, (byte*)((long)addresses[0] + page->Data));
                return;
            }
        }

        for (uint rest = exec; rest != 0; rest &= rest - 1)
        {
            int lane = BitOperations.TrailingZeroCount(rest);
            MemoryAccess.PageOf(w, addresses[lane], lane);
        }

        w.Block.Checks?.GlobalRead(w, i, exec, addresses, bytes, (i->Mode & 2) != 0);
        AccessCounters.Global(w, addresses, exec, bytes, store: false);
        for (uint rest = exec; rest != 0; rest &= rest - 1)
        {
            int lane = BitOperations.TrailingZeroCount(rest);
            ulong address = addresses[lane];
            Page* page = w.Pages + ((address - AddressMap.Global) >> AddressMap.PageShift);
            Planes.FromLane(w, i, lane, (byte*)((long)address + page->Data));
        }
    }

    private static void LoadShared(Warp w, Instruction* i, uint exec, ulong* addresses, int bytes)
    {
        if (exec == Lanes.All && MemoryAccess.IsContiguous(addresses, bytes))
        {
            byte* start = MemoryAccess.Shared(w, addresses[0], bytes, 0);
            MemoryAccess.Shared(w, addresses[31], bytes, 31);
            w.Block.Checks?.SharedRead(w, i, exec, addresses, bytes, (i->Mode & 2) != 0);
            AccessCounters.SharedRun(w, bytes);
            Planes.FromRun(w, i, start);
            return;
        }

        for (uint rest = exec; rest != 0; rest &= rest - 1)
        {
            int lane = BitOperations.TrailingZeroCount(rest);
            MemoryAccess.Shared(w, addresses[lane], bytes, lane);
        }

        w.Block.Checks?.SharedRead(w, i, exec, addresses, bytes, (i->Mode & 2) != 0);
        AccessCounters.Shared(w, addresses, exec, bytes);
        byte* shared = w.Block.Shared;
        for (uint rest = exec; rest != 0; rest &= rest - 1)
        {
            int lane = BitOperations.TrailingZeroCount(rest);
            Planes.FromLane(w, i, lane, shared + addresses[lane]);
        }
    }

    private static void LoadLocal(Warp w, Instruction* i, uint exec, ulong* addresses, int bytes)
    {
        int element = i->ElementBytes;
        int* registers = w.Frame.Code.ExtraFirst + i->Extra;
        for (uint rest = exec; rest != 0; rest &= rest - 1)
        {
            int lane = BitOperations.TrailingZeroCount(rest);
            int offset = MemoryAccess.Local(w, addresses[lane], bytes, lane);
            for (int j = 0; j < i->Count; j++)
                Planes.Put(w, registers[j], lane, MemoryAccess.ReadLocal(w.Local, offset + (j * element), lane, element), element, i->Mode);
        }
    }

    private static void LoadParam(Warp w, Instruction* i, uint exec, ulong* addresses, int bytes)
    {
        Launch launch = w.Block.Launch;
        int* registers = w.Frame.Code.ExtraFirst + i->Extra;
        for (uint rest = exec; rest != 0; rest &= rest - 1)
        {
            int lane = BitOperations.TrailingZeroCount(rest);
            ulong offset = addresses[lane] - AddressMap.ParamWindow;
            if (offset + (ulong)bytes > (ulong)launch.ParameterBytes || offset > (ulong)launch.ParameterBytes)
                throw w.Fault(FaultKind.OutOfBounds, $"access of {bytes} bytes outside the kernel's {launch.ParameterBytes} bytes of parameters", lane, offset, "parameters");
            for (int j = 0; j < i->Count; j++)
                Planes.Put(w, registers[j], lane, MemoryAccess.Read(launch.Parameters + offset + (j * i->ElementBytes), i->ElementBytes), i->ElementBytes, i->Mode);
        }
    }

    private static void Store(Warp w, Instruction* i, uint exec, ulong* addresses, MemorySpace space)
    {
        int element = i->ElementBytes, count = i->Count, bytes = element * count;
        MemoryAccess.CheckAlignment(w, addresses, exec, bytes);
        switch (space)
        {
            case MemorySpace.Shared:
                StoreShared(w, i, exec, addresses, bytes);
                break;
            case MemorySpace.Local:
                StoreLocal(w, i, exec, addresses, bytes);
                break;
            case MemorySpace.Param:
                throw w.Fault(FaultKind.OutOfBounds, "store to the kernel's parameters", Lanes.First(exec), addresses[Lanes.First(exec)], "parameters");
            default:
                StoreGlobal(w, i, exec, addresses, bytes);
                break;
        }
    }

    private static void StoreGlobal(Warp w, Instruction* i, uint exec, ulong* addresses, int bytes)
    {
        if (exec == Lanes.All && MemoryAccess.IsContiguous(addresses, bytes))
        {
            Page* page = MemoryAccess.PageOf(w, addresses[0], 0), last = MemoryAccess.PageOf(w, addresses[31], 31);
            if (page->Chunk == last->Chunk)
            {
                w.Block.Checks?.GlobalWrite(w, i, exec, addresses, bytes, (i->Mode & 2) != 0);
                AccessCounters.GlobalRun(w, page, addresses[0], 32 * bytes, store: true);
                Planes.ToRun(w, i, (byte*)((long)addresses[0] + page->Data));
                return;
            }
        }

        for (uint rest = exec; rest != 0; rest &= rest - 1)
        {
            int lane = BitOperations.TrailingZeroCount(rest);
            MemoryAccess.PageOf(w, addresses[lane], lane);
        }

        w.Block.Checks?.GlobalWrite(w, i, exec, addresses, bytes, (i->Mode & 2) != 0);
        AccessCounters.Global(w, addresses, exec, bytes, store: true);
        for (uint rest = exec; rest != 0; rest &= rest - 1)
        {
            int lane = BitOperations.TrailingZeroCount(rest);
            Page* page = w.Pages + ((addresses[lane] - AddressMap.Global) >> AddressMap.PageShift);
            Planes.ToLane(w, i, lane, (byte*)((long)addresses[lane] + page->Data));
        }
    }

    private static void StoreShared(Warp w, Instruction* i, uint exec, ulong* addresses, int bytes)
    {
        for (uint rest = exec; rest != 0; rest &= rest - 1)
        {
            int lane = BitOperations.TrailingZeroCount(rest);
            MemoryAccess.Shared(w, addresses[lane], bytes, lane);
        }

        w.Block.Checks?.SharedWrite(w, i, exec, addresses, bytes, (i->Mode & 2) != 0);
        byte* shared = w.Block.Shared;
        if (exec == Lanes.All && MemoryAccess.IsContiguous(addresses, bytes))
        {
            AccessCounters.SharedRun(w, bytes);
            Planes.ToRun(w, i, shared + addresses[0]);
            return;
        }

        AccessCounters.Shared(w, addresses, exec, bytes);
        for (uint rest = exec; rest != 0; rest &= rest - 1)
        {
            int lane = BitOperations.TrailingZeroCount(rest);
            Planes.ToLane(w, i, lane, shared + addresses[lane]);
        }
    }

    private static void StoreLocal(Warp w, Instruction* i, uint exec, ulong* addresses, int bytes)
    {
        int element = i->ElementBytes;
        int* registers = w.Frame.Code.ExtraFirst + i->Extra;
        for (uint rest = exec; rest != 0; rest &= rest - 1)
        {
            int lane = BitOperations.TrailingZeroCount(rest);
            int offset = MemoryAccess.Local(w, addresses[lane], bytes, lane);
            for (int j = 0; j < i->Count; j++)
                MemoryAccess.WriteLocal(w.Local, offset + (j * element), lane, element, Planes.Get(w, registers[j], lane));
        }
    }

    /// <summary>A kernel parameter at a fixed place: the same value for every lane.</summary>
    public static void LoadFixedParam(Warp w, Instruction* i, uint exec)
    {
        byte* from = w.Block.Launch.Parameters + i->Imm;
        int* registers = w.Frame.Code.ExtraFirst + i->Extra;
        for (int j = 0; j < i->Count; j++)
        {
            ulong value = MemoryAccess.Read(from + (j * i->ElementBytes), i->ElementBytes);
            for (uint rest = exec; rest != 0; rest &= rest - 1)
                Planes.Put(w, registers[j], BitOperations.TrailingZeroCount(rest), value, i->ElementBytes, i->Mode);
        }
    }
}
