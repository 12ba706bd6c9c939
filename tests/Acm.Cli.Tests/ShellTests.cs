using System.Diagnostics;
using Acm.Testing;
using NUnit.Framework;

namespace Acm.Cli.Tests;

/// <summary>What a shell can do to the tool: pipes, streams that are closed or full, signals.</summary>
[Platform(Exclude = "Win")]
public class ShellTests
{
    private const int Patience = 60_000;

    private static Process Open(string program, params IReadOnlyList<string> arguments) => Process.Start(new ProcessStartInfo(program, arguments)
    {
        RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true,
    })!;

    /// <summary>Runs a script in which "$@" is the tool with its arguments; all that it started ends with it, or when patience does.</summary>
    private static (int Code, string Output, string Error) Shell(string script, params string[] arguments)
    {
        using Process shell = Open("sh", ["-c", script, "sh", "dotnet", Path.Combine(AppContext.BaseDirectory, "acm.dll"), .. arguments]);
        shell.StandardInput.Close();
        Task<string> output = shell.StandardOutput.ReadToEndAsync(), error = shell.StandardError.ReadToEndAsync();
        bool ended = Task.WhenAll(output, error, shell.WaitForExitAsync()).Wait(Patience);
        if (!ended)
            shell.Kill(entireProcessTree: true);
        Assert.That(ended, $"still at it: {script}");
        return (shell.ExitCode, output.Result, error.Result);
    }

    private static string Pipe(TemporaryFolder folder, string name)
    {
        NamedPipe.Make(folder[name]);
        return folder[name];
    }

    [Test]
    public void Messages_that_cannot_be_written_are_dropped([Values("2>&-", "2>/dev/full")] string redirection)
    {
        if (redirection.Contains("full") && !File.Exists("/dev/full"))
            Assert.Ignore("no such device here");
        using TemporaryFolder folder = new();
        string model = Tool.TextModel(folder);
        Assert.That(Shell($"\"$@\" {redirection}", "embed", model, "one"), Is.EqualTo((0, Tool.Run("embed", model, "one").Output, "")));
        Assert.That(Shell($"\"$@\" {redirection}", "embed", folder["absent"], "one"), Is.EqualTo((2, "", "")));
    }

    // Their numbers are then the runtime's own pipes: what is written there is lost, and what is waited for there never comes.
    [Test, Platform("Linux")]
    public void Output_that_is_closed_is_as_none_and_the_answer_stays_its_exit_code([Values(">&-", "<&- >&-", ">&- 2>&-")] string redirection)
    {
        using TemporaryFolder folder = new();
        string model = Tool.TextModel(folder);
        Assert.That(Shell($"\"$@\" {redirection}", "info", model), Is.EqualTo((0, "", "")));
        Assert.That(Shell($"\"$@\" {redirection}", "info", folder["absent"]).Code, Is.EqualTo(2));
    }

    [Test, Platform("Linux")]
    public void Input_that_is_closed_has_no_text()
    {
        using TemporaryFolder folder = new();
        var (code, output, error) = Shell("\"$@\" <&-", "embed", Tool.TextModel(folder));
        Assert.That((code, output), Is.EqualTo((2, "")));
        Assert.That(error, Does.StartWith("acm: no text given"));
    }

    [Test]
    public void A_picture_that_cannot_be_written_is_one_line([Values("classify", "embed", "info")] string command)
    {
        if (!File.Exists("/dev/full"))
            Assert.Ignore("no such device here");
        using TemporaryFolder folder = new();
        string[] arguments = command switch
        {
            "classify" => [command, Tool.Model, Tool.Pictures[0], "--map"],
            "embed" => [command, Tool.TextModel(folder), "one", "--map"],
            _ => [command, Tool.Model, "--plot"],
        };
        var (code, _, error) = Shell("\"$@\"", [.. arguments, "/dev/full"]);
        Assert.That((code, error.Count(static c => c == '\n')), Is.EqualTo((2, 1)), error);
        Assert.That(Shell("{ \"$@\"; echo \"code $?\" >&2; } | true", [.. arguments, "/dev/stdout"]).Error, Does.EndWith("code 0\n").And.Not.Contain("   at "));
    }

    [Test]
    public void Without_a_compiler_kernels_are_exit_code_3()
    {
        using TemporaryFolder folder = new();
        var (code, output, error) = Shell("ACM_NVRTC=/absent ACM_CLANG=/absent \"$@\"", "kernels", "build", SharedFolder.Data("kernels", "gemm.cu"), "--output", folder.Path);
        Assert.That((code, output), Is.EqualTo((3, "")));
        Assert.That(error, Does.Contain("no compiler was found").And.Contain("ACM_NVRTC"));
    }

    [Test]
    public void When_the_reader_goes_the_tool_ends_quietly()
    {
        using TemporaryFolder folder = new();
        var (_, output, error) = Shell("yes one 2>/dev/null | { \"$@\"; echo \"code $?\" >&2; } | head -c 20", "embed", Tool.TextModel(folder));
        Assert.That((output.Length, error), Is.EqualTo((20, "code 0\n")));
    }

