using System.Text.Json.Nodes;
using Acm.Runtime;

namespace Acm.Testing;

/// <summary>
/// A valid model package drawn from a seed: any architecture, every site dense or an ACM by layer, N from 1 to 16, biases there or
/// not, gates of 1 to 3 layers, all activations, types mixed. Small enough that Reference runs it in milliseconds; wide ones, which fill
/// several tiles of a device, in a second.
/// </summary>
internal sealed class RandomPackage
{
    private static readonly string[] Sites = ["mlp", "q_proj", "k_proj", "v_proj", "o_proj"];
    private static readonly string[] Dense = ["gelu", "gelu_tanh", "relu"];

    // Those that kernels are written for, and others.
    private static readonly int[] WideHeads = [32, 64, 128, 8, 20, 33, 48, 80, 100];

    private readonly Random _random;
    private readonly bool _wide;
    private readonly SafeTensorsWriter _writer = new();
    private readonly JsonObject _config;
    private readonly int _hidden, _layers, _intermediate;

    private RandomPackage(int seed, Architecture? architecture, string semantics, bool projectionsRun, bool wide)
    {
        (_random, _wide) = (new Random(seed), wide);
        int heads = _random.Next(1, 4);
        _hidden = heads * (wide ? WideHeads[_random.Next(WideHeads.Length)] : _random.Next(2, 8));
        _layers = _random.Next(1, wide ? 3 : 4);
        _intermediate = _random.Next(1, wide ? 300 : 24);
        var kind = architecture ?? (Architecture)_random.Next(3);
        _config = new JsonObject
        {
            ["format_version"] = 1, ["architecture"] = kind.ToString().ToLowerInvariant(),
            ["hidden_size"] = _hidden, ["num_hidden_layers"] = _layers, ["num_attention_heads"] = heads, ["intermediate_size"] = _intermediate,
            ["layer_norm_eps"] = 1e-5, ["hidden_act"] = Pick(Dense), ["acm"] = Acm(projectionsRun), ["acm_semantics"] = semantics,
            ["budget"] = new JsonObject { ["lambda"] = new JsonArray(0, 1, 2), ["fraction"] = new JsonArray(0.9, 0.5, 0.2) },
        };
        switch (kind)
        {
            case Architecture.Vit:
                Vit();
                break;
            case Architecture.Bert:
                Bert();
                break;
            default:
                Wav2Vec2();
                break;
        }
    }

    /// <summary>Writes a package into a folder.</summary>
    /// <param name="folder">Made if it is not there.</param>
    /// <param name="seed">The same seed gives the same package.</param>
    /// <param name="architecture">Null: any.</param>
    /// <param name="semantics"><c>paper</c> or <c>published_code</c>.</param>
    /// <param name="projectionsRun">Whether every projection has a min_k of 1, as trained models do; else 0 or 1.</param>
    /// <param name="wide">Heads of 8 to 128 columns, learners and convolutions to match.</param>
    public static void Write(string folder, int seed, Architecture? architecture = null, string semantics = "paper", bool projectionsRun = false, bool wide = false)
    {
        var package = new RandomPackage(seed, architecture, semantics, projectionsRun, wide);
        Directory.CreateDirectory(folder);
        File.WriteAllText(Path.Combine(folder, "config.json"), package._config.ToJsonString());
        package._writer.Save(Path.Combine(folder, "model.safetensors"));
    }

    private JsonObject Acm(bool projectionsRun)
    {
        var acm = new JsonObject();
        foreach (string site in Sites)
        {
            if (_random.Next(3) == 0)
            {
                continue;
            }
            int learners = _random.Next(1, _wide ? 10 : 17), gateLayers = _random.Next(1, 4);
            acm[site] = new JsonObject
            {
                ["learners"] = learners, ["learner_size"] = _random.Next(1, _wide ? 72 : 6), ["min_k"] = projectionsRun && site != "mlp" ? 1 : _random.Next(2), ["activation"] = Pick([.. Dense, "identity"]),
                ["gate"] = new JsonObject { ["layers"] = gateLayers, ["hidden_size"] = _random.Next(1, _wide ? 33 : 6), ["activation"] = Pick([.. Dense, "identity", "identity"]) },
            };
            if (_random.Next(2) == 0)
            {
                acm[site]!["layers"] = new JsonArray([.. Enumerable.Range(0, _layers).Where(_ => _random.Next(3) > 0).Select(static layer => JsonValue.Create(layer))]);
            }
        }
        return acm;
    }

