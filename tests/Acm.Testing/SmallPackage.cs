using Acm.Runtime;

namespace Acm.Testing;

/// <summary>A valid model package of a few kilobytes: a ViT with ACMs, weights of all three types, small enough to mutate many thousand times.</summary>
internal static class SmallPackage
{
    /// <summary>Two layers of width 4; the second's mlp and q_proj are ACMs. Includes a budget and labels.</summary>
    public const string Config =
        """
        {
          "format_version": 1, "architecture": "vit", "hidden_size": 4, "num_hidden_layers": 2, "num_attention_heads": 2,
          "intermediate_size": 6, "layer_norm_eps": 1e-06, "hidden_act": "gelu",
          "image_size": 4, "patch_size": 2, "num_channels": 3, "num_labels": 3,
          "acm": {
            "mlp": { "learners": 3, "learner_size": 2, "min_k": 0, "activation": "gelu",
                     "gate": { "layers": 2, "hidden_size": 3, "activation": "relu" }, "layers": [1] },
            "q_proj": { "learners": 2, "learner_size": 1, "min_k": 1, "activation": "identity",
                        "gate": { "layers": 1, "hidden_size": 0, "activation": "identity" }, "layers": [1] }
          },
          "acm_semantics": "paper",
          "budget": { "lambda": [0.0, 1.0, 2.0], "fraction": [0.9, 0.5, 0.2], "accuracy": [0.9, 0.8, 0.7], "metric": "accuracy" },
          "preprocessing": { "resize": 4, "resample": "bilinear", "center_crop": 4, "mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5] }
        }
        """;

    /// <summary>Writes the package.</summary>
    public static void Write(string folder, int seed = 1)
    {
        Directory.CreateDirectory(folder);
        File.WriteAllText(Path.Combine(folder, "config.json"), Config);
        File.WriteAllText(Path.Combine(folder, "labels.txt"), "a\nb\nc\n");
        var random = new Random(seed);
        var writer = new SafeTensorsWriter();
        Add("class_token", 1, 1, 4);
        Add("conv_proj.weight", 4, 3, 2, 2);
        Add("conv_proj.bias", 4);
        Add("encoder.pos_embedding", 1, 5, 4);
        for (int i = 0; i < 2; i++)
        {
            string layer = $"encoder.layers.encoder_layer_{i}";
            Norm($"{layer}.ln_1");
            Norm($"{layer}.ln_2");
            foreach (string projection in (string[])["q_proj", "k_proj", "v_proj", "o_proj"])
            {
                if (i == 1 && projection == "q_proj")
                {
                    Acm($"{layer}.self_attention.q_proj", hidden: 2, gate: [2]);
                }
                else
                {
                    Linear($"{layer}.self_attention.{projection}", 4, 4);
                }
            }
            if (i == 1)
            {
                Acm($"{layer}.mlp", hidden: 6, gate: [3, 4]);
            }
            else
            {
                Linear($"{layer}.mlp.0", 6, 4);
                Linear($"{layer}.mlp.3", 4, 6);
            }
        }
        Norm("encoder.ln");
        Linear("heads.head", 3, 4);
        writer.Save(Path.Combine(folder, "model.safetensors"));

        void Acm(string path, int hidden, int[] gate)
        {
            Add($"{path}.w1", 4, hidden);
            Add($"{path}.b1", hidden);
            Add($"{path}.w2", hidden, 4);
            for (int j = 0; j < gate.Length; j++)
            {
                Linear($"{path}.gating_network.net.{j}", gate[j], j == 0 ? 4 : gate[j - 1]);
            }
        }

        void Norm(string path)
        {
            Add($"{path}.weight", 4);
            Add($"{path}.bias", 4);
        }

        void Linear(string path, int output, int input)
        {
            Add($"{path}.weight", output, input);
            Add($"{path}.bias", output);
        }

        // Vectors F32, matrices F16 and BF16 in turn.
        void Add(string name, params long[] shape)
        {
            int count = (int)shape.Aggregate(1L, (product, size) => product * size);
            float[] values = [.. Enumerable.Range(0, count).Select(_ => random.NextSingle() - 0.5f)];
            if (shape.Length < 2)
            {
                writer.Add(name, shape, values);
                return;
            }
            bool half = shape[0] % 3 != 0;
            byte[] bytes = [.. values.SelectMany(value => half
                ? BitConverter.GetBytes((Half)value)
                : BitConverter.GetBytes((ushort)(BitConverter.SingleToUInt32Bits(value) >> 16)))];
            writer.Add(name, half ? TensorDType.F16 : TensorDType.BF16, shape, bytes);
        }
    }
}
