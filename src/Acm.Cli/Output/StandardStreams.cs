using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Acm.Cli.Output;

/// <summary>Standard output and standard error as other tools treat them, put in the place of .NET's own.</summary>
internal static class StandardStreams
{
    /// <summary>A pipe whose reader has gone fails; messages that cannot be written are dropped.</summary>
    public static void Use()
    {
        Console.SetError(Messages());
        if (IsClosed(0))
            Console.SetIn(TextReader.Null);
        if (IsClosed(1))
            Console.SetOut(TextWriter.Null);
        else if (!OperatingSystem.IsWindows() && Console.IsOutputRedirected && Pipe() is { } pipe)
            Console.SetOut(new StreamWriter(new PatientStream(pipe), new UTF8Encoding(encoderShouldEmitUTF8Identifier: false)) { AutoFlush = true });
    }

    // Whether the tool was started without it. Its number then belongs to a pipe of the runtime's own, which nobody else writes into and nobody
    // reads. What a process opens itself ends with exec, as .NET opens files; what it was started with outlived one.
    private static bool IsClosed(int descriptor)
    {
        const int closeOnExec = 0x80000;
        string file = $"/proc/self/fdinfo/{descriptor}";
        return OperatingSystem.IsLinux() && File.Exists(file)
            && File.ReadLines(file).FirstOrDefault(static line => line.StartsWith("flags:", StringComparison.Ordinal)) is { } flags
            && (Convert.ToInt32(flags["flags:".Length..].Trim(), 8) & closeOnExec) != 0;
    }

    // .NET's own stream to a pipe takes everything and says nothing when nobody reads. Null for a file: FileStream writes at a position of
    // its own, over what others wrote to the same one.
    private static FileStream? Pipe()
    {
        try
        {
            FileStream stream = new(new SafeFileHandle(1, ownsHandle: false), FileAccess.Write, bufferSize: 0);
            return stream.CanSeek ? null : stream;
        }
        catch (Exception e) when (e is IOException or ArgumentException or UnauthorizedAccessException)
        {
            // Closed: .NET's own stands for it.
            return null;
        }
    }

    // Standard error, closed or full as it may be: a result is not lost because nobody hears of it.
    private static DroppingWriter Messages()
    {
        TextWriter? error = null;
        try
        {
            error = IsClosed(2) ? null : Console.Error;
        }
        catch (IOException)
        {
            // Closed before the tool started.
        }
        return new DroppingWriter(error, static e => e is IOException or UnauthorizedAccessException);
    }
}
