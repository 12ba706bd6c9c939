using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Acm.Simulator.Memory;

namespace Acm.Simulator.Execution.Handlers;

internal enum MemorySpace : byte { Generic, Global, Shared, Local, Param }

/// <summary>Addresses of lanes, and what they translate to.</summary>
internal static unsafe class MemoryAccess
{
    private static readonly Vector512<ulong> s_iota = Vector512.Create(0ul, 1, 2, 3, 4, 5, 6, 7);

    /// <summary>Register A (Flags 1: 64-bit) plus Imm, into the warp's buffer of addresses.</summary>
    public static ulong* Addresses(Warp w, Instruction* i) =>
        Addresses(w, i->A, (i->Flags & 1) != 0, (i->Flags & 4) != 0 ? i->Imm + w.Frame.LocalBase : i->Imm, w.Addresses);

    public static ulong* Addresses(Warp w, int register, bool wide, long offset, ulong* into)
    {
        Vector512<ulong> add = Vector512.Create((ulong)offset);
        if (wide)
        {
            ulong* a = w.Wide(register);
            for (int lane = 0; lane < 32; lane += 8)
                (Vector512.Load(a + lane) + add).Store(into + lane);
        }
        else
        {
            uint* a = w.Plane(register);
            for (int lane = 0; lane < 32; lane += 8)
                (Vector512.WidenLower(Vector512.Create(Vector256.Load(a + lane), default)) + add).Store(into + lane);
        }

        return into;
    }

    /// <summary>Whether the lanes' addresses follow each other without gaps.</summary>
    public static bool IsContiguous(ulong* addresses, int bytes)
    {
        Vector512<ulong> start = Vector512.Create(addresses[0]), step = s_iota * Vector512.Create((ulong)bytes);
        Vector512<ulong> block = Vector512.Create(8ul * (ulong)bytes);
        for (int lane = 0; lane < 32; lane += 8)
        {
            if (Vector512.Load(addresses + lane) != start + step)
                return false;
            step += block;
        }

        return true;
    }

    /// <summary>The space that the addresses of a generic access are in, which must be one for all lanes or they are taken one by one.</summary>
    public static MemorySpace SpaceOf(ulong address)
    {
        if (address - AddressMap.SharedWindow < AddressMap.WindowSize)
            return MemorySpace.Shared;
        if (address - AddressMap.LocalWindow < AddressMap.WindowSize)
            return MemorySpace.Local;
        return address - AddressMap.ParamWindow < AddressMap.WindowSize ? MemorySpace.Param : MemorySpace.Global;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Page* PageOf(Warp w, ulong address, int lane)
    {
        ulong page = (address - AddressMap.Global) >> AddressMap.PageShift;
        if (page >= AddressMap.PageCount || w.Pages[page].Data == 0)
            throw BadAddress(w, address, lane);
        return w.Pages + page;
    }

    private static DeviceFaultException BadAddress(Warp w, ulong address, int lane)
    {
        Allocation? near = w.Block.Launch.Memory.Find(address);
        bool freed = near is { IsFreed: true } && address - near.Address < near.Size;
        return w.Fault(freed ? FaultKind.AfterFree : FaultKind.OutOfBounds,
            freed ? "access to a buffer that was freed" : "access outside every buffer", lane, address, w.Block.Launch.Memory.Describe(address));
    }

    public static void CheckAlignment(Warp w, ulong* addresses, uint exec, int bytes)
    {
        ulong low = 0;
        if (exec == Lanes.All)
        {
            Vector512<ulong> any = Vector512.Load(addresses) | Vector512.Load(addresses + 8) | Vector512.Load(addresses + 16) | Vector512.Load(addresses + 24);
            if ((any & Vector512.Create((ulong)bytes - 1)) == Vector512<ulong>.Zero)
                return;
        }

        for (uint rest = exec; rest != 0; rest &= rest - 1)
        {
            int lane = BitOperations.TrailingZeroCount(rest);
            low = addresses[lane] & (ulong)(bytes - 1);
            if (low != 0)
                throw w.Fault(FaultKind.Misaligned, $"access of {bytes} bytes is not aligned to {bytes}", lane, addresses[lane], Buffer(w, addresses[lane]));
        }
    }

    private static string? Buffer(Warp w, ulong address) => address < AddressMap.Global ? null : w.Block.Launch.Memory.Describe(address);

    /// <summary>Host address of a shared access.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static byte* Shared(Warp w, ulong address, int bytes, int lane)
    {
        if (address + (ulong)bytes > (ulong)w.Block.SharedBytes || address > (ulong)w.Block.SharedBytes)
            throw OutsideShared(w, address, bytes, lane);
        return w.Block.Shared + address;
    }

    private static DeviceFaultException OutsideShared(Warp w, ulong address, int bytes, int lane) =>
        w.Fault(FaultKind.OutOfBounds, $"access of {bytes} bytes outside the block's {w.Block.SharedBytes} bytes of shared memory", lane, address, "shared memory");

    /// <summary>Checks a local access (a generic address or an offset) and gives its offset.</summary>
    public static int Local(Warp w, ulong address, int bytes, int lane)
    {
        if (address >= AddressMap.LocalWindow)
            address -= AddressMap.LocalWindow;
        if (address + (ulong)bytes > (ulong)w.LocalSize || address > (ulong)w.LocalSize)
            throw w.Fault(FaultKind.OutOfBounds, $"access of {bytes} bytes outside the thread's {w.LocalSize} bytes of local memory", lane, address, "local memory");
        return (int)address;
    }

    /// <summary>Host address of the word of local memory that holds a lane's byte: words of the 32 lanes lie side by side.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int LocalAt(int offset, int lane) => ((offset >> 2) * 128) + (lane * 4) + (offset & 3);

    public static ulong ReadLocal(byte* memory, int offset, int lane, int bytes) => bytes switch
    {
        1 => memory[LocalAt(offset, lane)],
        2 => *(ushort*)(memory + LocalAt(offset, lane)),
        4 => *(uint*)(memory + LocalAt(offset, lane)),
        _ => *(uint*)(memory + LocalAt(offset, lane)) | ((ulong)*(uint*)(memory + LocalAt(offset + 4, lane)) << 32),
    };

    public static void WriteLocal(byte* memory, int offset, int lane, int bytes, ulong value)
    {
        switch (bytes)
        {
            case 1:
                memory[LocalAt(offset, lane)] = (byte)value;
                break;
            case 2:
                *(ushort*)(memory + LocalAt(offset, lane)) = (ushort)value;
                break;
            case 4:
                *(uint*)(memory + LocalAt(offset, lane)) = (uint)value;
                break;
            default:
                *(uint*)(memory + LocalAt(offset, lane)) = (uint)value;
                *(uint*)(memory + LocalAt(offset + 4, lane)) = (uint)(value >> 32);
                break;
        }
    }

    public static ulong Read(byte* p, int bytes) => bytes switch { 1 => *p, 2 => *(ushort*)p, 4 => *(uint*)p, _ => *(ulong*)p };

    public static void Write(byte* p, int bytes, ulong value)
    {
        switch (bytes)
        {
            case 1:
                *p = (byte)value;
                break;
            case 2:
                *(ushort*)p = (ushort)value;
                break;
            case 4:
                *(uint*)p = (uint)value;
                break;
            default:
                *(ulong*)p = value;
                break;
        }
    }
}
