using System.Runtime.InteropServices;

namespace Acm.Runtime;

/// <summary>One tensor of an open <see cref="SafeTensorsFile"/>: its shape, and its values where they lie in the map.</summary>
/// <remarks>Values are in row-major order. Tensors beyond 2 GB are read in pieces, by the overloads that take a first element.</remarks>
public readonly struct TensorView
{
    private readonly SafeTensorsFile _file;
    private readonly TensorEntry _entry;

    internal TensorView(SafeTensorsFile file, TensorEntry entry)
    {
        _file = file;
        _entry = entry;
    }

    /// <summary>The tensor's name.</summary>
    public string Name => _entry.Name;

    /// <summary>The file the tensor lies in.</summary>
    public string File => _file.Path;

    /// <summary>The element type.</summary>
    public TensorDType DType => _entry.DType;

    /// <summary>The sizes, outermost first; empty for a scalar.</summary>
    public ReadOnlySpan<long> Shape => _entry.Shape;

    /// <summary>How many elements: the product of <see cref="Shape"/>.</summary>
    public long ElementCount => _entry.ElementCount;

    /// <summary>How many bytes they take.</summary>
    public long ByteLength => _entry.ByteLength;

    /// <summary>All bytes, little-endian, as they lie in the file; not necessarily aligned.</summary>
    /// <exception cref="InvalidOperationException">The tensor is larger than a span can be: use <see cref="GetBytes"/>.</exception>
    public ReadOnlySpan<byte> Bytes => ByteLength <= int.MaxValue
        ? _file.Slice(_entry, 0, (int)ByteLength)
        : throw new InvalidOperationException($"'{Name}' has {ByteLength} bytes, more than one span holds; read it in pieces.");

    /// <summary>The bytes [start, start + length).</summary>
    public ReadOnlySpan<byte> GetBytes(long start, int length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(start);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(start, ByteLength - length);
        return _file.Slice(_entry, start, length);
    }

    /// <summary>Whether the tensor has exactly this shape.</summary>
    public bool HasShape(params ReadOnlySpan<long> shape) => Shape.SequenceEqual(shape);

    /// <summary>Copies all values, widened or narrowed to float32. F32, F16, BF16 and F64 can be read so.</summary>
    /// <param name="destination">At least <see cref="ElementCount"/> long.</param>
    /// <exception cref="ArgumentException">The destination is shorter.</exception>
    /// <exception cref="InvalidOperationException">The tensor has another type.</exception>
    /// <exception cref="ObjectDisposedException">The file is disposed.</exception>
    public void CopyTo(Span<float> destination) => CopyTo(0, destination[..Fit(destination.Length)]);

    /// <summary>Copies all values, widened to float64. F32, F16, BF16 and F64 can be read so.</summary>
    /// <param name="destination">At least <see cref="ElementCount"/> long.</param>
    /// <exception cref="ArgumentException">The destination is shorter.</exception>
    /// <exception cref="InvalidOperationException">The tensor has another type.</exception>
    /// <exception cref="ObjectDisposedException">The file is disposed.</exception>
    public void CopyTo(Span<double> destination) => CopyTo(0, destination[..Fit(destination.Length)]);

    /// <summary>Copies all values of an I32 tensor.</summary>
    /// <param name="destination">At least <see cref="ElementCount"/> long.</param>
    /// <exception cref="ArgumentException">The destination is shorter.</exception>
    /// <exception cref="InvalidOperationException">The tensor has another type.</exception>
    /// <exception cref="ObjectDisposedException">The file is disposed.</exception>
    public void CopyTo(Span<int> destination)
    {
        if (DType != TensorDType.I32)
        {
            throw Mistyped("I32");
        }
        int count = Fit(destination.Length);
        // Not Bytes: a span of int.MaxValue / 4 elements and more would not fit one of bytes.
        Chunks(0, count, sizeof(int), destination, static (bytes, part) => bytes.CopyTo(MemoryMarshal.AsBytes(part)));
    }

    /// <summary>Copies the values from <paramref name="first"/> on, as many as fit, as float32.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The tensor does not have that many values from there on.</exception>
    /// <exception cref="InvalidOperationException">The tensor has another type.</exception>
    /// <exception cref="ObjectDisposedException">The file is disposed.</exception>
    public void CopyTo(long first, Span<float> destination)
    {
        RequireRange(first, destination.Length);
        Chunks(first, destination.Length, DType.Size(), destination, DType switch
        {
            TensorDType.F32 => static (bytes, part) => bytes.CopyTo(MemoryMarshal.AsBytes(part)),
            TensorDType.F16 => static (bytes, part) => Widening.HalfToSingle(MemoryMarshal.Cast<byte, ushort>(bytes), part),
            TensorDType.BF16 => static (bytes, part) => Widening.BrainToSingle(MemoryMarshal.Cast<byte, ushort>(bytes), part),
            TensorDType.F64 => static (bytes, part) => Widening.DoubleToSingle(MemoryMarshal.Cast<byte, double>(bytes), part),
            _ => throw Mistyped("F32, F16, BF16 or F64"),
        });
    }

    /// <summary>Copies the values from <paramref name="first"/> on, as many as fit, as float64.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The tensor does not have that many values from there on.</exception>
    /// <exception cref="InvalidOperationException">The tensor has another type.</exception>
    /// <exception cref="ObjectDisposedException">The file is disposed.</exception>
    public void CopyTo(long first, Span<double> destination)
    {
        RequireRange(first, destination.Length);
        if (DType == TensorDType.F64)
        {
            Chunks(first, destination.Length, sizeof(double), destination, static (bytes, part) => bytes.CopyTo(MemoryMarshal.AsBytes(part)));
            return;
        }
        Span<float> piece = stackalloc float[512];
        for (int done = 0; done < destination.Length; done += piece.Length)
        {
            var part = destination.Slice(done, Math.Min(piece.Length, destination.Length - done));
            CopyTo(first + done, piece[..part.Length]);
            for (int i = 0; i < part.Length; i++)
            {
                part[i] = piece[i];
            }
        }
    }

    /// <summary>Whether no value, nor part of a complex one, is NaN or infinite. True for the integer types.</summary>
    public bool AllFinite() => FirstNonFinite() < 0;

    /// <summary>The row-major index of the first NaN or infinite value, or -1.</summary>
    public long FirstNonFinite()
    {
        const int piece = 1 << 20;
        int size = DType.Size();
        for (long first = 0; first < ElementCount; first += piece)
        {
            var bytes = GetBytes(first * size, (int)Math.Min(piece, ElementCount - first) * size);
            int at = Finiteness.First(DType, bytes);
            if (at >= 0)
            {
                return first + at;
            }
        }
        return -1;
    }

    /// <summary>Type and shape: F32 [2, 3].</summary>
    public override string ToString() => $"{DType.FormatName()} {TensorShape.Text(Shape)}";

    private int Fit(int room) => ElementCount <= room
        ? (int)ElementCount
        : throw new ArgumentException($"'{Name}' has {ElementCount} elements; the destination has room for {room}.");

    private void RequireRange(long first, int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(first);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(first, ElementCount - count);
    }

    private InvalidOperationException Mistyped(string wanted) => new($"'{Name}' is {DType.FormatName()}; only {wanted} can be read so.");

    private delegate void Convert<T>(ReadOnlySpan<byte> bytes, Span<T> part);

    // Pieces keep every span of bytes within an int, whatever the tensor's size.
    private void Chunks<T>(long first, int count, int size, Span<T> destination, Convert<T> convert)
    {
        const int piece = 1 << 20;
        for (int done = 0; done < count; done += piece)
        {
            int length = Math.Min(piece, count - done);
            convert(GetBytes((first + done) * size, length * size), destination.Slice(done, length));
        }
    }
}
