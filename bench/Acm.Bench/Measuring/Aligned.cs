using System.Runtime.CompilerServices;

namespace Acm.Bench;

/// <summary>Pinned memory that begins at a cache line, as both contestants allocate their own.</summary>
internal static unsafe class Aligned
{
    public static Memory<float> Floats(int count)
    {
        float[] array = GC.AllocateArray<float>(count + 16, pinned: true);
        int skip = (int)((64 - (nuint)Unsafe.AsPointer(ref array[0]) % 64) % 64 / sizeof(float));
        return array.AsMemory(skip, count);
    }

    public static float* Pointer(Memory<float> memory) => (float*)Unsafe.AsPointer(ref memory.Span[0]);
}
