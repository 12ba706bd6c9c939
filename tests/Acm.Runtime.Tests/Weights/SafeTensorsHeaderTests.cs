using System.Text;
using Acm.Testing;
using NUnit.Framework;

namespace Acm.Runtime.Tests.Weights;

/// <summary>A header that contradicts itself, or the data behind it, is refused with the tensor's name and what was found.</summary>
public class SafeTensorsHeaderTests
{
    private static SafeTensorsHeader Parse(string json, long dataLength) => SafeTensorsHeader.Parse("x.safetensors", Encoding.UTF8.GetBytes(json), dataLength);

    [TestCase("""{}""", 0)]
    [TestCase("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}   """, 8)]
    [TestCase("""{"a":{"dtype":"U8","shape":[],"data_offsets":[0,1],"more":[{}]},"b":{"dtype":"I16","shape":[3],"data_offsets":[1,7]}}""", 7)]
    [TestCase("""{"b":{"dtype":"I16","shape":[3],"data_offsets":[1,7]},"__metadata__":{"a":"1","b":"2"},"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}""", 7)]
    [TestCase("""{"full":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"empty":{"dtype":"U8","shape":[0,9],"data_offsets":[0,0]}}""", 4)]
    public void A_header_that_agrees_with_its_data(string json, long dataLength) => Assert.That(() => Parse(json, dataLength), Throws.Nothing);

    [TestCase("", 0, null, "an empty header")]
    [TestCase(" {}", 0, null, "byte 0x20")]
    [TestCase("{", 0, null, "a syntax error")]
    [TestCase("{}{}", 0, null, "a syntax error")]
    [TestCase("""{"__metadata__":{},"__metadata__":{}}""", 0, "__metadata__", "two")]
    [TestCase("""{"__metadata__":{"a":"1","a":"1"}}""", 0, "__metadata__", "two")]
    [TestCase("""{"__metadata__":{"a":1}}""", 0, "__metadata__", "JSON Number")]
    [TestCase("""{"__metadata__":[]}""", 0, "__metadata__", "JSON StartArray")]
    [TestCase("""{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}""", 0, "a", "two")]
    [TestCase("""{"a":{"dtype":"U8","dtype":"U8","shape":[0],"data_offsets":[0,0]}}""", 0, "a", "two")]
    [TestCase("""{"a":{"dtype":"U8","shape":[0],"shape":[0],"data_offsets":[0,0]}}""", 0, "a", "two")]
    [TestCase("""{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0],"data_offsets":[0,0]}}""", 0, "a", "two")]
    [TestCase("""{"a":{"shape":[0],"data_offsets":[0,0]}}""", 0, "a", "none")]
    [TestCase("""{"a":{"dtype":"U8","data_offsets":[0,0]}}""", 0, "a", "none")]
    [TestCase("""{"a":{"dtype":"U8","shape":[0]}}""", 0, "a", "none")]
    [TestCase("""{"a":{"dtype":"u8","shape":[0],"data_offsets":[0,0]}}""", 0, "a", "'u8'")]
    [TestCase("""{"a":{"dtype":8,"shape":[0],"data_offsets":[0,0]}}""", 0, "a", "JSON Number")]
    [TestCase("""{"a":{"dtype":"U8","shape":[-1],"data_offsets":[0,0]}}""", 0, "a", "-1")]
    [TestCase("""{"a":{"dtype":"U8","shape":[1.0],"data_offsets":[0,1]}}""", 1, "a", "1.0")]
    [TestCase("""{"a":{"dtype":"U8","shape":[9223372036854775808],"data_offsets":[0,0]}}""", 0, "a", "9223372036854775808")]
    [TestCase("""{"a":{"dtype":"U8","shape":[4294967296,4294967296],"data_offsets":[0,0]}}""", 0, "a", "[4294967296, 4294967296]")]
    [TestCase("""{"a":{"dtype":"F32","shape":[4611686018427387904],"data_offsets":[0,0]}}""", 0, "a", "[4611686018427387904]")]
    [TestCase("""{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0,0]}}""", 0, "a", "3")]
    [TestCase("""{"a":{"dtype":"U8","shape":[0],"data_offsets":[0]}}""", 0, "a", "1")]
    [TestCase("""{"a":{"dtype":"U8","shape":[1],"data_offsets":[1,0]}}""", 1, "a", "[1, 0]")]
    [TestCase("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,7]}}""", 7, "a", "which are 7")]
    [TestCase("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,9]}}""", 9, "a", "which are 9")]
    [TestCase("""{"a":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}}""", 3, "a", "byte 1")]
    [TestCase("""{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}}""", 3, "b", "byte 1")]
    [TestCase("""{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[3,5]}}""", 5, "b", "byte 3")]
    [TestCase("""{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[2,4]}}""", 3, "b", "byte 4")]
    [TestCase("""{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}""", 3, null, "3")]
    public void A_header_that_does_not(string json, long dataLength, string? tensor, string found)
    {
        var error = Assert.Throws<ModelFormatException>(() => Parse(json, dataLength))!;
        Assert.That((error.File, error.Tensor), Is.EqualTo(("x.safetensors", tensor)));
        Assert.That(error.Found, Does.Contain(found));
    }

    [Test]
    public void Bytes_that_are_no_text() =>
        Assert.That(() => SafeTensorsHeader.Parse("x", [.. "{\"__metadata__\":{\"a\":\""u8, 0xFF, .. "\"}}"u8], 0), Throws.TypeOf<ModelFormatException>().With.Property("Found").EqualTo("invalid UTF-8"));

    [Test]
    public void A_header_longer_than_the_format_allows_is_not_read()
    {
        using TemporaryFolder folder = new();
        const long length = SafeTensorsHeader.LongestHeader + 1;
        using (FileStream file = File.Create(folder["x"]))
        {
            file.Write(BitConverter.GetBytes(length));
            file.SetLength(2 * length);
        }
        Assert.That(() => SafeTensorsFile.Open(folder["x"]), Throws.TypeOf<ModelFormatException>().With.Message.Match($"{length - 1} .*{length}$"));
    }

    [Test, Platform("Linux")]
    public void A_file_that_is_refused_is_mapped_no_longer()
    {
        using TemporaryFolder folder = new();
        File.WriteAllBytes(folder["refused"], new byte[4096]);
        Assert.Throws<ModelFormatException>(() => SafeTensorsFile.Open(folder["refused"]));
        Assert.That(File.ReadAllText("/proc/self/maps"), Does.Not.Contain(folder["refused"]));
    }
}
