using Spectre.Console;

namespace Acm.Cli.Output;

/// <summary>Says on a terminal how far long work is; silent where the error output goes elsewhere.</summary>
internal static class LongWork
{
    /// <summary>Makes <paramref name="count"/> things in order.</summary>
    public static T[] Each<T>(TextWriter error, string what, int count, Func<int, T> make)
    {
        T[] made = new T[count];
        void Work(Action<int>? say)
        {
            for (int i = 0; i < count; i++)
            {
                say?.Invoke(i);
                made[i] = make(i);
            }
        }
        if (Console.IsErrorRedirected || count < 2)
            Work(null);
        else
            Terminal(error).Status().Start(what, status => Work(i => status.Status($"{what} {i + 1} of {count}")));
        return made;
    }

    /// <summary>Makes things of which nobody knows yet how many there will be.</summary>
    public static List<T> All<T>(TextWriter error, string what, IEnumerable<T> things)
    {
        if (Console.IsErrorRedirected)
            return [.. things];
        List<T> made = [];
        Terminal(error).Status().Start(what, status =>
        {
            foreach (T thing in things)
            {
                made.Add(thing);
                status.Status($"{what}, {made.Count} done");
            }
        });
        return made;
    }

    public static IAnsiConsole Terminal(TextWriter error) => AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(error) });
}