    private void Vit()
    {
        int patch = _random.Next(1, _wide ? 9 : 4), side = _random.Next(1, _wide ? 8 : 4), channels = _random.Next(1, 4), labels = _random.Next(1, 6);
        Set(("image_size", side * patch), ("patch_size", patch), ("num_channels", channels), ("num_labels", labels));
        Add("conv_proj.weight", _hidden, channels, patch, patch);
        Add("conv_proj.bias", _hidden);
        Add("class_token", 1, 1, _hidden);
        Add("encoder.pos_embedding", 1, 1 + side * side, _hidden);
        for (int i = 0; i < _layers; i++)
        {
            string path = $"encoder.layers.encoder_layer_{i}", attention = $"{path}.self_attention";
            Layer(i, [$"{attention}.q_proj", $"{attention}.k_proj", $"{attention}.v_proj", $"{attention}.o_proj"],
                $"{path}.mlp", $"{path}.mlp.0", $"{path}.mlp.3", $"{path}.ln_1", $"{path}.ln_2");
        }
        Norm("encoder.ln", _hidden);
        Linear("heads.head", labels, _hidden);
    }

    private void Bert()
    {
        Set(("vocab_size", 30), ("max_position_embeddings", 24), ("type_vocab_size", 2));
        _config["pooling"] = Pick(["mean", "cls"]);
        _config["normalize"] = _random.Next(2) == 0;
        Add("embeddings.word_embeddings.weight", 30, _hidden);
        Add("embeddings.position_embeddings.weight", 24, _hidden);
        Add("embeddings.token_type_embeddings.weight", 2, _hidden);
        Norm("embeddings.LayerNorm", _hidden);
        for (int i = 0; i < _layers; i++)
        {
            string path = $"encoder.layer.{i}", self = $"{path}.attention.self";
            Layer(i, [$"{self}.query", $"{self}.key", $"{self}.value", $"{path}.attention.output.dense"],
                $"{path}.mlp", $"{path}.intermediate.dense", $"{path}.output.dense", $"{path}.attention.output.LayerNorm", $"{path}.output.LayerNorm");
        }
    }

    private void Wav2Vec2()
    {
        int convolutions = _random.Next(1, 4), taps = _random.Next(1, 6);
        int[] dims = Many(convolutions, 1, _wide ? 100 : 9), kernels = Many(convolutions, 1, 5), strides = Many(convolutions, 1, 4);
        int[] divisors = [.. Enumerable.Range(1, _hidden).Where(n => _hidden % n == 0)];
        int groups = divisors[_random.Next(divisors.Length)];
        bool bias = _random.Next(2) == 0, group = _random.Next(2) == 0;
        Set(("num_conv_pos_embeddings", taps), ("num_conv_pos_embedding_groups", groups), ("vocab_size", 5), ("pad_token_id", 0), ("sampling_rate", 16000));
        _config["conv_dim"] = Array(dims);
        _config["conv_kernel"] = Array(kernels);
        _config["conv_stride"] = Array(strides);
        _config["conv_bias"] = bias;
        _config["feat_extract_norm"] = group ? "group" : "layer";
        _config["feat_extract_activation"] = Pick(Dense);
        _config["do_stable_layer_norm"] = _random.Next(2) == 0;
        for (int i = 0; i < convolutions; i++)
        {
            string path = $"wav2vec2.feature_extractor.conv_layers.{i}";
            Add($"{path}.conv.weight", dims[i], i == 0 ? 1 : dims[i - 1], kernels[i]);
            if (bias)
            {
                Add($"{path}.conv.bias", dims[i]);
            }
            if (i == 0 || !group)
            {
                Norm($"{path}.layer_norm", dims[i]);
            }
        }
        Norm("wav2vec2.feature_projection.layer_norm", dims[^1]);
        Linear("wav2vec2.feature_projection.projection", _hidden, dims[^1]);
        const string positions = "wav2vec2.encoder.pos_conv_embed.conv";
        string[]? normed = new[] { null, new[] { "weight_g", "weight_v" }, ["parametrizations.weight.original0", "parametrizations.weight.original1"] }[_random.Next(3)];
        if (normed is not null)
        {
            Add($"{positions}.{normed[0]}", 1, 1, taps);
        }
        Add($"{positions}.{normed?[1] ?? "weight"}", _hidden, _hidden / groups, taps);
        Add($"{positions}.bias", _hidden);
        Norm("wav2vec2.encoder.layer_norm", _hidden);
        for (int i = 0; i < _layers; i++)
        {
            string path = $"wav2vec2.encoder.layers.{i}", attention = $"{path}.attention", mlp = $"{path}.feed_forward";
            Layer(i, [$"{attention}.q_proj", $"{attention}.k_proj", $"{attention}.v_proj", $"{attention}.out_proj"],
                mlp, $"{mlp}.intermediate_dense", $"{mlp}.output_dense", $"{path}.layer_norm", $"{path}.final_layer_norm");
        }
        Linear("lm_head", 5, _hidden);
    }

