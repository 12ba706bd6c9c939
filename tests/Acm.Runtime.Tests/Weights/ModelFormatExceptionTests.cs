using NUnit.Framework;

namespace Acm.Runtime.Tests.Weights;

/// <summary>Names come from files and may hold anything: a refusal is one line that a terminal can print.</summary>
public class ModelFormatExceptionTests
{
    [TestCase("a\u001B[2Jb\n\tc\u0085", "a?[2Jb??c?")]
    [TestCase("a\u2028b\u2029c", "a?b?c")]
    [TestCase("äöü é 中", "äöü é 中")]
    public void What_is_no_character_of_a_line_is_a_question_mark(string name, string shown)
    {
        ModelFormatException error = new(name, name, name, name);
        Assert.That(error.Message, Is.EqualTo($"{shown}: {shown}: expected {shown}, found {shown}"));
        Assert.That((error.File, error.Tensor, error.Expected, error.Found), Is.EqualTo((name, name, name, name)), "kept as they are");
    }

    [Test]
    public void So_is_half_of_a_surrogate_pair() =>
        Assert.That(new ModelFormatException("half \uD800 of one", null, "", "").Message, Does.StartWith("half ? of one: "));

    [Test]
    public void Each_part_is_cut_at_300_characters()
    {
        string just = new('x', 300), longer = just + "y";
        Assert.That(new ModelFormatException("f", null, just, longer).Message, Is.EqualTo($"f: expected {just}, found {just}..."));
    }
}
