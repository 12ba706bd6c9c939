using Acm.Runtime.Backends.Cuda;
using Acm.Runtime.Plan;
using NUnit.Framework;

namespace Acm.Runtime.Tests.Cuda;

/// <summary>A shape's rows are room enough for every batch of that shape, and of every batch in its bucket.</summary>
public class RunShapeTests
{
    [FsCheck.NUnit.Property(MaxTest = 500)]
    public void Convolutions_never_give_more_rows_than_the_shape_has(int seed)
    {
        Random random = new(seed);
        List<(int Kernel, int Stride)> convolutions = [.. Enumerable.Range(0, random.Next(0, 5)).Select(_ => (random.Next(1, 7), random.Next(1, 7)))];
        RowSpace space = new("frames", length => convolutions.Aggregate(length, static (rows, conv) => rows < conv.Kernel ? 0 : (rows - conv.Kernel) / conv.Stride + 1));
        int[] lengths = [.. Enumerable.Range(0, random.Next(1, 9)).Select(_ => random.Next(1, 300))];
        RunShape shape = RunShape.Of(lengths), most = new(16, 4096, 4096), bucket = shape.Bucket(most);
        int rows = lengths.Sum(space.RowsOf);
        Assert.That(shape.Rows(space), Is.GreaterThanOrEqualTo(rows));
        Assert.That(shape.LongestRows(space), Is.EqualTo(lengths.Max(space.RowsOf)));
        Assert.That(bucket.Rows(space), Is.GreaterThanOrEqualTo(shape.Rows(space)).And.LessThanOrEqualTo(most.Rows(space)));
        Assert.That(bucket.LongestRows(space), Is.GreaterThanOrEqualTo(shape.LongestRows(space)));
        // No more than what rounding the lengths and one row a sequence explain.
        Assert.That(shape.Rows(space), Is.LessThanOrEqualTo(space.RowsOf(lengths.Sum()) + 2 * lengths.Length + convolutions.Sum(static conv => conv.Kernel)));
    }

    [Test]
    public void Text_has_a_row_a_piece_and_images_their_own_number()
    {
        RunShape shape = RunShape.Of([3, 5, 1]);
        Assert.That(shape, Is.EqualTo(new RunShape(3, 9, 5)));
        Assert.That(shape.Rows(new RowSpace("pieces", static length => length)), Is.EqualTo(9));
        Assert.That(shape.Rows(RowSpace.Sequence), Is.EqualTo(3));
        Assert.That(RunShape.Of([1, 1]).Rows(new RowSpace("patches", static _ => 197)), Is.EqualTo(394));
    }

    [TestCase(3, 9, 5, 4, 16, 8)]
    [TestCase(4, 16, 8, 4, 16, 8)]
    [TestCase(5, 17, 9, 6, 20, 16)]
    [TestCase(1, 1, 1, 1, 1, 1)]
    public void A_bucket_is_a_power_of_two_no_larger_than_the_workspace(int sequences, int length, int longest, int toSequences, int toLength, int toLongest) =>
        Assert.That(new RunShape(sequences, length, longest).Bucket(new RunShape(6, 20, 20)), Is.EqualTo(new RunShape(toSequences, toLength, toLongest)));
}
