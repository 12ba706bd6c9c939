using Acm.Native.Compile;
using NUnit.Framework;

namespace Acm.Native.Tests.Compile;

[TestFixture]
internal sealed class PtxVersionTests
{
    private const string Simple = "// made by a newer tcgen05 compiler\n.version 9.0\n.target sm_80\n.address_size 64\n.visible .entry k() { ret; }\n";

    [TestCase(12000, "8.0"), TestCase(12040, "8.4"), TestCase(12050, "8.5"), TestCase(12060, "8.5"), TestCase(12070, "8.6"), TestCase(12080, "8.7"), TestCase(12090, "8.8")]
    [TestCase(13000, "9.0"), TestCase(13010, "9.1")]
    public void Lowers_to_what_the_driver_takes(int driver, string expected) =>
        Assert.That(PtxVersion.Lower(Simple.Replace("9.0", "9.9"), driver), Is.EqualTo(Simple.Replace("9.0", expected)));

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

    [TestCase("cvt.rn.satfinite.e4m3x2.f32 %h, %a, %b;", 12010), TestCase("mov.b128 %q, {%a, %b};", 12030), TestCase("add.rn.f32x2 %a, %a, %b;", 12070)]
    [TestCase("tcgen05.wait::ld.sync.aligned;", 12070), TestCase("ld.global.nc.v8.f32 {%f1}, [%a];", 12090), TestCase("st.global.v4.f64 [%a], {%d1};", 12090)]
    [TestCase("ld.global.v4.u64 {%a}, [%b];", 12090), TestCase("mma.sync.aligned.m16n8k32.row.col.f32.e4m3.e4m3.f32 {%f1};", 12040)]
    public void What_is_used_is_taken_from_the_driver_on_that_brought_it(string instruction, int since)
    {
        string ptx = Simple.Replace("ret;", instruction + " ret;");
        Assert.That(PtxVersion.Lower(ptx, since), Does.Contain(instruction));
        Assert.Throws<PtxTooNewException>(() => PtxVersion.Lower(ptx, since - 10));
    }

    [TestCase("ld.global.v4.f32 {%f1}, [%a];"), TestCase("ld.global.v2.u64 {%a}, [%b];")]
    public void Vectors_of_16_bytes_are_nothing_new(string instruction) =>
        Assert.That(PtxVersion.Lower(Simple.Replace("ret;", instruction + " ret;"), 12000), Does.Contain(instruction));

    /// <summary>NVRTC 13.0 writes it into kernels for any architecture, those carried along among them; CUDA 12.0 to 12.2 refuse it.</summary>
    [Test]
    public void A_hint_that_the_driver_does_not_know_is_left_out()
    {
        const string Load = "ld.global.v4.u32 {%r1, %r2, %r3, %r4}, [%rd1];\n";
        string plain = Simple.Replace("ret;", "\n\t" + Load + "ret;"), hinted = plain.Replace("\t" + Load, "\t.pragma \"used_bytes_mask 15\";\n\t" + Load);
        Assert.That(PtxVersion.Lower(hinted, 12020), Is.EqualTo(PtxVersion.Lower(plain, 12020)));
        Assert.That(PtxVersion.Lower(hinted, 12030), Is.EqualTo(hinted.Replace("9.0", "8.3")));
    }

    [TestCase("90a", 12000), TestCase("100", 12070), TestCase("103", 12090), TestCase("110", 13000), TestCase("120", 12080), TestCase("121", 12090)]
    public void A_target_is_taken_from_the_driver_on_that_brought_it(string target, int since)
    {
        string ptx = Simple.Replace("9.0", "9.9").Replace("sm_80", "sm_" + target);
        Assert.That(PtxVersion.Lower(ptx, since), Does.Contain("sm_" + target));
        if (since > 12000)
            Assert.That(() => PtxVersion.Lower(ptx, since == 13000 ? 12090 : since - 10), Throws.TypeOf<PtxTooNewException>().With.Message.Contains("sm_" + target));
    }

    [Test]
    public void A_target_that_nobody_knows_is_refused() =>
        Assert.That(() => PtxVersion.Lower(Simple.Replace("sm_80", "sm_999"), 12060), Throws.TypeOf<PtxTooNewException>().With.Message.Contains("sm_999"));
}
