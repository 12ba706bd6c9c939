using Acm.Runtime.Configuration;
using Acm.Runtime.Models;
using Acm.Runtime.Plan;

namespace Acm.Runtime;

/// <summary>A model package, checked and mapped: load once, make any number of sessions from any thread.</summary>
/// <remarks>Sessions copy the weights they need; they live on when the model is disposed.</remarks>
public sealed class AcmModel : IDisposable
{
    private readonly SafeTensorsFile _file;
    private readonly Lock _mapped = new();
    private bool _disposed;

    private AcmModel(string folder, ModelConfig config, SafeTensorsFile file, ForwardPlan plan)
    {
        Folder = folder;
        Config = config;
        Plan = plan;
        _file = file;
        Sites = [.. plan.Sites.Select(SiteInfo.Of)];
    }

    /// <summary>Reads a package: a folder with <c>config.json</c> and <c>model.safetensors</c>.</summary>
    /// <param name="folder">The package.</param>
    /// <param name="options">How to read it; null: the defaults.</param>
    /// <exception cref="ModelFormatException">A file is missing, malformed, or does not agree with the others; nothing stays open.</exception>
    public static AcmModel Load(string folder, ModelLoadOptions? options = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        if (File.Exists(folder))
        {
            throw new ModelFormatException(folder, null, "a package's folder", "a file");
        }
        options ??= new ModelLoadOptions();
        var config = ModelConfig.Load(folder);
        var file = SafeTensorsFile.Open(System.IO.Path.Combine(folder, "model.safetensors"));
        try
        {
            var plan = ModelPlan.Build(config, file, options.AllowNonFinite);
            return new AcmModel(
                folder, config, file,
                options.Semantics is { } semantics ? plan with { PublishedCode = semantics == AcmSemantics.PublishedCode } : plan);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>The package's folder, as given.</summary>
    public string Folder { get; }

    /// <summary>What kind of transformer it is, and with that what a session takes: pixels, word pieces or samples.</summary>
    public Architecture Architecture => Config.Architecture;

    /// <summary>The ACMs, in the order the forward meets them; their index here is their index in a result.</summary>
    public IReadOnlyList<SiteInfo> Sites { get; }

    /// <summary>Names of the classes, word pieces or characters by id; null where the package has none.</summary>
    public IReadOnlyList<string>? Labels => Config.Entries;

    /// <summary>The calibration of the run-time budget; null where the package has none.</summary>
    public BudgetCurve? Budget => Config.Budget;

    internal ModelConfig Config { get; }

    internal ForwardPlan Plan { get; }

    /// <summary>Makes a session: the weights packed for one kind of machine, and room for runs.</summary>
    /// <param name="options">Where and how it runs; null: the defaults.</param>
    /// <exception cref="BackendUnavailableException">The backend asked for cannot run here.</exception>
    public InferenceSession CreateSession(SessionOptions? options = null)
    {
        options ??= new SessionOptions();
        options.Check();
        // Nobody may unmap the weights while a backend copies them.
        lock (_mapped)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            return new InferenceSession(Config, Plan, options);
        }
    }

    /// <summary>Unmaps the weights.</summary>
    public void Dispose()
    {
        lock (_mapped)
        {
            _disposed = true;
            _file.Dispose();
        }
    }
}
