using System.Runtime.InteropServices;

namespace Acm.Simulator.Execution;

/// <summary>The registers of one call of a function by (lanes of) one warp.</summary>
internal sealed unsafe class Frame : IDisposable
{
    public Frame(Code code, bool withDefined)
    {
        Code = code;
        Registers = (byte*)NativeMemory.AlignedAlloc((nuint)Math.Max(code.FrameBytes, 64), 64);
        NativeMemory.Clear(Registers, (nuint)Math.Max(code.FrameBytes, 64));
        foreach (ConstantPlane constant in code.Constants)
        {
            if (constant.Wide)
                new Span<ulong>(Registers + constant.Offset, 32).Fill(constant.Bits);
            else
                new Span<uint>(Registers + constant.Offset, 32).Fill((uint)constant.Bits);
        }

        if (withDefined)
            Defined = (uint*)NativeMemory.AllocZeroed((nuint)(code.FrameBytes / 128) + 2, 4);
    }

    public Code Code { get; }

    public byte* Registers { get; }

    /// <summary>Checked execution: for every 128 bytes of registers, the lanes whose value is defined.</summary>
    public uint* Defined { get; }

    /// <summary>Offset of this call's part of each thread's local memory.</summary>
    public int LocalBase { get; set; }

    public Frame? NextFree { get; set; }

    /// <summary>A new call: nothing is defined but constants and special registers.</summary>
    public void Reset(Warp warp)
    {
        foreach (SpecialPlane special in Code.Specials)
            SpecialRegisters.Fill(warp, special.Which, (uint*)(Registers + special.Offset));
        if (Defined is null)
            return;
        NativeMemory.Clear(Defined, (nuint)((Code.FrameBytes / 128) + 2) * 4);
        foreach (SpecialPlane special in Code.Specials)
            Defined[special.Offset >> 7] = uint.MaxValue;
        foreach (ConstantPlane constant in Code.Constants)
            Defined[constant.Offset >> 7] = uint.MaxValue;
    }

    public void Dispose()
    {
        NativeMemory.AlignedFree(Registers);
        NativeMemory.Free(Defined);
    }
}