    private void Layer(int layer, string[] projections, string mlp, string up, string down, string firstNorm, string secondNorm)
    {
        Norm(firstNorm, _hidden);
        Norm(secondNorm, _hidden);
        for (int p = 0; p < projections.Length; p++)
        {
            if (!Site(Sites[1 + p], layer, projections[p]))
            {
                Linear(projections[p], _hidden, _hidden);
            }
        }
        if (!Site("mlp", layer, mlp))
        {
            Linear(up, _intermediate, _hidden);
            Linear(down, _hidden, _intermediate);
        }
    }

    private bool Site(string name, int layer, string path)
    {
        var site = _config["acm"]![name];
        if (site is null || site["layers"] is JsonArray layers && layers.All(entry => (int)entry! != layer))
        {
            return false;
        }
        int learners = (int)site["learners"]!, units = learners * (int)site["learner_size"]!, gateLayers = (int)site["gate"]!["layers"]!;
        Add($"{path}.w1", _hidden, units);
        Add($"{path}.w2", units, _hidden);
        if (_random.Next(2) == 0)
        {
            Add($"{path}.b1", units);
        }
        if (_random.Next(2) == 0)
        {
            Add($"{path}.b2", (learners + 1) * _hidden);
        }
        for (int j = 0, inputs = _hidden; j < gateLayers; j++)
        {
            int outputs = j + 1 < gateLayers ? (int)site["gate"]!["hidden_size"]! : learners + 1 - (int)site["min_k"]!;
            Linear($"{path}.gating_network.net.{j}", outputs, inputs);
            inputs = outputs;
        }
        return true;
    }

    private void Linear(string path, int outputs, int inputs)
    {
        Add($"{path}.weight", outputs, inputs);
        Add($"{path}.bias", outputs);
    }

    private void Norm(string path, int width)
    {
        Add($"{path}.weight", width);
        Add($"{path}.bias", width);
    }

    private void Add(string name, params int[] shape)
    {
        int count = shape.Aggregate(1, static (product, size) => product * size);
        // Matrices of about unit gain, so that nothing drowns or explodes over the layers.
        double scale = shape.Length > 1 && !name.Contains("embed") ? 1.7 / Math.Sqrt(count / (double)shape[0]) : 1;
        float[] values = [.. Enumerable.Range(0, count).Select(_ => (float)((_random.NextDouble() * 2 - 1) * scale))];
        long[] sizes = [.. shape.Select(static size => (long)size)];
        switch (_random.Next(3))
        {
            case 0:
                _writer.Add(name, sizes, values);
                break;
            case 1:
                _writer.Add(name, TensorDType.F16, sizes, values.SelectMany(static value => BitConverter.GetBytes((Half)value)).ToArray());
                break;
            default:
                _writer.Add(name, TensorDType.BF16, sizes, values.SelectMany(static value => BitConverter.GetBytes((ushort)(BitConverter.SingleToUInt32Bits(value) >> 16))).ToArray());
                break;
        }
    }

    private void Set(params (string Key, int Value)[] entries)
    {
        foreach (var (key, value) in entries)
        {
            _config[key] = value;
        }
    }

    private int[] Many(int count, int least, int below) => [.. Enumerable.Range(0, count).Select(_ => _random.Next(least, below))];

    private string Pick(string[] choices) => choices[_random.Next(choices.Length)];

    private static JsonArray Array(int[] values) => new([.. values.Select(static value => JsonValue.Create(value))]);
}
