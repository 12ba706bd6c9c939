using Acm.Native.Compile;
using NUnit.Framework;

namespace Acm.Native.Tests.Compile;

[TestFixture]
internal sealed class PtxVersionTests
{
    private const string Simple = "// made by a newer tcgen05 compiler\n.version 9.0\n.target sm_80\n.address_size 64\n.visible .entry k() { ret; }\n";

    [TestCase(12000, "8.0"), TestCase(12060, "8.5"), TestCase(12080, "8.7"), TestCase(13000, "9.0")]
    public void Lowers_to_what_the_driver_takes(int driver, string expected) =>
        Assert.That(PtxVersion.Lower(Simple, driver), Is.EqualTo(Simple.Replace("9.0", expected)));

    [Test]
    public void An_older_text_stays_as_it_is()
    {
        string old = Simple.Replace("9.0", "7.1");
        Assert.That(PtxVersion.Lower(old, 12000), Is.SameAs(old));
    }

    [TestCase("add.rn.f32x2 %rd1, %rd2, %rd3;", "f32x2", "8.6"), TestCase("mma.sync.aligned.m16n8k32.row.col.f32.e4m3.e4m3.f32 {%f1};", "e4m3", "8.4")]
    public void What_the_driver_does_not_know_is_named_with_both_versions(string instruction, string what, string since)
    {
        PtxTooNewException e = Assert.Throws<PtxTooNewException>(() => PtxVersion.Lower(Simple.Replace("ret;", instruction + " ret;"), 12020))!;
        Assert.That((e.Has, e.DriverTakes), Is.EqualTo((new Version(9, 0), new Version(8, 2))));
        Assert.That(e.Message, Does.Contain(what).And.Contain(since).And.Contain("12.2"));
    }

    [Test]
    public void A_target_the_driver_does_not_know_is_refused() =>
        Assert.That(() => PtxVersion.Lower(Simple.Replace("sm_80", "sm_120"), 12060), Throws.TypeOf<PtxTooNewException>().With.Message.Contains("sm_120"));
}
