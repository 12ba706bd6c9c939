using System.IO.Compression;
using System.IO.Hashing;
using Acm.Runtime.Configuration;

namespace Acm.Runtime.Conversion.Torch;

/// <summary>The zip container <c>torch.save</c> writes: one folder with <c>data.pkl</c> and <c>data/0..</c>, entries stored uncompressed.</summary>
/// <remarks>Not safe for concurrent use.</remarks>
internal sealed class TorchArchive : IDisposable
{
    private const int LargestPickle = 8 << 20;

    // The start of the pickled magic number of torch's format before 1.6.
    private static ReadOnlySpan<byte> LegacyMagic => [0x80, 0x02, 0x8A, 0x0A, 0x6C, 0xFC, 0x9C, 0x46, 0xF9];

    private readonly ZipArchive _zip;
    private readonly Dictionary<string, ZipArchiveEntry> _entries = new(StringComparer.Ordinal);
    private readonly string _folder;
    private readonly long _fileLength;
    private (string Key, byte[] Bytes)? _lastStorage;

    private TorchArchive(string path, ZipArchive zip, long fileLength)
    {
        Path = path;
        _zip = zip;
        _fileLength = fileLength;
        foreach (var entry in zip.Entries)
        {
            if (!_entries.TryAdd(entry.FullName, entry))
            {
                throw Wrong($"one entry '{entry.FullName}'", "two");
            }
        }
        string[] pickles = [.. _entries.Keys.Where(name => name.EndsWith("/data.pkl", StringComparison.Ordinal))];
        _folder = pickles.Length == 1 ? pickles[0][..^"data.pkl".Length] : throw Wrong("one entry 'data.pkl' in a folder", $"{pickles.Length}");
        if (_entries.ContainsKey(_folder + "byteorder") && !ReadEntry("byteorder", 16).AsSpan().StartsWith("little"u8))
        {
            throw Wrong("little-endian numbers", "another byte order");
        }
    }

    /// <summary>The file, as given.</summary>
    public string Path { get; }

    /// <summary>Opens a checkpoint.</summary>
    /// <exception cref="ModelFormatException">The file cannot be read or is no such container.</exception>
    public static TorchArchive Open(string path)
    {
        FileStream? stream = null;
        try
        {
            stream = PackageFile.Open(path);
            RefuseOtherFormats(path, stream);
            return new TorchArchive(path, new ZipArchive(stream, ZipArchiveMode.Read), stream.Length);
        }
        catch (Exception e)
        {
            stream?.Dispose();
            throw Translate(path, e);
        }
    }

    /// <summary>The pickle's root value.</summary>
    public object? ReadPickle() => Unpickler.Load(Path, ReadEntry("data.pkl", LargestPickle));

    /// <summary>All bytes of a storage, which must be exactly as many as its elements take. Do not change them: they are kept for the next call.</summary>
    public byte[] ReadStorage(PickleStorage storage, string tensor)
    {
        string name = $"data/{storage.Key}";
        long length = _entries.TryGetValue(_folder + name, out var entry) ? entry.Length : throw Missing(tensor, name);
        if (length / storage.DType.Size() != storage.Count || length % storage.DType.Size() != 0)
        {
            throw new ModelFormatException(Path, tensor, $"{storage.Count} elements of {storage.DType.FormatName()} in entry '{_folder}{name}'", $"{length} bytes");
        }
        if (_lastStorage?.Key != storage.Key)
        {
            _lastStorage = (storage.Key, ReadEntry(name, Array.MaxLength));
        }
        return _lastStorage.Value.Bytes;
    }

    private byte[] ReadEntry(string name, int most)
    {
        var entry = _entries.TryGetValue(_folder + name, out var found) ? found : throw Missing(null, name);
        if (entry.CompressedLength != entry.Length)
        {
            throw Wrong($"entry '{entry.FullName}' stored uncompressed", "a compressed one");
        }
        // The directory may claim any length; one that fits into the file may be allocated.
        if (entry.Length > _fileLength)
        {
            throw Wrong($"entry '{entry.FullName}' within the file's {_fileLength} bytes", $"a length of {entry.Length}");
        }
        if (entry.Length > most)
        {
            throw Wrong($"at most {most} bytes in entry '{entry.FullName}'", $"{entry.Length}");
        }
        try
        {
            byte[] bytes = new byte[entry.Length];
            using var stream = entry.Open();
            stream.ReadExactly(bytes);
            return Crc32.HashToUInt32(bytes) == entry.Crc32 ? bytes : throw Wrong($"entry '{entry.FullName}' with CRC-32 {entry.Crc32:X8}", $"{Crc32.HashToUInt32(bytes):X8}");
        }
        catch (Exception e)
        {
            throw Translate(Path, e);
        }
    }

    private static void RefuseOtherFormats(string path, FileStream stream)
    {
        Span<byte> start = stackalloc byte[LegacyMagic.Length];
        int length = stream.ReadAtLeast(start, start.Length, throwOnEndOfStream: false);
        if (start.SequenceEqual(LegacyMagic))
        {
            throw new ModelFormatException(path, null, "a zip, as torch 1.6 and later write", "torch's legacy format; load and save it again with a newer torch");
        }
        if (length < 4 || !start.StartsWith("PK\u0003\u0004"u8))
        {
            throw new ModelFormatException(path, null, "a zip written by torch.save", length == 0 ? "an empty file" : "a file that does not begin as one");
        }
        stream.Position = 0;
    }

    // ZipArchive reports what it meets with several exceptions; all of them mean that the file is wrong.
    private static Exception Translate(string path, Exception e) => e switch
    {
        InvalidDataException or IOException or UnauthorizedAccessException or NotSupportedException or ArgumentException or OverflowException =>
            new ModelFormatException(path, null, "a readable zip written by torch.save", e.Message, e),
        _ => e,
    };

    private ModelFormatException Missing(string? tensor, string name) => new(Path, tensor, $"entry '{_folder}{name}'", "none");

    private ModelFormatException Wrong(string expected, string found) => new(Path, null, expected, found);

    /// <summary>Closes the file.</summary>
    public void Dispose() => _zip.Dispose();
}
