using Acm.Runtime.Backends.Cpu;
using Acm.Runtime.Plan;
using Acm.Testing;
using NUnit.Framework;

namespace Acm.Runtime.Tests.Models;

/// <summary>What of a plan its output needs.</summary>
public class OutputRowsTests
{
    [Test]
    public void OfADenseLastLayerOnlyKeysAndValuesKeepTheirTokens() => Check(SharedFolder.Data("vit-tiny"),
        "normed = LayerNorm", "normed, first rows = SelectFirst of normed", "q, first rows = Linear", "k = Linear", "v = Linear", "attended, first rows = Attention over q, first rows and k",
        "stream, first rows = SelectFirst of stream", "stream, first rows = Linear", "normed, first rows = LayerNorm", "units, first rows = Linear", "stream, first rows = Linear",
        "class token = SelectFirst of stream, first rows", "class token, normed = LayerNorm", "logits = Linear");

    [Test]
    public void GatesOfOneInputPartWhereTheirRowsDo() => Check(Path.Combine(SharedFolder.Repo, "models", "vit-chars"),
        "normed = LayerNorm", "Route at normed: k.k_proj, k.v_proj", "normed, first rows = SelectFirst of normed", "Route at normed, first rows: k.q_proj, first rows",
        "q, first rows = AcmLayer by k.q_proj, first rows", "k = AcmLayer by k.k_proj", "v = AcmLayer by k.v_proj", "attended, first rows = Attention over q, first rows and k",
        "Route at attended, first rows: k.o_proj, first rows", "stream, first rows = SelectFirst of stream", "stream, first rows = AcmLayer by k.o_proj, first rows",
        "normed, first rows = LayerNorm", "Route at normed, first rows: k.mlp, first rows", "stream, first rows = AcmLayer by k.mlp, first rows",
        "class token = SelectFirst of stream, first rows", "class token, normed = LayerNorm", "logits = Linear");

    [Test]
    public void WhereEveryRowIsReadNothingChanges([Values("bert-tiny", "wav2vec2-tiny-layer-stable-bias")] string package)
    {
        using var model = AcmModel.Load(SharedFolder.Data(package));
        Assert.That(OutputRows.Of(model.Plan), Is.Null);
    }

    [Test]
    public void ThePublishedCodesRowsDependOnTheirBatchAndStay()
    {
        using var model = AcmModel.Load(Path.Combine(SharedFolder.Repo, "models", "vit-chars"));
        Assert.That(OutputRows.Of(model.Plan with { PublishedCode = true }), Is.Null);
    }

    [Test]
    public void AModelThatEndsAtItsEmbeddingsHasNothingToLeaveOut()
    {
        using var model = AcmModel.Load(SharedFolder.Data("vit-tiny"));
        var (stream, token) = (((PatchEmbed)model.Plan.Ops[0]).Out, new Acm.Runtime.Plan.Buffer("token", RowSpace.Sequence, 32));
        Assert.That(OutputRows.Of(model.Plan with { Ops = [model.Plan.Ops[0], new SelectFirst(stream, token)], Output = token }), Is.Null);
    }

    [FsCheck.NUnit.Property(MaxTest = 100)]
    public void OfAnyVisionModelOnlyTheLastLayerChanges(int seed)
    {
        using TemporaryFolder folder = new();
        RandomPackage.Write(folder.Path, seed, Architecture.Vit);
        using var model = AcmModel.Load(folder.Path);
        ForwardPlan less = OutputRows.Of(model.Plan)!;
        Op[] before = [.. model.Plan.Ops.TakeWhile(op => op is not Tap { Index: var layer } || layer < model.Plan.HiddenCount - 2).Where(static op => op is not Tap)];
        Assert.That(less.Ops.Take(before.Length), Is.EqualTo(before).Using<Op>(ReferenceEquals));
        Assert.That(OpWeights.Of(less), Is.EquivalentTo(OpWeights.Of(model.Plan)), "weights");
        Assert.That(less.Ops.OfType<Route>().SelectMany(static op => op.Gates).Select(static gate => gate.Site.Path), Is.EquivalentTo(model.Plan.Sites.Select(static site => site.Path)), "gates");
        Assert.That(less.Ops.OfType<Tap>(), Is.Empty);
        Op[] last = [.. less.Ops.Skip(before.Length)];
        Assert.That(last.OfType<Linear>().Count(static op => op.Out.Rows != RowSpace.Sequence) + last.OfType<AcmLayer>().Count(static op => op.Out.Rows != RowSpace.Sequence),
            Is.EqualTo(2), "products over all tokens: k and v");
    }

