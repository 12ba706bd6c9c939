using System.CommandLine;
using Acm.Cli.Output;
using Acm.Runtime;
using Acm.Runtime.Configuration;

namespace Acm.Cli.Commands;

/// <summary><c>acm info</c>: what a model is, where its ACMs stand, and what a budget buys.</summary>
internal static class InfoCommand
{
    public static Command Create(TextWriter output, TextWriter error)
    {
        Argument<string> model = new("MODEL") { Description = "the model package" };
        Option<string?> plot = new("--plot") { Description = "draw the budget curve, as PNG" };
        Command command = new("info", "Describes a model: sites, shapes, cost by k, budget curve, and what a budget comes to.") { model, plot };
        CommonOptions common = new(command);
        command.SetAction(parsed =>
        {
            // Nothing is run, but what no command accepts is not accepted here.
            common.Session(parsed);
            using AcmModel loaded = AcmModel.Load(parsed.GetValue(model)!);
            AppliedBudget? asked = Asked(loaded, common.Run(parsed));
            if (parsed.GetValue(plot) is { } file)
                BudgetPlot.Draw(loaded, OutputFile.Ready("--plot", file)!);
            if (common.Json(parsed))
                WriteJson(output, loaded, asked, parsed.GetValue(plot));
            else
                Write(output, loaded, asked, parsed.GetValue(plot));
            return AcmTool.Done;
        });
        return command;
    }

    // What a run with these options would apply; null where none was given.
    private static AppliedBudget? Asked(AcmModel model, RunOptions run) => run is { Budget: null, Lambda: null, FixedLearners: null }
        ? null
        : new RoutingResolver(model.Plan, model.Budget).Resolve(run, 0, new ReadOnlyMemory<int>?[model.Sites.Count]).Applied;

    private static void Write(TextWriter output, AcmModel model, AppliedBudget? asked, string? plot)
    {
        ModelConfig config = model.Config;
        output.WriteLine($"{model.Folder}: {config.Architecture.ToString().ToLowerInvariant()}, {config.Layers} layers, width {config.HiddenSize}, {config.Heads} heads, MLP {config.IntermediateSize}{Input(config)}");
        if (model.Sites.Count == 0)
            output.WriteLine("no ACMs: every layer is dense");
        foreach (var group in model.Sites.GroupBy(static site => site.Kind))
        {
            SiteInfo first = group.First();
            output.WriteLine($"  {first.Kind,-7} x {group.Count(),-3} N = {first.Learners}, D = {first.LearnerSize}, k = {first.MinK} to {first.Learners}, {first.Activation}, {first.InputWidth} -> {first.OutputWidth}; "
                + $"MACs a token: gate {first.GateMacs}, then {string.Join(", ", Enumerable.Range(first.MinK, first.Learners + 1 - first.MinK).Select(k => $"k={k}: {k * first.MacsPerLearner}"))}");
        }
        if (model.Budget is { } budget)
        {
            string[] metrics = [.. budget.Metrics.Keys];
            output.WriteLine($"budget: lambda -> share of the learners' cost{string.Concat(metrics.Select(static name => $", {name}"))}");
            for (int i = 0; i < budget.Lambda.Count; i++)
                output.WriteLine($"  {budget.Lambda[i],6:0.##} -> {budget.Fraction[i],6:0.000}{string.Concat(metrics.Select(name => $"  {budget.Metrics[name][i]:0.####}"))}");
        }
        if (asked is { } applied)
            output.WriteLine(Report.Budget(applied));
        if (plot is not null)
            output.WriteLine($"plot: {plot}");
    }

    private static void WriteJson(TextWriter output, AcmModel model, AppliedBudget? asked, string? plot) => Report.Json(output, json =>
    {
        ModelConfig config = model.Config;
        json.WriteStartObject();
        json.WriteString("architecture", config.Architecture.ToString().ToLowerInvariant());
        json.WriteNumber("layers", config.Layers);
        json.WriteNumber("hidden_size", config.HiddenSize);
        json.WriteNumber("heads", config.Heads);
        json.WriteNumber("intermediate_size", config.IntermediateSize);
        json.WriteString("semantics", config.Semantics == AcmSemantics.PublishedCode ? "published_code" : "paper");
        json.WriteStartArray("sites");
        foreach (SiteInfo site in model.Sites)
        {
            json.WriteStartObject();
            json.WriteString("path", site.Path);
            json.WriteString("kind", site.Kind);
            json.WriteNumber("layer", site.Layer);
            json.WriteNumber("learners", site.Learners);
            json.WriteNumber("learner_size", site.LearnerSize);
            json.WriteNumber("min_k", site.MinK);
            json.WriteNumber("input_width", site.InputWidth);
            json.WriteNumber("output_width", site.OutputWidth);
            json.WriteString("activation", site.Activation);
            json.WriteNumber("gate_macs", site.GateMacs);
            json.WriteStartArray("macs_by_k");
            for (int k = 0; k <= site.Learners; k++)
                json.WriteNumberValue(k * site.MacsPerLearner);
            json.WriteEndArray();
            json.WriteEndObject();
        }
        json.WriteEndArray();
        if (model.Budget is { } budget)
        {
            json.WriteStartObject("budget");
            Array("lambda", budget.Lambda);
            Array("fraction", budget.Fraction);
            foreach (var (name, values) in budget.Metrics)
                Array(name, values);
            json.WriteEndObject();
        }
        if (asked is { } applied)
            Report.Budget(json, applied, "applied");
        if (plot is not null)
            json.WriteString("plot", plot);
        json.WriteEndObject();

        void Array(string name, IReadOnlyList<double> values)
        {
            json.WriteStartArray(name);
            foreach (double value in values)
                json.WriteNumberValue(value);
            json.WriteEndArray();
        }
    });

    private static string Input(ModelConfig config) => config switch
    {
        { Vit: { } vit } => $"; images {vit.ImageSize} x {vit.ImageSize}, patches of {vit.PatchSize}, {vit.Labels} classes",
        { Bert: { } bert } => $"; {bert.VocabSize} word pieces, up to {bert.MaxPositions} a text",
        { Wav2Vec2: { } speech } => $"; {speech.SamplingRate} Hz, {speech.VocabSize} characters",
        _ => "",
    };
}
