using Acm.Runtime.Plan;
using Acm.Testing;
using NUnit.Framework;

namespace Acm.Runtime.Tests.Sessions;

[TestFixture]
public sealed class InferenceResultTests
{
    [TestCase(1 << 30, 1, false, "4294967296 tokens.*2147483591", Description = "as an int their sum is 0")]
    [TestCase(1, 1 << 30, false, "4294967296 output rows.*2147483591")]
    [TestCase(1, 1 << 28, false, "10737418240 numbers of output.*2147483591")]
    [TestCase(1 << 24, 1, true, "6442450944 numbers of hidden states.*2147483591")]
    public void ABatchOfMoreThanAnArrayHoldsIsRefusedWithBothNumbers(int tokens, int rows, bool hidden, string message)
    {
        using AcmModel model = AcmModel.Load(SharedFolder.Data("vit-tiny"));
        InferenceResult result = new(model.Plan with
        {
            Tokens = new RowSpace("tokens", _ => tokens),
            Output = model.Plan.Output with { Rows = new RowSpace("rows", _ => rows) },
        }, hidden, routing: true, exact: false);
        ArgumentException error = Assert.Throws<ArgumentException>(() => result.Prepare([1, 1, 1, 1]))!;
        Assert.That(error.Message, Does.Match(message));
        (tokens, rows) = (2, 3);
        result.Prepare([1, 1, 1, 1]);
        result.Complete(4, default, 0, 0, 1);
        Assert.That((result.Tokens, result.Output.Length), Is.EqualTo((8, 12 * result.OutputWidth)));
    }

    [Test]
    public void AWarmUpOfMoreThanAnArrayHoldsIsRefused()
    {
        using AcmModel model = AcmModel.Load(SharedFolder.Data("vit-tiny"));
        using InferenceSession session = model.CreateSession(new SessionOptions { Backend = BackendKind.Reference, MaxBatch = 10_000_000 });
        ArgumentException error = Assert.Throws<ArgumentException>(() => session.WarmUp(10_000_000))!;
        Assert.That(error.Message, Does.Match($"10000000 .*{10_000_000L * model.Plan.InputWidth}.*2147483591"));
    }
}
