using System.Text;

namespace Acm.Cli.Output;

/// <summary>Drops what cannot be written, where more depends on a command than that somebody reads it.</summary>
/// <param name="to">Where to write; null: nowhere.</param>
/// <param name="drops">The failures that are passed over.</param>
internal sealed class DroppingWriter(TextWriter? to, Func<Exception, bool> drops) : TextWriter
{
    // EPIPE, of which .NET makes an IOException's code.
    private const int BrokenPipe = 32;

    public override Encoding Encoding => to?.Encoding ?? Encoding.UTF8;

    /// <summary>Whether a pipe's reader has gone.</summary>
    public static bool IsUnread(Exception e) => e is IOException { HResult: BrokenPipe };

    /// <summary>The output of a command that goes on without a reader, for an exit code or a file.</summary>
    public static DroppingWriter Unread(TextWriter output) => new(output, IsUnread);

    public override void Write(char value) => Try(() => to?.Write(value));

    public override void Write(char[] buffer, int index, int count) => Try(() => to?.Write(buffer, index, count));

    public override void Write(string? value) => Try(() => to?.Write(value));

    public override void WriteLine(string? value) => Try(() => to?.WriteLine(value));

    public override void Flush() => Try(() => to?.Flush());

    private void Try(Action write)
    {
        try
        {
            write();
        }
        catch (Exception e) when (drops(e))
        {
            // There is nowhere else to say it.
        }
    }
}
