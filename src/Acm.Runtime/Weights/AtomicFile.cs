namespace Acm.Runtime;

/// <summary>A file that is written whole or not at all: beside its place under a temporary name, renamed into place by <see cref="Commit"/>.</summary>
/// <remarks>A link stays, its target is written. What is no regular file is written through: a device that is replaced is gone from the machine.</remarks>
internal sealed class AtomicFile : IDisposable
{
    // Guarded by itself: the temporary files that are still to be renamed or deleted.
    private static readonly HashSet<string> s_pending = [];

    private readonly string _place;
    private readonly string? _temporary;

    /// <exception cref="IOException">Nothing can be written there.</exception>
    public AtomicFile(string path)
    {
        _place = Target(path);
        if (Through(path) is { } through)
        {
            Stream = through;
            return;
        }
        _temporary = $"{_place}.{Guid.NewGuid():N}.tmp";
        lock (s_pending)
        {
            // Deletion is shared, so that DiscardAll can delete under a writer on Windows too.
            Stream = new FileStream(_temporary, FileMode.CreateNew, FileAccess.Write, FileShare.Delete, bufferSize: 1 << 16);
            s_pending.Add(_temporary);
        }
    }

    public FileStream Stream { get; }

    public static void Write(string path, Action<Stream> write)
    {
        using AtomicFile file = new(path);
        write(file.Stream);
        file.Commit();
    }

    /// <summary>Flushes to the disk and renames into place. Called once, after the last byte.</summary>
    public void Commit()
    {
        if (_temporary is null)
        {
            Stream.Dispose();
            return;
        }
        // A file that is replaced leaves its permissions: what was private stays private.
        if (!OperatingSystem.IsWindows() && File.Exists(_place))
            File.SetUnixFileMode(Stream.SafeFileHandle, File.GetUnixFileMode(_place));
        Stream.Flush(flushToDisk: true);
        Stream.Dispose();
        lock (s_pending)
        {
            File.Move(_temporary, _place, overwrite: true);
            s_pending.Remove(_temporary);
        }
    }

    /// <summary>Without <see cref="Commit"/> before, as if nothing had been written.</summary>
    public void Dispose()
    {
        try
        {
            // Writes what is buffered, and fails where the disk is full.
            Stream.Dispose();
        }
        finally
        {
            lock (s_pending)
            {
                if (_temporary is not null && s_pending.Remove(_temporary))
                    File.Delete(_temporary);
            }
        }
    }

    /// <summary>Deletes what is half written, in a process that a signal is about to end.</summary>
    public static void DiscardAll()
    {
        // Never left again: whoever is writing waits for the end, and does not report that its file has gone.
        Monitor.Enter(s_pending);
        foreach (string temporary in s_pending)
        {
            try
            {
                File.Delete(temporary);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // One that cannot be deleted keeps none of the others.
            }
        }
    }

    /// <summary>Whether a full path is a device's, or leads to a file that is open already; shared memory is a folder like any other.</summary>
    internal static bool IsDevice(string full) =>
        (full.StartsWith("/dev/", StringComparison.Ordinal) && !full.StartsWith("/dev/shm/", StringComparison.Ordinal))
        || full.StartsWith("/proc/", StringComparison.Ordinal);

    // Its own place where it is no link. A link that leads nowhere yet has a target too.
    private static string Target(string path)
    {
        // .NET does not follow a link that is named relative to the current folder and leads nowhere yet.
        string full = Path.GetFullPath(path);
        return new FileInfo(full).LinkTarget is null ? full : File.ResolveLinkTarget(full, returnFinalTarget: true)!.FullName;
    }

    // Null for a regular file, or nothing. The path is opened as given: /proc/self/fd/1 leads to "pipe:[123]", which has no path.
    private FileStream? Through(string path)
    {
        bool device = IsDevice(Path.GetFullPath(path)) || IsDevice(_place);
        if (!device && (OperatingSystem.IsWindows() || !File.Exists(_place)))
            return null;
        FileStream existing = new(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite, bufferSize: 1 << 16);
        // No end to seek from: a pipe with a name.
        if (device || !existing.CanSeek)
            return existing;
        existing.Dispose();
        return null;
    }
}
