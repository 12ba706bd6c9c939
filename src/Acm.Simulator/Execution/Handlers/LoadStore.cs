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
    public static void Load(Warp w, Instruction* i, uint exec) => Access(w, i, exec, store: false);

    public static void Store(Warp w, Instruction* i, uint exec)
    {
        if ((i->Mode & 16) != 0)
            w.Block.Checks?.Fence(w, 1);
        Access(w, i, exec, store: true);
    }

    private static void Access(Warp w, Instruction* i, uint exec, bool store)
    {
        ulong* addresses = MemoryAccess.Addresses(w, i);
        if (i->Space == (byte)MemorySpace.Generic)
            EachSpace(w, i, exec, addresses, store);
        else
            Access(w, i, exec, addresses, (MemorySpace)i->Space, store);
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

            Access(w, i, group, addresses, space, store);
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

    private static void Access(Warp w, Instruction* i, uint exec, ulong* addresses, MemorySpace space, bool store)
    {
        int bytes = i->ElementBytes * i->Count;
        MemoryAccess.CheckAlignment(w, addresses, exec, bytes);
        switch (space)
        {
            case MemorySpace.Shared:
                AccessShared(w, i, exec, addresses, bytes, store);
                break;
            case MemorySpace.Local when store:
                StoreLocal(w, i, exec, addresses, bytes);
                break;
            case MemorySpace.Local:
                LoadLocal(w, i, exec, addresses, bytes);
                break;
            case MemorySpace.Param when store:
                throw w.Fault(FaultKind.OutOfBounds, "store to the kernel's parameters", Lanes.First(exec), addresses[Lanes.First(exec)], "parameters");
            case MemorySpace.Param:
                LoadParam(w, i, exec, addresses, bytes);
                break;
            default:
                if (w.Block.Checks is { } checks && (store || (i->Mode & 2) != 0))
                {
                    lock (checks.Order)
                        AccessGlobal(w, i, exec, addresses, bytes, store);
                }
                else
                {
                    AccessGlobal(w, i, exec, addresses, bytes, store);
                }

                break;
        }
    }

    private static void AccessGlobal(Warp w, Instruction* i, uint exec, ulong* addresses, int bytes, bool store)
    {
        if (exec == Lanes.All && MemoryAccess.IsContiguous(addresses, bytes))
        {
            Page* page = MemoryAccess.PageOf(w, addresses[0], 0), last = MemoryAccess.PageOf(w, addresses[31], 31);
            if (page->Chunk == last->Chunk)
            {
                CheckGlobal(w, i, exec, addresses, bytes, store);
                AccessCounters.GlobalRun(w, page, addresses[0], 32 * bytes, store);
                Planes.Run(w, i, (byte*)((long)addresses[0] + page->Data), store);
                return;
            }
        }

        for (uint rest = exec; rest != 0; rest &= rest - 1)
        {
            int lane = BitOperations.TrailingZeroCount(rest);
            MemoryAccess.PageOf(w, addresses[lane], lane);
        }

        CheckGlobal(w, i, exec, addresses, bytes, store);
        AccessCounters.Global(w, addresses, exec, bytes, store);
        for (uint rest = exec; rest != 0; rest &= rest - 1)
        {
            int lane = BitOperations.TrailingZeroCount(rest);
            Page* page = w.Pages + ((addresses[lane] - AddressMap.Global) >> AddressMap.PageShift);
            Planes.Lane(w, i, lane, (byte*)((long)addresses[lane] + page->Data), store);
        }
    }

    private static void CheckGlobal(Warp w, Instruction* i, uint exec, ulong* addresses, int bytes, bool store)
    {
        if (store)
            w.Block.Checks?.GlobalWrite(w, i, exec, addresses, bytes, (i->Mode & 2) != 0);
        else
            w.Block.Checks?.GlobalRead(w, i, exec, addresses, bytes, (i->Mode & 2) != 0);
    }

    private static void AccessShared(Warp w, Instruction* i, uint exec, ulong* addresses, int bytes, bool store)
    {
        bool run = exec == Lanes.All && MemoryAccess.IsContiguous(addresses, bytes);
        for (uint rest = run ? 0x80000001 : exec; rest != 0; rest &= rest - 1)
        {
            int lane = BitOperations.TrailingZeroCount(rest);
            MemoryAccess.Shared(w, addresses[lane], bytes, lane);
        }

        if (store)
            w.Block.Checks?.SharedWrite(w, i, exec, addresses, bytes, (i->Mode & 2) != 0);
        else
            w.Block.Checks?.SharedRead(w, i, exec, addresses, bytes, (i->Mode & 2) != 0);
        byte* shared = w.Block.Shared;
        if (run)
        {
            AccessCounters.SharedRun(w, bytes);
            Planes.Run(w, i, shared + addresses[0], store);
            return;
        }

        AccessCounters.Shared(w, addresses, exec, bytes);
        for (uint rest = exec; rest != 0; rest &= rest - 1)
        {
            int lane = BitOperations.TrailingZeroCount(rest);
            Planes.Lane(w, i, lane, shared + addresses[lane], store);
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
