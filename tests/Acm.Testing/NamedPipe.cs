using System.Diagnostics;

namespace Acm.Testing;

/// <summary>A file that is a pipe: whoever opens it waits for the other end.</summary>
public static class NamedPipe
{
    public static void Make(string path)
    {
        using Process make = Process.Start("mkfifo", [path]);
        if (!make.WaitForExit(10_000) || make.ExitCode != 0)
        {
            throw new InvalidOperationException($"mkfifo {path} failed");
        }
    }
}
