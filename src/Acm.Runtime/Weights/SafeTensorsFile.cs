using System.Buffers.Binary;
using System.IO.MemoryMappedFiles;
using Acm.Runtime.Configuration;

namespace Acm.Runtime;

/// <summary>A safetensors file over a memory map: opened in the time its header takes, read as its tensors are touched.</summary>
/// <remarks>
/// Everything in the header is checked before <see cref="Open(string)"/> returns: names, types, shapes, and that the tensors tile the data
/// exactly. Views are valid until the file is disposed; a span taken from one must not outlive it. Safe for concurrent reads.
/// </remarks>
public sealed unsafe class SafeTensorsFile : IDisposable
{
    private const int LengthBytes = 8;

    private readonly MemoryMappedFile _map;
    private readonly MemoryMappedViewAccessor _view;
    private readonly Dictionary<string, TensorEntry> _tensors;
    private byte* _data;

    private SafeTensorsFile(string path, MemoryMappedFile map, MemoryMappedViewAccessor view, SafeTensorsHeader header, byte* data)
    {
        Path = path;
        Metadata = header.Metadata;
        _tensors = new Dictionary<string, TensorEntry>(header.Tensors, StringComparer.Ordinal);
        _map = map;
        _view = view;
        _data = data;
    }

    /// <summary>The file's path, as given.</summary>
    public string Path { get; }

    /// <summary>The strings under <c>__metadata__</c>; empty where there are none.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; }

    /// <summary>The tensors' names.</summary>
    public IReadOnlyCollection<string> Names => _tensors.Keys;

    /// <summary>Maps a file and checks its header.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="ModelFormatException">The file cannot be read or is not a valid safetensors file.</exception>
    public static SafeTensorsFile Open(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        try
        {
            using var stream = PackageFile.Open(path);
            return Open(path, stream);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            throw new ModelFormatException(path, null, "a readable safetensors file", PackageFile.Why(path, e), e);
        }
    }

    private static SafeTensorsFile Open(string path, FileStream stream)
    {
        long length = stream.Length;
        if (length < LengthBytes)
        {
            throw new ModelFormatException(path, null, "at least 8 bytes: the header's length", $"{length}");
        }
        MemoryMappedFile? map = null;
        MemoryMappedViewAccessor? view = null;
        byte* start = null;
        try
        {
            map = MemoryMappedFile.CreateFromFile(stream, null, length, MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen: true);
            view = map.CreateViewAccessor(0, length, MemoryMappedFileAccess.Read);
            view.SafeMemoryMappedViewHandle.AcquirePointer(ref start);
            ulong headerLength = BinaryPrimitives.ReadUInt64LittleEndian(new ReadOnlySpan<byte>(start, LengthBytes));
            ulong longest = (ulong)Math.Min(SafeTensorsHeader.LongestHeader, length - LengthBytes);
            if (headerLength > longest)
            {
                throw new ModelFormatException(path, null, $"a header of at most {longest} bytes in a file of {length}", $"a header length of {headerLength}");
            }
            long dataLength = length - LengthBytes - (long)headerLength;
            var header = SafeTensorsHeader.Parse(path, new ReadOnlySpan<byte>(start + LengthBytes, (int)headerLength), dataLength);
            return new SafeTensorsFile(path, map, view, header, start + LengthBytes + headerLength);
        }
        catch
        {
            Close(map, view, start);
            throw;
        }
    }

    /// <summary>Finds a tensor by name.</summary>
    public bool TryGet(string name, out TensorView view)
    {
        bool found = _tensors.TryGetValue(name, out var entry);
        view = found ? new TensorView(this, entry!) : default;
        return found;
    }

    /// <summary>Finds a tensor that must be there.</summary>
    /// <exception cref="ModelFormatException">The file holds no tensor of this name.</exception>
    public TensorView Get(string name) =>
        TryGet(name, out var view) ? view : throw new ModelFormatException(Path, name, "a tensor of this name", "none");

    /// <summary>The mapped bytes of a range of a tensor; the caller has checked the range against the entry.</summary>
    internal ReadOnlySpan<byte> Slice(TensorEntry entry, long start, int length)
    {
        ObjectDisposedException.ThrowIf(_data is null, this);
        return new ReadOnlySpan<byte>(_data + entry.Offset + start, length);
    }

    /// <summary>Unmaps the file. Views of it throw from then on.</summary>
    public void Dispose()
    {
        if (_data is null)
        {
            return;
        }
        byte* start = _data;
        _data = null;
        Close(_map, _view, start);
    }

    private static void Close(MemoryMappedFile? map, MemoryMappedViewAccessor? view, byte* start)
    {
        if (start is not null)
        {
            view!.SafeMemoryMappedViewHandle.ReleasePointer();
        }
        view?.Dispose();
        map?.Dispose();
    }
}
