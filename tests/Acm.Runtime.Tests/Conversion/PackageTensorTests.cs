using System.Runtime.InteropServices;
using Acm.Runtime.Conversion;
using NUnit.Framework;

namespace Acm.Runtime.Tests.Conversion;

/// <summary>What becomes of a source's types and of unusual shapes.</summary>
public class PackageTensorTests
{
    [TestCase(TensorDType.F32, new byte[] { 1, 2, 3, 4, 5, 6, 7, 8 })]
    [TestCase(TensorDType.F16, new byte[] { 1, 2, 3, 4 })]
    [TestCase(TensorDType.BF16, new byte[] { 1, 2, 3, 4 })]
    public void A_type_that_packages_hold_is_kept_with_its_bytes(TensorDType type, byte[] bytes)
    {
        PackageTensor tensor = new("new", new MadeTensor("old", [2], type, bytes));
        Assert.That((tensor.DType, tensor.ReadBytes()), Is.EqualTo((type, bytes)));
    }

    [Test]
    public void Doubles_become_floats()
    {
        double[] values = [1.1, -2.5, 3e-8, 7];
        MadeTensor source = new("old", [4, 1], TensorDType.F64, MemoryMarshal.AsBytes(values.AsSpan()).ToArray());
        PackageTensor whole = new("new", source), part = new("new", source, firstRow: 1, rows: 2);
        Assert.That((whole.DType, part.DType), Is.EqualTo((TensorDType.F32, TensorDType.F32)));
        Assert.That(MemoryMarshal.Cast<byte, float>(whole.ReadBytes()).ToArray(), Is.EqualTo(new[] { 1.1f, -2.5f, 3e-8f, 7f }));
        Assert.That(MemoryMarshal.Cast<byte, float>(part.ReadBytes()).ToArray(), Is.EqualTo(new[] { -2.5f, 3e-8f }));
    }

    [Test]
    public void A_type_of_no_weight_is_refused(
        [Values(TensorDType.I64, TensorDType.I32, TensorDType.I16, TensorDType.I8, TensorDType.U8, TensorDType.Bool)] TensorDType type)
    {
        ModelFormatException error = Assert.Throws<ModelFormatException>(() => _ = new PackageTensor("new", new MadeTensor("old", [2], type)))!;
        Assert.That((error.File, error.Tensor, error.Expected), Is.EqualTo(("made", "old", "F32, F16, BF16 or F64")));
    }

    [Test]
    public void No_rows_are_no_bytes_and_no_sizes_one_number()
    {
        Assert.That(new PackageTensor("new", new MadeTensor("old", [0, 4])).ReadBytes(), Is.Empty);
        PackageTensor scalar = new("new", new MadeTensor("old", [], TensorDType.F32, [1, 2, 3, 4]));
        Assert.That(scalar.Shape, Is.Empty);
        Assert.That(scalar.ReadBytes(), Is.EqualTo(new byte[] { 1, 2, 3, 4 }));
    }

    [TestCase(3, 0)]
    [TestCase(3)]
    [TestCase(1, 2, 3)]
    public void A_size_that_is_read_off_a_tensor_needs_as_many_as_it_has_and_none_of_zero(params int[] shape)
    {
        StateDict state = MadeTensor.State(new MadeTensor("w", [.. shape.Select(static size => (long)size)]), new MadeTensor("good", [3, 1]));
        ModelFormatException error = Assert.Throws<ModelFormatException>(() => state.Need("w", rank: 2))!;
        Assert.That((error.Tensor, error.Expected), Is.EqualTo(("w", "2 sizes of at least 1")));
        Assert.That(state.Need("good", rank: 2).Name, Is.EqualTo("good"));
    }
}
