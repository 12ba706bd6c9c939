using System.CommandLine;
using System.Globalization;
using Acm.Runtime;

namespace Acm.Cli;

/// <summary>Options that mean the same in every command.</summary>
internal sealed class CommonOptions
{
    private readonly Option<string> _backend = new("--backend")
    {
        Description = "auto, cpu, cuda, simulator or reference; auto: cuda where it works, else cpu", DefaultValueFactory = _ => "auto",
    };

    private readonly Option<double?> _budget = new("--budget") { Description = "share of the learners' cost to aim at, 0 to 1", CustomParser = Number.OrNull<double> };
    private readonly Option<double?> _lambda = new("--lambda") { Description = "what a learner costs in the gates' logits; 0: as trained", CustomParser = Number.OrNull<double> };
    private readonly Option<int?> _learners = new("--learners") { Description = "the same number of learners for every token; gates skipped", CustomParser = Number.OrNull<int> };

    private readonly Option<string> _precision = new("--precision")
    {
        Description = "auto, fp32, tf32, fp16 or bf16 (the last three: CUDA and simulator)", DefaultValueFactory = _ => "auto",
    };

    private readonly Option<int> _threads = new("--threads") { Description = "CPU threads; 0: all cores", DefaultValueFactory = _ => 0, CustomParser = Number.Of<int> };
    private readonly Option<bool> _json = new("--json") { Description = "write JSON, and nothing else, to standard output" };

    /// <summary>Adds the options to a command.</summary>
    /// <param name="command">The command.</param>
    /// <param name="budget">Whether it runs a model at a budget.</param>
    public CommonOptions(Command command, bool budget = true)
    {
        command.Add(_backend);
        if (budget)
        {
            command.Add(_budget);
            command.Add(_lambda);
            command.Add(_learners);
            command.Validators.Add(result =>
            {
                int given = new Option[] { _budget, _lambda, _learners }.Count(option => result.GetResult(option) is not null);
                if (given > 1)
                    result.AddError("give only one of --budget, --lambda and --learners");
            });
        }
        command.Add(_precision);
        command.Add(_threads);
        command.Add(_json);
    }

    public bool Json(ParseResult parsed) => parsed.GetValue(_json);

    public string Backend(ParseResult parsed) => parsed.GetValue(_backend)!;

    public SessionOptions Session(ParseResult parsed, int maxBatch = 64, int maxLength = 0) => new()
    {
        Backend = parsed.GetValue(_backend)!.ToLowerInvariant() switch
        {
            "auto" => BackendKind.Auto,
            "cpu" => BackendKind.Cpu,
            "cuda" => BackendKind.Cuda,
            "simulator" => BackendKind.Simulator,
            "reference" => BackendKind.Reference,
            string other => throw new BadInputException($"--backend {other}: auto, cpu, cuda, simulator or reference"),
        },
        Precision = PrecisionOf(parsed.GetValue(_precision)!),
        Threads = parsed.GetValue(_threads) is >= 0 and int threads
            ? threads : throw new BadInputException($"--threads {parsed.GetValue(_threads)}: 0 or more"),
        MaxBatch = maxBatch,
        MaxLength = maxLength,
    };

    public static Precision PrecisionOf(string name) => name.ToLowerInvariant() switch
    {
        "auto" => Precision.Auto,
        "fp32" or "float32" or "f32" => Precision.Float32,
        "tf32" => Precision.TF32,
        "fp16" or "float16" or "f16" => Precision.Float16,
        "bf16" or "bfloat16" => Precision.BFloat16,
        _ => throw new BadInputException($"--precision {name}: auto, fp32, tf32, fp16 or bf16"),
    };

    /// <summary>90 for 90a: the letters are instructions beyond it.</summary>
    public static int CapabilityOf(string architecture)
    {
        string digits = architecture.TrimEnd('a', 'f');
        return digits.Length is 2 or 3 && architecture.Length <= digits.Length + 1 && digits.All(char.IsAsciiDigit)
            ? int.Parse(digits, CultureInfo.InvariantCulture)
            : throw new BadInputException($"--arch {architecture}: a compute capability, as 80 or 90a");
    }

    public RunOptions Run(ParseResult parsed, IReadOnlyDictionary<string, ReadOnlyMemory<int>>? forced = null) => new()
    {
        Budget = parsed.GetValue(_budget),
        Lambda = parsed.GetValue(_lambda),
        FixedLearners = parsed.GetValue(_learners),
        ForcedK = forced,
    };
}
