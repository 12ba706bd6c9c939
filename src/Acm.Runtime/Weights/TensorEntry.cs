namespace Acm.Runtime;

/// <summary>One tensor as a header describes it, already checked: count and length agree, and lie within the file.</summary>
internal sealed record TensorEntry(string Name, TensorDType DType, long[] Shape, long ElementCount, long Offset, long ByteLength);

/// <summary>Arithmetic on shapes that come from files.</summary>
internal static class TensorShape
{
    /// <summary>The product of the sizes; false where one is negative or the product overflows.</summary>
    public static bool TryCount(ReadOnlySpan<long> shape, out long count)
    {
        count = 1;
        foreach (long size in shape)
        {
            if (size < 0 || Math.BigMul(count, size, out long product) != 0 || product < 0)
            {
                count = 0;
                return false;
            }
            count = product;
        }
        return true;
    }

    /// <summary>The shape as people write it: [2, 3].</summary>
    public static string Text(ReadOnlySpan<long> shape)
    {
        const int shown = 12;
        string sizes = string.Join(", ", shape[..Math.Min(shape.Length, shown)].ToArray());
        return shape.Length > shown ? $"[{sizes}, ... {shape.Length} sizes]" : $"[{sizes}]";
    }
}
