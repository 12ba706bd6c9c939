using System.CommandLine;
using System.CommandLine.Parsing;
using Acm.Cli.Commands;
using Acm.Cli.Output;
using Acm.Native;
using Acm.Native.Compile;
using Acm.Runtime;

namespace Acm.Cli;

/// <summary>The command line as a whole: its commands, and what an exception means to a caller.</summary>
internal static class AcmTool
{
    /// <summary>Exit codes, as scripts rely on them.</summary>
    public const int Done = 0, CheckFailed = 1, BadInput = 2, Unavailable = 3;

    // As sysexits.h has it: none of the answers above, so that no script takes a crash for one of them.
    private const int Defect = 70;

    /// <summary>Runs one command line.</summary>
    /// <returns>One of the exit codes.</returns>
    public static int Run(IReadOnlyList<string> args, TextWriter output, TextWriter error)
    {
        SimulatorBackend.Register();
        RootCommand root = new("Runs adaptive-computation transformers: vision, speech and text.")
        {
            ClassifyCommand.Create(output, error),
            EmbedCommand.Create(output, error),
            TranscribeCommand.Create(output, error),
            RunCommand.Create(output, error),
            ConvertCommand.Create(output, error),
            VerifyCommand.Create(output, error),
            InfoCommand.Create(output, error),
            BenchCommand.Create(output, error),
            DoctorCommand.Create(output, error),
            SimulateCommand.Create(output, error),
            KernelsCommand.Create(output, error),
        };
        ParseResult parsed = root.Parse(args);
        if (Empty(parsed.CommandResult) is { } empty)
        {
            error.WriteLine($"acm: {empty} is empty");
            return BadInput;
        }
        if (parsed.Errors.Count > 0)
        {
            string wrong = parsed.CommandResult.Command.Subcommands.Count > 0 && parsed.UnmatchedTokens is [var token, ..] ? $"there is no command '{token}'" : OneLine(Wrong(parsed.Errors[0]));
            error.WriteLine($"acm: {wrong} ({Named(parsed.CommandResult)} --help lists what there is)");
            return BadInput;
        }
        try
        {
            return parsed.Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false, Output = output, Error = error });
        }
        catch (Exception e) when (DroppingWriter.IsUnread(e))
        {
            // Whoever reads has what it wanted, as head has; a command that owes more than its output goes on without a reader.
            return Done;
        }
        catch (Exception e) when (Meaning(e) is { } code)
        {
            error.WriteLine($"acm: {OneLine(Plain(e))}");
            return code;
        }
        catch (Exception e) when (Environment.GetEnvironmentVariable("ACM_TRACE") is not "1")
        {
            error.WriteLine($"acm: a defect of acm's own, {e.GetType().Name}: {OneLine(e.Message)} (ACM_TRACE=1 shows where)");
            return Defect;
        }
    }

    // The library names a value that is none of an option's, not the option.
    private static string Wrong(ParseError error) => error.SymbolResult is OptionResult { Option.Name: var option } && !error.Message.Contains(option, StringComparison.Ordinal)
        ? $"{option}: {error.Message}" : error.Message;

    // As it is typed: acm kernels build.
    private static string Named(CommandResult command) => command.Parent is CommandResult parent ? $"{Named(parent)} {command.Command.Name}" : "acm";

    private static int? Meaning(Exception e) => e switch
    {
        BackendUnavailableException or CudaUnavailableException or PtxTooNewException or CudaException => Unavailable,
        CheckFailedException or KernelCompilationException => CheckFailed,
        ModelFormatException or AudioFormatException or BadInputException => BadInput,
        ArgumentException or IOException or UnauthorizedAccessException => BadInput,
        OperationCanceledException => CheckFailed,
        _ => null,
    };

    // Without what .NET appends to an argument's message: the name of a parameter that no user of the tool has seen.
    private static string Plain(Exception e) => e is ArgumentException { ParamName: { } parameter } ? e.Message.Replace($" (Parameter '{parameter}')", "") : e.Message;

    private static string OneLine(string message) => message.ReplaceLineEndings(" ").Replace('\t', ' ');

    // Only a text may be empty; elsewhere it is a variable that a script forgot to set.
    private static string? Empty(CommandResult command) => command.Children
        .Where(static child => child.Tokens.Any(static token => token.Value.Length == 0))
        .Select(static child => child is OptionResult option ? option.Option.Name : ((ArgumentResult)child).Argument.Name)
        .FirstOrDefault(static name => name != "TEXT");
}

/// <summary>What the user gave cannot be used: one line that says what and why.</summary>
internal sealed class BadInputException(string message) : Exception(message);

/// <summary>A check the user asked for has failed.</summary>
internal sealed class CheckFailedException(string message) : Exception(message);
