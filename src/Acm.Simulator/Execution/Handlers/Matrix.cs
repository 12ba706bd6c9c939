using System.Runtime.CompilerServices;
using Acm.Simulator.Arithmetic;
using Acm.Simulator.Counters;
using Acm.Simulator.Memory;

namespace Acm.Simulator.Execution.Handlers;

/// <summary>mma, ldmatrix, stmatrix, movmatrix: the whole warp together.</summary>
internal static unsafe class Matrix
{
    public static void NeedWholeWarp(Warp w, uint exec)
    {
        if (exec != Lanes.All)
            throw w.Fault(FaultKind.PartialCollective, $"a matrix instruction needs the whole warp, but only lanes 0x{exec:x8} execute it", Lanes.First(exec));
    }

    /// <summary>Extra: registers of D, A, B, C in this order, as many as the shape says. Tables[Mode]: the shape.</summary>
    public static void Multiply(Warp w, Instruction* i, uint exec)
    {
        NeedWholeWarp(w, exec);
        MatrixForm form = (MatrixForm)w.Frame.Code.Tables[i->Mode];
        w.Counters.MatrixFlops += form.Shape.Flops;
        int* registers = w.Frame.Code.ExtraFirst + i->Extra;
        uint* d = w.Scratch, a = d + (form.D * form.Words), b = a + (form.A * form.Words), c = b + (form.B * form.Words);
        uint bytes = (uint)form.Words * 4;
        int at = form.D;
        for (int j = 0; j < form.A; j++)
            Copy(a + (j * form.Words), w.R + registers[at++], bytes);
        for (int j = 0; j < form.B; j++)
            Copy(b + (j * form.Words), w.R + registers[at++], bytes);
        for (int j = 0; j < form.C; j++)
            Copy(c + (j * form.Words), w.R + registers[at++], bytes);
        Mma.Execute(form.Shape, w.Block.Launch.Arithmetic, d, a, b, c);
        for (int j = 0; j < form.D; j++)
            Copy(w.R + registers[j], d + (j * form.Words), bytes);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Copy(void* to, void* from, uint bytes)
    {
        if (bytes == 128)
            Unsafe.CopyBlock(to, from, 128);
        else
            Unsafe.CopyBlock(to, from, bytes);
    }

    /// <summary>Addresses of the rows: lane 8 m + r gives row r of matrix m. Count matrices; Mode 1: transposed.</summary>
    private static ulong* Rows(Warp w, Instruction* i, bool store)
    {
        ulong* rows = MemoryAccess.Addresses(w, i);
        int lanes = i->Count * 8;
        uint used = lanes == 32 ? Lanes.All : (1u << lanes) - 1;
        for (int lane = 0; lane < lanes; lane++)
        {
            if ((MemorySpace)i->Space == MemorySpace.Generic)
            {
                if (MemoryAccess.SpaceOf(rows[lane]) != MemorySpace.Shared)
                    throw w.Fault(FaultKind.OutOfBounds, "the row of a matrix is not in shared memory", lane, rows[lane]);
                rows[lane] -= AddressMap.SharedWindow;
            }

            MemoryAccess.Shared(w, rows[lane], 16, lane);
        }

        MemoryAccess.CheckAlignment(w, rows, used, 16);
        if (store)
            w.Block.Checks?.SharedWriteRows(w, i, used, rows);
        else
            w.Block.Checks?.SharedRead(w, i, used, rows, 16, false);
        w.Counters.SharedRequests++;
        for (int m = 0; m < i->Count; m++)
        {
            int passes = AccessCounters.Rows(rows + (8 * m), 0xff);
            w.Counters.SharedWavefronts += passes;
            w.Counters.SharedExcessWavefronts += passes - 1;
        }

        return rows;
    }

    public static void Load(Warp w, Instruction* i, uint exec)
    {
        NeedWholeWarp(w, exec);
        ulong* rows = Rows(w, i, false);
        int* registers = w.Frame.Code.ExtraFirst + i->Extra;
        byte* shared = w.Block.Shared;
        for (int m = 0; m < i->Count; m++)
        {
            uint* d = w.Plane(registers[m]);
            ulong* row = rows + (8 * m);
            if (i->Mode == 0)
            {
                for (int r = 0; r < 8; r++)
                    Unsafe.CopyBlock(d + (4 * r), shared + row[r], 16);
                continue;
            }

            for (int lane = 0; lane < 32; lane++)
            {
                int column = lane >> 2, r = (lane & 3) * 2;
                d[lane] = *(ushort*)(shared + row[r] + (2 * column)) | ((uint)*(ushort*)(shared + row[r + 1] + (2 * column)) << 16);
            }
        }
    }

    public static void Store(Warp w, Instruction* i, uint exec)
    {
        NeedWholeWarp(w, exec);
        ulong* rows = Rows(w, i, true);
        int* registers = w.Frame.Code.ExtraFirst + i->Extra;
        byte* shared = w.Block.Shared;
        for (int m = 0; m < i->Count; m++)
        {
            uint* d = w.Plane(registers[m]);
            ulong* row = rows + (8 * m);
            for (int lane = 0; lane < 32; lane++)
            {
                if (i->Mode == 0)
                {
                    *(uint*)(shared + row[lane >> 2] + (4 * (lane & 3))) = d[lane];
                    continue;
                }

                int column = lane >> 2, r = (lane & 3) * 2;
                *(ushort*)(shared + row[r] + (2 * column)) = (ushort)d[lane];
                *(ushort*)(shared + row[r + 1] + (2 * column)) = (ushort)(d[lane] >> 16);
            }
        }
    }

    /// <summary>movmatrix.trans: element [r][c] of the warp's 8x8 matrix goes to [c][r].</summary>
    public static void Move(Warp w, Instruction* i, uint exec)
    {
        NeedWholeWarp(w, exec);
        ushort* a = (ushort*)w.Plane(i->A);
        ushort* t = stackalloc ushort[64];
        for (int r = 0; r < 8; r++)
        {
            for (int c = 0; c < 8; c++)
                t[(c * 8) + r] = a[(r * 8) + c]; // lane 4r + c/2 holds [r][c], so the plane is the matrix in row order
        }

        Unsafe.CopyBlock(w.Plane(i->D), t, 128);
    }
}

/// <summary>A form of mma with its numbers of registers and the words of a plane (64 for f64).</summary>
internal sealed record MatrixForm(MmaShape Shape, int D, int A, int B, int C, int Words);
