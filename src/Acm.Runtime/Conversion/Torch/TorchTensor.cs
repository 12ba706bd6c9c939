namespace Acm.Runtime.Conversion.Torch;

/// <summary>A tensor of a checkpoint, checked to lie within its storage; strides are undone when it is read.</summary>
internal sealed class TorchTensor : TensorSource
{
    private const int MostSizes = 16;

    private readonly TorchArchive _archive;
    private readonly PickleStorage _storage;
    private readonly long _offset;
    private readonly long[] _shape;
    private readonly long[] _strides;
    private readonly long _count;

    private TorchTensor(TorchArchive archive, string name, PickleStorage storage, long offset, long[] shape, long[] strides, long count)
    {
        _archive = archive;
        Name = name;
        _storage = storage;
        _offset = offset;
        _shape = shape;
        _strides = strides;
        _count = count;
    }

    public override string File => _archive.Path;

    public override string Name { get; }

    public override TensorDType DType => _storage.DType;

    public override IReadOnlyList<long> Shape => _shape;

    /// <summary>Checks what the pickle says about a tensor.</summary>
    /// <exception cref="ModelFormatException">It reaches outside its storage, or is no tensor.</exception>
    public static TorchTensor Create(TorchArchive archive, string name, object? value)
    {
        if (value is not PickleTensor { Storage: PickleStorage storage } tensor)
        {
            throw Wrong("a tensor", "something else");
        }
        long offset = tensor.Offset is long start and >= 0 ? start : throw Wrong("an offset of at least 0", $"{tensor.Offset}");
        long[] shape = Numbers(tensor.Shape, "sizes");
        long[] strides = Numbers(tensor.Strides, "strides");
        if (shape.Length != strides.Length)
        {
            throw Wrong("as many strides as sizes", $"{strides.Length} and {shape.Length}");
        }
        // More elements than the storage has would be one element under many indices: nothing a weight needs.
        if (!TensorShape.TryCount(shape, out long count) || count > storage.Count)
        {
            throw Wrong($"at most the {storage.Count} elements of its storage", $"shape {TensorShape.Text(shape)}");
        }
        if (count > 0 && (!TryLast(offset, shape, strides, out long last) || last >= storage.Count))
        {
            throw Wrong($"elements within its storage of {storage.Count}", $"offset {offset}, shape {TensorShape.Text(shape)}, strides {TensorShape.Text(strides)}");
        }
        return new TorchTensor(archive, name, storage, offset, shape, strides, count);

        long[] Numbers(object? value, string what) =>
            value is object?[] { Length: <= MostSizes } tuple && tuple.All(item => item is long and >= 0)
                ? [.. tuple.Select(item => (long)item!)]
                : throw Wrong($"{what} as at most {MostSizes} whole numbers of at least 0", value is object?[] given ? $"({string.Join(", ", given.Take(MostSizes))})" : "something else");

        ModelFormatException Wrong(string expected, string found) => new(archive.Path, name, expected, found);
    }

    // The storage index of the last element; false where it is beyond 64 bits.
    private static bool TryLast(long offset, long[] shape, long[] strides, out long last)
    {
        last = offset;
        for (int i = 0; i < shape.Length; i++)
        {
            if (Math.BigMul(shape[i] - 1, strides[i], out long step) != 0 || step < 0 || step > long.MaxValue - last)
            {
                return false;
            }
            last += step;
        }
        return true;
    }

    public override byte[] ReadBytes()
    {
        byte[] storage = _archive.ReadStorage(_storage, Name);
        if (_count == 0)
        {
            return [];
        }
        int size = DType.Size();
        byte[] bytes = new byte[_count * size];
        if (IsContiguous())
        {
            storage.AsSpan((int)(_offset * size), bytes.Length).CopyTo(bytes);
            return bytes;
        }
        long[] index = new long[_shape.Length];
        for (int element = 0; element < _count; element++)
        {
            long from = _offset;
            for (int i = 0; i < index.Length; i++)
            {
                from += index[i] * _strides[i];
            }
            storage.AsSpan((int)(from * size), size).CopyTo(bytes.AsSpan(element * size));
            for (int i = index.Length - 1; i >= 0 && ++index[i] == _shape[i]; i--)
            {
                index[i] = 0;
            }
        }
        return bytes;
    }

    private bool IsContiguous()
    {
        long expected = 1;
        for (int i = _shape.Length - 1; i >= 0; i--)
        {
            if (_shape[i] != 1 && _strides[i] != expected)
            {
                return false;
            }
            expected *= _shape[i];
        }
        return true;
    }
}
