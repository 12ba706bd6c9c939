using System.Text.Json;
using Acm.Runtime;
using Acm.Testing;
using NUnit.Framework;

namespace Acm.Cli.Tests;

/// <summary>Text and speech through the tool on the simulated device, beside Reference.</summary>
public class SimulatedDeviceTests
{
    private string _folder = "";

    [SetUp]
    public void MakeFolder() => _folder = Directory.CreateTempSubdirectory("acm-simulated").FullName;

    [TearDown]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    private string In => Path.Combine(_folder, "in.safetensors");

    private string Out => Path.Combine(_folder, "out.safetensors");

    [Test]
    public void TextsAndHiddenStatesAreTheReferences() => IsTheReferences(SharedFolder.Data("bert-tiny"), Texts([5, 9, 2, 7, 3], [4, 8], [7]));

    [Test]
    public void SpeechAndHiddenStatesAreTheReferences()
    {
        Random random = new(5);
        SafeTensorsWriter input = new();
        input.Add("samples", [2, 3000], Enumerable.Range(0, 6000).Select(_ => (2 * random.NextSingle()) - 1).ToArray());
        input.Add("lengths", [2], (int[])[3000, 1234]);
        IsTheReferences(SharedFolder.Data("wav2vec2-tiny-layer-stable-bias"), input);
    }

    [Test]
    public void VerifyPassesInEveryPrecision([Values("bert-tiny", "wav2vec2-tiny-layer-stable-bias")] string name)
    {
        JsonElement json = Tool.Json("verify", SharedFolder.Data(name), "--backend", "simulator");
        JsonElement[] rows = [.. json.GetProperty("backends").EnumerateArray().Where(static row => row.GetProperty("backend").GetString() == "simulator")];
        Assert.That(rows.Select(static row => row.GetProperty("precision").GetString()), Is.EqualTo(new[] { "fp32", "tf32", "fp16", "bf16" }));
        Assert.That(rows.Select(static row => row.GetProperty("passed").GetBoolean()), Has.All.True);
    }

    [Test]
    public void WhatTheModelCannotTakeIsRefusedInOneLine()
    {
        string text = SharedFolder.Data("bert-tiny"), speech = SharedFolder.Data("wav2vec2-tiny-layer-stable-bias");
        Assert.That(Refused(text, Texts(new int[65])), Does.Contain("65").And.Contain("64"));
        Assert.That(Refused(text, Texts([1, 2], [])), Does.Contain("length of 0"));
        Assert.That(Refused(text, Texts()), Does.Contain("empty").And.Contain("0 sequences"));
        SafeTensorsWriter click = new();
        click.Add("samples", [1, 100], new float[100]);
        Assert.That(Refused(speech, click), Does.Contain("100").And.Contain("400"));

        string Refused(string model, SafeTensorsWriter input)
        {
            input.Save(In);
            return Tool.Refuse(2, "run", model, "--input", In, "--output", Out, "--backend", "simulator");
        }
    }

    private void IsTheReferences(string model, SafeTensorsWriter input)
    {
        input.Save(In);
        Dictionary<string, float[]> wanted = Run(model, "reference", "fp32");
        foreach (var (precision, tolerance) in new[] { ("fp32", 2.5e-6), ("bf16", 3e-2) })
        {
            Dictionary<string, float[]> got = Run(model, "simulator", precision);
            Assert.That(got.Keys, Is.EquivalentTo(wanted.Keys));
            foreach (var (name, values) in wanted)
                Assert.That(Golden.RelativeError(got[name], Array.ConvertAll(values, static v => (double)v)), Is.LessThan(tolerance), $"{precision}: {name}");
        }
    }

    private Dictionary<string, float[]> Run(string model, string backend, string precision)
    {
        Tool.Succeed("run", model, "--input", In, "--output", Out, "--hidden", "--backend", backend, "--precision", precision);
        using SafeTensorsFile file = SafeTensorsFile.Open(Out);
        return file.Names.ToDictionary(static name => name, name =>
        {
            float[] values = new float[file.Get(name).ElementCount];
            file.Get(name).CopyTo(values);
            return values;
        });
    }

    private static SafeTensorsWriter Texts(params int[][] texts)
    {
        int longest = texts.Length == 0 ? 1 : texts.Max(static text => text.Length);
        SafeTensorsWriter writer = new();
        writer.Add("input_ids", [texts.Length, longest], texts.SelectMany(text => text.Concat(new int[longest - text.Length])).ToArray());
        writer.Add("lengths", [texts.Length], texts.Select(static text => text.Length).ToArray());
        return writer;
    }
}
