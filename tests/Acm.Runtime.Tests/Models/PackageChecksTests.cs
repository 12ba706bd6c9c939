using Acm.Testing;
using NUnit.Framework;

namespace Acm.Runtime.Tests.Models;

/// <summary>Weights that are not what the configuration says: each refused with the tensor's name, what was expected and what was found.</summary>
public class PackageChecksTests
{
    private const string Site = "encoder.layers.encoder_layer_1.mlp";

    [Test]
    public void The_package_itself_is_accepted()
    {
        using var folder = Changed(static _ => { });
        using var model = AcmModel.Load(folder.Path);
        Assert.That(model.Sites, Is.EqualTo(new[]
        {
            new SiteInfo("encoder.layers.encoder_layer_1.self_attention.q_proj", "q_proj", 1, 2, 1, 1, 4, 4, "identity", MacsPerLearner: 8, GateMacs: 8),
            new SiteInfo(Site, "mlp", 1, 3, 2, 0, 4, 4, "gelu", MacsPerLearner: 16, GateMacs: 24),
        }));
    }

    /// <summary>What a backend keeps as it is stored takes half the memory.</summary>
    [Test]
    public void Weights_are_known_by_the_type_they_are_stored_in()
    {
        using TemporaryFolder folder = new();
        SmallPackage.Write(folder.Path);
        using var model = AcmModel.Load(folder.Path);
        using var file = SafeTensorsFile.Open(folder["model.safetensors"]);
        var stored = Plan.OpWeights.Of(model.Plan).ToDictionary(static weight => weight.Name, static weight => weight.StoredAs);
        Assert.That(stored.Values.Distinct().Count(), Is.EqualTo(3));
        foreach (var (name, precision) in stored)
            Assert.That($"{precision}", Is.EqualTo(file.Get(name).DType switch { TensorDType.F16 => "Float16", TensorDType.BF16 => "BFloat16", _ => "Float32" }), name);
    }

    [TestCase("class_token")]
    [TestCase("heads.head.bias")]
    [TestCase("encoder.layers.encoder_layer_0.ln_2.weight")]
    [TestCase("encoder.layers.encoder_layer_0.mlp.3.weight")]
    [TestCase(Site + ".w2")]
    [TestCase(Site + ".gating_network.net.1.bias")]
    public void A_missing_tensor(string name) => Refused(tensors => tensors.Remove(name), name, "none");

    [TestCase("conv_proj.weight", "[4, 3, 2, 2]")]
    [TestCase("encoder.pos_embedding", "[1, 5, 4]")]
    [TestCase(Site + ".w1", "[4, 6]")]
    [TestCase(Site + ".b1", "[6]")]
    [TestCase(Site + ".gating_network.net.1.weight", "[4, 3]")]
    public void Another_shape(string name, string expected) =>
        Refused(tensors => tensors[name] = new Tensor([.. tensors[name].Shape, 1], tensors[name].Values), name, ", 1]", expected);

    [TestCase("encoder.layers.encoder_layer_0.mlp.w1")]
    [TestCase("encoder.layers.encoder_layer_2.ln_1.weight")]
    [TestCase(Site + ".gating_network.net.2.weight")]
    [TestCase(Site + ".0.weight")]
    public void A_tensor_in_a_layer_that_the_configuration_has_no_place_for(string name) =>
        Refused(tensors => tensors[name] = new Tensor([2], [1, 2]), name, "[2]");

    [Test]
    public void A_tensor_outside_the_layers_that_inference_has_no_use_for_is_ignored()
    {
        using var folder = Changed(static tensors => tensors["heads.pre_logits.weight"] = new Tensor([2], [1, 2]));
        using var model = AcmModel.Load(folder.Path);
    }

    [TestCase(float.NaN)]
    [TestCase(float.PositiveInfinity)]
    public void A_number_that_is_none_unless_allowed(float value)
    {
        const string name = Site + ".b1";
        Action<Dictionary<string, Tensor>> change = tensors => tensors[name].Values[3] = value;
        Refused(change, name, "element 3");
        using var folder = Changed(change);
        using var model = AcmModel.Load(folder.Path, new ModelLoadOptions { AllowNonFinite = true });
    }

    [Test, Platform("Linux")]
    public void Weights_are_mapped_as_long_as_the_model_and_not_where_it_is_refused()
    {
        using var folder = Changed(static _ => { });
        string weights = folder["model.safetensors"];
        using (AcmModel.Load(folder.Path))
            Assert.That(Maps(), Does.Contain(weights));
        Assert.That(Maps(), Does.Not.Contain(weights));
        File.WriteAllText(folder["config.json"], SmallPackage.Config.Replace("\"num_labels\": 3", "\"num_labels\": 2"));
        File.Delete(folder["labels.txt"]);
        Assert.That(() => AcmModel.Load(folder.Path), Throws.TypeOf<ModelFormatException>().With.Property("Tensor").EqualTo("heads.head.weight"));
        Assert.That(Maps(), Does.Not.Contain(weights));

        static string Maps() => File.ReadAllText("/proc/self/maps");
    }

    /// <summary>Whoever opens one waits until somebody writes into it.</summary>
    [TestCase("config.json"), TestCase("model.safetensors"), TestCase("labels.txt"), Platform(Exclude = "Win")]
    public void A_pipe_in_a_files_place(string name)
    {
        using var folder = Changed(static _ => { });
        File.Delete(folder[name]);
        NamedPipe.Make(folder[name]);
        Task load = Task.Run(() => AcmModel.Load(folder.Path).Dispose());
        Assert.That(() => load.Wait(20_000), Throws.InnerException.TypeOf<ModelFormatException>().With.InnerException.Message.Match($"{name}: expected .*, found a pipe"));
    }

