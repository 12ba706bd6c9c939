using NUnit.Framework;
using Acm.Simulator.Parser;
using Acm.Testing;

namespace Acm.Simulator.Tests.Parser;

/// <summary>Mutated kernels are loaded, or refused with a line and a reason; nothing else happens.</summary>
[TestFixture]
public sealed class PtxFuzzTests
{
    private static readonly string[] s_pieces =
    [
        ";", "{", "}", "[", "]", ",", "%r1", "%rd1", ".f32", ".b64", "@%p1", "-", "0x", "9999999999999999999999", "0f3F80", "mma.sync", "bra", "$L__BB0_1",
        "ld.global", ".reg .b32 %r<99999999>;", ".shared .b8 x[99999999];", "call", "(", ")", "|", "!", ":", "\"", "/*", ".v4", "ret;", ".loc 1 1 1", ".u8",
    ];

    [Test]
    public void Mutated_kernels_are_parsed_or_refused([Range(1, 4)] int seed)
    {
        List<string> texts = [];
        foreach (string folder in new[] { SharedFolder.Data("ptx"), Path.Combine(SharedFolder.Root ?? "", "conformance") })
        {
            if (Directory.Exists(folder))
                texts.AddRange(Directory.EnumerateFiles(folder, "*.ptx").Order(StringComparer.Ordinal).Select(File.ReadAllText).Where(t => t.Length < 8000));
        }

        Assert.That(texts, Is.Not.Empty);
        Random random = new(seed);
        using SimulatedDevice device = new();
        int loaded = 0, refused = 0;
        for (int round = 0; round < 400; round++)
        {
            string text = Mutate(texts[random.Next(texts.Count)], random);
            try
            {
                device.Load(text).Dispose();
                loaded++;
            }
            catch (PtxException e)
            {
                refused++;
                Assert.That(e.Reason, Is.Not.Empty, text);
                Assert.That(e.Line, Is.GreaterThanOrEqualTo(0).And.LessThanOrEqualTo(text.Count(c => c == '\n') + 1), text);
            }
            catch (Exception e)
            {
                Assert.Fail($"{e}\n{text}");
            }
        }

        Assert.That(loaded, Is.Positive);
        Assert.That(refused, Is.Positive);
    }

    private static string Mutate(string text, Random random)
    {
        for (int i = random.Next(1, 4); i > 0 && text.Length > 10; i--)
        {
            int at = random.Next(text.Length), length = Math.Min(random.Next(1, 30), text.Length - at);
            string piece = s_pieces[random.Next(s_pieces.Length)];
            text = random.Next(6) switch
            {
                0 => text.Remove(at, length),
                1 => text.Insert(at, piece),
                2 => text.Remove(at, length).Insert(at, piece),
                3 => text.Insert(at, text.Substring(random.Next(text.Length - length), length)),
                4 => text[..at] + (char)random.Next(32, 127) + text[(at + 1)..],
                _ => text[..at],
            };
        }

        return text;
    }
}
