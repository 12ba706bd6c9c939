using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Acm.Simulator.Execution.Handlers;

/// <summary>Register planes from memory and back. A register is given as offset * 4 + kind (0: 32 bits, 1: 64 bits, 2: 16 bits).</summary>
internal static unsafe class Planes
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Get(Warp w, int register, int lane) =>
        (register & 3) == 1 ? w.Wide(register >> 2)[lane] : w.Plane(register >> 2)[lane];

    /// <summary>Writes a loaded element, extended to its register (mode 1: by its sign).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Put(Warp w, int register, int lane, ulong value, int bytes, int mode)
    {
        if ((mode & 1) != 0)
            value = bytes switch { 1 => (ulong)(sbyte)value, 2 => (ulong)(short)value, 4 => (ulong)(int)value, _ => value };
        if ((register & 3) == 1)
            w.Wide(register >> 2)[lane] = value;
        else
            w.Plane(register >> 2)[lane] = (register & 3) == 2 ? (ushort)value : (uint)value;
    }

    /// <summary>One lane's elements, to memory or from it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Lane(Warp w, Instruction* i, int lane, byte* memory, bool store)
    {
        if (store)
            ToLane(w, i, lane, memory);
        else
            FromLane(w, i, lane, memory);
    }

    /// <summary>All lanes' elements, to consecutive memory or from it.</summary>
    public static void Run(Warp w, Instruction* i, byte* memory, bool store)
    {
        if (store)
            ToRun(w, i, memory);
        else
            FromRun(w, i, memory);
    }

    private static void FromLane(Warp w, Instruction* i, int lane, byte* from)
    {
        int* registers = w.Frame.Code.ExtraFirst + i->Extra;
        int element = i->ElementBytes;
        if (element == 4 && (i->Mode & 4) != 0)
        {
            for (int j = 0; j < i->Count; j++)
                w.Plane(registers[j] >> 2)[lane] = ((uint*)from)[j];
            return;
        }

        for (int j = 0; j < i->Count; j++)
            Put(w, registers[j], lane, MemoryAccess.Read(from + (j * element), element), element, i->Mode);
    }

    private static void ToLane(Warp w, Instruction* i, int lane, byte* to)
    {
        int* registers = w.Frame.Code.ExtraFirst + i->Extra;
        int element = i->ElementBytes;
        for (int j = 0; j < i->Count; j++)
            MemoryAccess.Write(to + (j * element), element, Get(w, registers[j], lane));
    }

    /// <summary>All lanes from consecutive memory. Mode 4: the registers are as wide as the elements, 4 bytes.</summary>
    private static void FromRun(Warp w, Instruction* i, byte* from)
    {
        int* registers = w.Frame.Code.ExtraFirst + i->Extra;
        int element = i->ElementBytes, count = i->Count;
        if ((i->Mode & 4) != 0)
        {
            if (count == 1)
            {
                Unsafe.CopyBlock(w.R + (registers[0] >> 2), from, 128);
                return;
            }

            uint* words = (uint*)from;
            for (int j = 0; j < count; j++)
            {
                uint* d = w.Plane(registers[j] >> 2);
                for (int lane = 0; lane < 32; lane++)
                    d[lane] = words[(lane * count) + j];
            }

            return;
        }

        for (int lane = 0; lane < 32; lane++)
        {
            for (int j = 0; j < count; j++)
                Put(w, registers[j], lane, MemoryAccess.Read(from + (((lane * count) + j) * element), element), element, i->Mode);
        }
    }

    private static void ToRun(Warp w, Instruction* i, byte* to)
    {
        int* registers = w.Frame.Code.ExtraFirst + i->Extra;
        int element = i->ElementBytes, count = i->Count;
        if ((i->Mode & 4) != 0)
        {
            if (count == 1)
            {
                Unsafe.CopyBlock(to, w.R + (registers[0] >> 2), 128);
                return;
            }

            uint* words = (uint*)to;
            for (int j = 0; j < count; j++)
            {
                uint* d = w.Plane(registers[j] >> 2);
                for (int lane = 0; lane < 32; lane++)
                    words[(lane * count) + j] = d[lane];
            }

            return;
        }

        for (int lane = 0; lane < 32; lane++)
            ToLane(w, i, lane, to + (lane * count * element));
    }
}