    [TestCase("config.json"), TestCase("model.safetensors"), TestCase("labels.txt"), Platform(Exclude = "Win")]
    public void A_device_in_a_files_place(string name)
    {
        using var folder = Changed(static _ => { });
        File.Delete(folder[name]);
        File.CreateSymbolicLink(folder[name], "/dev/zero");
        Assert.That(() => AcmModel.Load(folder.Path), Throws.TypeOf<ModelFormatException>().With.Message.Contains(name));
    }

    [Test]
    public void An_image_of_more_numbers_than_a_run_takes()
    {
        const int side = 256, patch = 37;
        using var folder = Changed(static tensors =>
        {
            tensors["conv_proj.weight"] = new Tensor([4, 3, patch, patch], new float[4 * 3 * patch * patch]);
            tensors["encoder.pos_embedding"] = new Tensor([1, 1 + side * side, 4], new float[(1 + side * side) * 4]);
        });
        File.WriteAllText(folder["config.json"], SmallPackage.Config
            .Replace("\"image_size\": 4, \"patch_size\": 2", $"\"image_size\": {side * patch}, \"patch_size\": {patch}")
            .Replace("\"resize\": 4", $"\"resize\": {side * patch}").Replace("\"center_crop\": 4", $"\"center_crop\": {side * patch}"));
        Assert.That(() => AcmModel.Load(folder.Path), Throws.TypeOf<ModelFormatException>().With.Message.Match($"image_size.*{1 << 28}.*{3 * side * patch * side * patch}"));
    }

    /// <summary>As torchvision called them before 0.12, and its files still do.</summary>
    [Test]
    public void An_MLP_may_have_the_names_of_its_first_years()
    {
        const string mlp = "encoder.layers.encoder_layer_0.mlp";
        using var plain = Changed(static _ => { });
        using var older = Changed(static tensors =>
        {
            foreach (var (name, old) in ((string, string)[])[("0", "linear_1"), ("3", "linear_2")])
                foreach (string part in (string[])["weight", "bias"])
                {
                    tensors.Remove($"{mlp}.{name}.{part}", out Tensor? tensor);
                    tensors[$"{mlp}.{old}.{part}"] = tensor!;
                }
        });
        Assert.That(Run(older, BackendKind.Reference).Output.ToArray(), Is.EqualTo(Run(plain, BackendKind.Reference).Output.ToArray()).And.Some.Not.Zero);
    }

    [Test]
    public void A_gate_with_a_NaN_among_its_logits_chooses_the_fewest([Values(BackendKind.Reference, BackendKind.Cpu)] BackendKind backend, [Range(0, 3)] int at)
    {
        float[] bias = [0, 50, 100, 25];
        using var sound = Changed(tensors => tensors[$"{Site}.gating_network.net.1.bias"] = new Tensor([4], [.. bias]));
        bias[at] = float.NaN;
        using var folder = Changed(tensors => tensors[$"{Site}.gating_network.net.1.bias"] = new Tensor([4], bias));
        Assert.That(Run(sound, backend).K(Site).ToArray(), Has.All.EqualTo(2));
        Assert.That(Run(folder, backend).K(Site).ToArray(), Has.All.EqualTo(0));
    }

    private static InferenceResult Run(TemporaryFolder package, BackendKind backend)
    {
        using var model = AcmModel.Load(package.Path, new ModelLoadOptions { AllowNonFinite = true });
        using var session = model.CreateSession(new SessionOptions { Backend = backend });
        InferenceResult result = session.CreateResult();
        session.Run(ModelInput.Pixels([.. Enumerable.Range(0, model.Plan.InputWidth).Select(static i => MathF.Sin(i))]), result);
        return result;
    }

    [Test]
    public void A_model_serves_its_sessions_after_it_is_disposed_and_makes_none()
    {
        using var folder = Changed(static _ => { });
        var model = AcmModel.Load(folder.Path);
        using var session = model.CreateSession();
        model.Dispose();
        session.WarmUp();
        Assert.Throws<ObjectDisposedException>(() => model.CreateSession());
    }

    private static void Refused(Action<Dictionary<string, Tensor>> change, string name, string found, string expected = "")
    {
        using var folder = Changed(change);
        var error = Assert.Throws<ModelFormatException>(() => AcmModel.Load(folder.Path))!;
        Assert.That(error.Tensor, Is.EqualTo(name));
        Assert.That(error.File, Does.EndWith("model.safetensors"));
        Assert.That(error.Found, Does.Contain(found));
        Assert.That(error.Expected, Does.Contain(expected));
    }

    private static TemporaryFolder Changed(Action<Dictionary<string, Tensor>> change)
    {
        var folder = new TemporaryFolder();
        SmallPackage.Write(folder.Path);
        var tensors = new Dictionary<string, Tensor>();
        string path = folder["model.safetensors"];
        using (var file = SafeTensorsFile.Open(path))
        {
            foreach (string name in file.Names)
            {
                var view = file.Get(name);
                float[] values = new float[view.ElementCount];
                view.CopyTo(values);
                tensors[name] = new Tensor(view.Shape.ToArray(), values);
            }
        }
        change(tensors);
        var writer = new SafeTensorsWriter();
        foreach (var (name, tensor) in tensors)
        {
            writer.Add(name, tensor.Shape, tensor.Values);
        }
        writer.Save(path);
        return folder;
    }

    private sealed record Tensor(long[] Shape, float[] Values);
}