    [Test]
    public void NoWeightIsKeptTwice([Values("vit-tiny", "vit-chars", "vit-chars-dense")] string package)
    {
        string folder = package switch
        {
            "vit-tiny" => SharedFolder.Data(package),
            "vit-chars" => Path.Combine(SharedFolder.Repo, "models", package),
            _ => SharedFolder.Need("models", package),
        };
        using var model = AcmModel.Load(folder);
        using CpuBackend both = new(model.Plan, 1), one = new(model.Plan with { PublishedCode = true }, 1);
        Assert.That(both.OutputSteps, Is.Not.SameAs(both.Steps));
        Assert.That(one.OutputSteps, Is.SameAs(one.Steps));
        // Gates that fold lie side by side with those of the same rows, which are others now: 16 columns and a bias for each of four groups.
        long gates = model.Plan.Sites.Count == 0 ? 0 : 4L * 16 * (model.Plan.Sites[0].InputWidth + 1) * sizeof(float);
        Assert.That(both.WeightBytes - one.WeightBytes, Is.EqualTo(gates));
        Assert.That(one.WeightBytes, Is.GreaterThan(OpWeights.Of(model.Plan).Where(static weight => weight.Shape.Count == 2 && weight.Shape[0] > 16).Sum(static weight => 4L * weight.Count)));
    }

    private static void Check(string folder, params string[] last)
    {
        using var model = AcmModel.Load(folder);
        ForwardPlan less = OutputRows.Of(model.Plan)!;
        Assert.That(less.Ops.TakeLast(last.Length).Select(Describe), Is.EqualTo(last));
        int before = model.Plan.Ops.ToList().FindIndex(op => op is Tap { Index: var layer } && layer == model.Plan.HiddenCount - 2);
        Assert.That(less.Ops.SkipLast(last.Length), Is.EqualTo(model.Plan.Ops.Take(before).Where(static op => op is not Tap)).Using<Op>(ReferenceEquals), "what comes before");
        Assert.That((less.Output, less.Sites, less.HiddenCount), Is.EqualTo((model.Plan.Output, model.Plan.Sites, 0)));
    }

    private static string Describe(Op op) => op switch
    {
        LayerNorm o => $"{Named(o.Out)} = LayerNorm",
        Linear o => $"{Named(o.Out)} = Linear",
        Attention o => $"{Named(o.Out)} = Attention over {Named(o.Q)} and {Named(o.K)}",
        SelectFirst o => $"{Named(o.Out)} = SelectFirst of {Named(o.In)}",
        Route o => $"Route at {Named(o.In)}: {string.Join(", ", o.Gates.Select(static gate => gate.K.Name))}",
        AcmLayer o => $"{Named(o.Out)} = AcmLayer by {o.K.Name}",
        _ => op.GetType().Name,
    };

    // A name says "first rows" or stands for the model's end exactly where there is one row a sequence.
    private static string Named(Acm.Runtime.Plan.Buffer buffer)
    {
        bool one = buffer.Name.EndsWith("first rows", StringComparison.Ordinal) || buffer.Name is "class token" or "class token, normed" or "logits";
        Assert.That(buffer.Rows == RowSpace.Sequence, Is.EqualTo(one), buffer.Name);
        return buffer.Name;
    }
}
