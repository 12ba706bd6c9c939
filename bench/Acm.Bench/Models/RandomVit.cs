using Acm.Runtime;

namespace Acm.Bench;

/// <summary>Packages of a ViT's sizes with random weights: time does not depend on what the weights are.</summary>
internal static class RandomVit
{
    /// <summary>Writes the package unless an earlier run left it, dense or with ACMs (N = 4) at every site; returns its folder.</summary>
    public static string Package(VitShape shape, bool acm)
    {
        string folder = Path.Combine(Path.GetTempPath(), "acm-bench", $"{shape.Name.Replace('/', '-')}-{(acm ? "acm" : "dense")}-3");
        if (File.Exists(Path.Combine(folder, "model.safetensors")))
            return folder;
        Directory.CreateDirectory(folder);
        File.WriteAllText(Path.Combine(folder, "config.json"), Config(shape, acm));
        var random = new Random(7);
        var writer = new SafeTensorsWriter();
        int d = shape.Width;
        // About what trained weights have, so that activations stay of order 1 and GELU sees its whole curve.
        float usual = 2f / MathF.Sqrt(shape.Width);
        Add("class_token", 1, 1, d);
        Add("conv_proj.weight", d, 3, shape.Patch, shape.Patch);
        Add("conv_proj.bias", d);
        Add("encoder.pos_embedding", 1, shape.Tokens, d);
        for (int i = 0; i < shape.Layers; i++)
        {
            string layer = $"encoder.layers.encoder_layer_{i}";
            Norm($"{layer}.ln_1");
            Norm($"{layer}.ln_2");
            foreach (string site in (string[])["q_proj", "k_proj", "v_proj", "o_proj"])
                if (acm)
                    Acm($"{layer}.self_attention.{site}", d / 2, 4);
                else
                    Linear($"{layer}.self_attention.{site}", d, d);
            if (acm)
                Acm($"{layer}.mlp", shape.Hidden, 5);
            else
            {
                Linear($"{layer}.mlp.0", shape.Hidden, d);
                Linear($"{layer}.mlp.3", d, shape.Hidden);
            }
        }
        Norm("encoder.ln");
        Linear("heads.head", shape.Labels, d);
        writer.Save(Path.Combine(folder, "model.safetensors"));
        return folder;

        void Acm(string path, int hidden, int outputs)
        {
            Add($"{path}.w1", d, hidden);
            Add($"{path}.b1", hidden);
            Add($"{path}.w2", hidden, d);
            Linear($"{path}.gating_network.net.0", 16, d);
            // Their own fan-in's scale: k varies from token to token.
            Linear($"{path}.gating_network.net.1", 16, 16, gain: 2);
            Linear($"{path}.gating_network.net.2", outputs, 16, gain: 2);
        }

        void Norm(string path)
        {
            // Around one: a layer's part in the residual stream is of the stream's order.
            Fill($"{path}.weight", 1, usual, d);
            Add($"{path}.bias", d);
        }

        void Linear(string path, int output, int input, float gain = 0)
        {
            Fill($"{path}.weight", 0, gain > 0 ? gain / MathF.Sqrt(input) : usual, output, input);
            Add($"{path}.bias", output);
        }

        void Add(string name, params long[] sizes) => Fill(name, 0, usual, sizes);

        void Fill(string name, float around, float scale, params long[] sizes)
        {
            float[] values = new float[sizes.Aggregate(1L, static (product, size) => product * size)];
            for (int i = 0; i < values.Length; i++)
                values[i] = around + (random.NextSingle() - 0.5f) * scale;
            writer.Add(name, sizes, values);
        }
    }

    private static string Config(VitShape shape, bool acm)
    {
        string Site(int size, int least, string activation) =>
            $$"""{ "learners": 4, "learner_size": {{size}}, "min_k": {{least}}, "activation": "{{activation}}", "gate": { "layers": 3, "hidden_size": 16, "activation": "identity" } }""";
        string projection = Site(shape.Width / 8, 1, "identity");
        string sites = acm
            ? $$""", "acm": { "mlp": {{Site(shape.Hidden / 4, 0, "gelu")}}, "q_proj": {{projection}}, "k_proj": {{projection}}, "v_proj": {{projection}}, "o_proj": {{projection}} }"""
            : "";
        return $$"""
            { "format_version": 1, "architecture": "vit", "image_size": {{shape.Image}}, "patch_size": {{shape.Patch}}, "num_channels": 3,
              "num_hidden_layers": {{shape.Layers}}, "num_attention_heads": {{shape.Heads}}, "hidden_size": {{shape.Width}},
              "intermediate_size": {{shape.Hidden}}, "num_labels": {{shape.Labels}}, "layer_norm_eps": 1e-06, "hidden_act": "gelu"{{sites}} }
            """;
    }
}
