using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Acm.Cli.Output;

/// <summary>Standard output and standard error as other tools treat them, put in the place of .NET's own.</summary>
internal static class StandardStreams
{
    /// <summary>A pipe whose reader has gone fails; messages that cannot be written are dropped.</summary>
    public static void Use()
    {
        Console.SetError(new Droppable(closed: IsClosed(2)));
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

    /// <summary>Standard error, closed or full as it may be: a result is not lost because nobody hears of it.</summary>
    private sealed class Droppable : TextWriter
    {
        private readonly TextWriter? _error;

        public Droppable(bool closed)
        {
            try
            {
                _error = closed ? null : Console.Error;
            }
            catch (IOException)
            {
                // Closed before the tool started.
            }
        }

        public override Encoding Encoding => _error?.Encoding ?? Encoding.UTF8;

        public override void Write(char value) => Try(() => _error?.Write(value));

        public override void Write(char[] buffer, int index, int count) => Try(() => _error?.Write(buffer, index, count));

        public override void Write(string? value) => Try(() => _error?.Write(value));

        public override void WriteLine(string? value) => Try(() => _error?.WriteLine(value));

        public override void Flush() => Try(() => _error?.Flush());

        private static void Try(Action write)
        {
            try
            {
                write();
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // There is nowhere else to say it.
            }
        }
    }
}