    // A reader that is gone before the first line, one that goes after it.
    [Test]
    public void A_check_s_answer_stays_its_exit_code_when_the_reader_goes([Values("true", "head -n 1 >/dev/null")] string reader)
    {
        using TemporaryFolder small = new(), wrong = new(), cases = new();
        SimulateCommandTests.WrongCase(cases);
        string package = Tool.WrongGates(small, wrong);
        Assert.That(Code("verify", package, "--backend", "cpu"), Is.EqualTo(1));
        Assert.That(Code("verify", package, "--backend", "cpu", "--json"), Is.EqualTo(1));
        Assert.That(Code("verify", SharedFolder.Data("bert-tiny"), "--backend", "cpu"), Is.Zero);
        Assert.That(Code("simulate", cases.Path), Is.EqualTo(1));
        Assert.That(Code("simulate", cases.Path, "--json", "-"), Is.EqualTo(1));
        Assert.That(Code("doctor", "--backend", "cuda"), Is.EqualTo(3));
        Assert.That(Code("info", cases["absent"]), Is.EqualTo(2));

        int Code(params string[] arguments)
        {
            string said = Shell($"{{ ACM_CUDA_DRIVER=/absent \"$@\" 2>/dev/null; echo $? >&2; }} | {reader}", arguments).Error;
            return int.Parse(said, System.Globalization.CultureInfo.InvariantCulture);
        }
    }

    [Test]
    public void A_file_that_was_asked_for_is_there_when_the_reader_has_gone()
    {
        using TemporaryFolder folder = new();
        if (SharedFolder.Root is { } shared && Path.Combine(shared, "models", "wav2vec2-words") is var speech && Directory.Exists(speech))
            Unread("transcribe", speech, Directory.GetFiles(speech, "*.wav")[0], "--map", folder["timeline.png"]);
        string text = Tool.TextModel(folder);
        File.WriteAllLines(folder["lines"], Enumerable.Repeat("one two", 200));
        Unread("embed", text, "--file", folder["lines"], "--map", folder["words.png"]);
        Unread("classify", Tool.Model, Tool.Pictures[0], "--map", folder["letters.png"]);
        Unread("info", Tool.Model, "--plot", folder["budget.png"]);
        Unread("simulate", SharedFolder.Data("ptx"), "--case", "cu_brx_idx", "--json", folder["results.json"]);

        void Unread(params string[] arguments)
        {
            var (_, _, error) = Shell("{ \"$@\" 2>/dev/null; echo $? >&2; } | true", arguments);
            Assert.That((error, File.Exists(arguments[^1])), Is.EqualTo(("0\n", true)), arguments[0]);
        }
    }

    [Test]
    public void Through_a_pipe_and_after_others_in_a_file_output_is_whole()
    {
        using TemporaryFolder folder = new();
        string model = Tool.TextModel(folder), both = folder["both"];
        File.WriteAllLines(folder["lines"], Enumerable.Repeat("one two", 500));
        string once = Tool.Run("embed", model, "--file", folder["lines"]).Output;
        Assert.That(Shell("\"$@\"", "embed", model, "--file", folder["lines"]).Output, Is.EqualTo(once));
        Shell($"(\"$@\"; \"$@\") > '{both}'", "embed", model, "--file", folder["lines"]);
        Assert.That(File.ReadAllText(both), Is.EqualTo(once + once));
    }

    [Test]
    public void A_file_can_be_read_and_replaced_by_its_vectors()
    {
        using TemporaryFolder folder = new();
        string model = Tool.TextModel(folder), file = folder["file"];
        File.WriteAllLines(file, Enumerable.Repeat("one two", 1000));
        string vectors = Tool.Run("embed", model, "--file", file).Output;
        Assert.That(Shell("\"$@\"", "embed", model, "--file", file, "--output", file).Code, Is.Zero);
        Assert.That(File.ReadAllText(file), Is.EqualTo(vectors));
    }

    [Test]
    public void A_pipe_with_a_name_takes_text_but_no_npy()
    {
        using TemporaryFolder folder = new();
        string model = Tool.TextModel(folder), text = Pipe(folder, "text"), npy = Pipe(folder, "v.npy");
        var (code, output, error) = Shell($"cat '{text}' & \"$@\"; code=$?; wait; exit $code", "embed", model, "one", "--output", text);
        Assert.That((code, output), Is.EqualTo((0, Tool.Run("embed", model, "one").Output)), error);
        (code, output, error) = Shell($"cat '{npy}' & \"$@\"; code=$?; wait; exit $code", "embed", model, "one", "--output", npy);
        Assert.That((code, output), Is.EqualTo((2, "")), error);
        Assert.That(error, Is.EqualTo($"acm: --output {npy}: a .npy file needs its count at the beginning, so the output must be a file\n"));
    }

    // SIGINT is handled alike, but ignored by what runs in the background, as a test may.
    [Test]
    public void A_signal_leaves_no_half_file()
    {
        using TemporaryFolder folder = new();
        string model = Tool.TextModel(folder), to = Directory.CreateDirectory(folder["to"]).FullName;
        using Process tool = Open("dotnet", Path.Combine(AppContext.BaseDirectory, "acm.dll"), "embed", model, "--output", Path.Combine(to, "v.npy"));
        try
        {
            Task<string> error = tool.StandardError.ReadToEndAsync();
            tool.StandardInput.Write(string.Concat(Enumerable.Repeat("one\n", 200)));
            tool.StandardInput.Flush();
            Assert.That(SpinWait.SpinUntil(() => Directory.GetFiles(to).Length > 0, Patience), "nothing was written");
            using Process kill = Process.Start("kill", ["-TERM", $"{tool.Id}"]);
            Assert.That(tool.WaitForExit(Patience), "the signal was not heard");
            Assert.That((Directory.GetFiles(to), error.Result), Is.EqualTo((Array.Empty<string>(), "")));
        }
        finally
        {
            tool.Kill();
        }
    }
}
