using Acm.Runtime;

namespace Acm.Bench.Onnx;

/// <summary>
/// A dense ViT package as the ONNX graph that ONNX Runtime's own transformer optimiser would end at: one packed q/k/v product inside
/// <c>Attention</c>, <c>SkipLayerNormalization</c> and <c>BiasGelu</c>.
/// </summary>
internal static class VitGraph
{
    private const string Fused = "com.microsoft";

    public static byte[] Build(string package, VitShape shape)
    {
        using var file = SafeTensorsFile.Open(Path.Combine(package, "model.safetensors"));
        var graph = new OnnxGraph();
        int d = shape.Width, rows = shape.Tokens;
        graph.Input("pixels", -1, 3, shape.Image, shape.Image);
        string x = graph.Node("Conv", ["pixels", graph.Weight(Read("conv_proj.weight"), d, 3, shape.Patch, shape.Patch), graph.Weight(Read("conv_proj.bias"), d)],
            attributes: ("strides", (long[])[shape.Patch, shape.Patch]));
        x = graph.Node("Reshape", [x, graph.Integers(0, d, -1)]);
        x = graph.Node("Transpose", [x], attributes: ("perm", (long[])[0, 2, 1]));
        // The class token for every image: the first patch's row times zero plus the token.
        string row = graph.Node("Slice", [x, graph.Integers(0), graph.Integers(1), graph.Integers(1)]);
        row = graph.Node("Mul", [row, graph.Weight([0f], 1)]);
        row = graph.Node("Add", [row, graph.Weight(Read("class_token"), 1, 1, d)]);
        x = graph.Node("Concat", [row, x], attributes: ("axis", 1L));
        x = graph.Node("Add", [x, graph.Weight(Read("encoder.pos_embedding"), 1, rows, d)]);
        string normed = graph.Node("LayerNormalization", [x, .. Norm($"{Layer(0)}.ln_1")], attributes: [("axis", -1L), ("epsilon", 1e-6f)]);
        for (int i = 0; i < shape.Layers; i++)
        {
            string attention = $"{Layer(i)}.self_attention";
            string mixed = graph.Node("Attention", [normed, PackedQkv(attention), PackedBias(attention)], 1, Fused, ("num_heads", (long)shape.Heads));
            string o = graph.Node("MatMul", [mixed, Matrix($"{attention}.o_proj", d, d)]);
            (normed, x) = SkipNorm(o, x, $"{Layer(i)}.ln_2", $"{attention}.o_proj.bias");
            string hidden = graph.Node("MatMul", [normed, Matrix($"{Layer(i)}.mlp.0", d, shape.Hidden)]);
            hidden = graph.Node("BiasGelu", [hidden, Vector($"{Layer(i)}.mlp.0.bias")], 1, Fused);
            string y = graph.Node("MatMul", [hidden, Matrix($"{Layer(i)}.mlp.3", shape.Hidden, d)]);
            (normed, x) = SkipNorm(y, x, i + 1 < shape.Layers ? $"{Layer(i + 1)}.ln_1" : "encoder.ln", $"{Layer(i)}.mlp.3.bias");
        }
        string token = graph.Node("Gather", [normed, graph.Integers(0)], attributes: ("axis", 1L));
        token = graph.Node("Reshape", [token, graph.Integers(-1, d)]);
        string logits = graph.Node("MatMul", [token, Matrix("heads.head", d, shape.Labels)]);
        logits = graph.Node("Add", [logits, Vector("heads.head.bias")]);
        graph.Output(logits, -1, shape.Labels);
        return graph.ToModel();

        static string Layer(int i) => $"encoder.layers.encoder_layer_{i}";

        float[] Read(string name)
        {
            TensorView view = file.Get(name);
            float[] values = new float[view.ElementCount];
            view.CopyTo(values);
            return values;
        }

        string Vector(string name)
        {
            float[] values = Read(name);
            return graph.Weight(values, values.Length);
        }

        string[] Norm(string path) => [Vector($"{path}.weight"), Vector($"{path}.bias")];

        (string Normed, string Sum) SkipNorm(string added, string stream, string norm, string bias)
        {
            string[] parts = Norm(norm);
            string[] outputs = graph.Nodes("SkipLayerNormalization", [added, stream, parts[0], parts[1], Vector(bias)], 4, Fused, ("epsilon", 1e-6f));
            return (outputs[0], outputs[3]);
        }

        string Matrix(string path, int input, int output) => graph.Weight(Transposed(Read($"{path}.weight"), output, input), input, output);

        string PackedBias(string path)
        {
            float[] all = [.. Read($"{path}.q_proj.bias"), .. Read($"{path}.k_proj.bias"), .. Read($"{path}.v_proj.bias")];
            return graph.Weight(all, all.Length);
        }

        string PackedQkv(string path)
        {
            float[] all = [.. Read($"{path}.q_proj.weight"), .. Read($"{path}.k_proj.weight"), .. Read($"{path}.v_proj.weight")];
            return graph.Weight(Transposed(all, 3 * d, d), d, 3 * d);
        }
    }

    private static float[] Transposed(float[] weight, int output, int input)
    {
        float[] result = new float[weight.Length];
        for (int o = 0; o < output; o++)
            for (int i = 0; i < input; i++)
                result[i * output + o] = weight[o * input + i];
        return result;
    }
}
