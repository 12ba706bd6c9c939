using System.Text.Json.Nodes;
using Acm.Runtime.Configuration;

namespace Acm.Runtime.Conversion.HuggingFace;

/// <summary>Converts a folder of <c>Wav2Vec2ForCTC</c>.</summary>
internal static class Wav2Vec2Folder
{
    private const int MostConvolutions = 1024;
    private const int MostUnnamed = 1024;

    public static ConvertedPackage Convert(HuggingFaceFolder folder)
    {
        var source = folder.Config;
        HuggingFaceConverter.RequireOff(source, "add_adapter");
        if (source.Has("adapter_attn_dim"))
        {
            throw source.Wrong("adapter_attn_dim", "null", "attention adapters, which packages do not have");
        }
        var processor = folder.ReadIfThere("preprocessor_config.json");
        var config = HuggingFaceConverter.CommonConfig(folder, "wav2vec2", usualEpsilon: 1e-5);
        int vocabularySize = HuggingFaceConverter.Int(source, "vocab_size");
        foreach (string key in (string[])["conv_dim", "conv_kernel", "conv_stride"])
        {
            config[key] = HuggingFaceConverter.Array(source.Ints(key, 0, int.MaxValue, MostConvolutions));
        }
        config["conv_bias"] = source.Flag("conv_bias", absent: false);
        config["feat_extract_norm"] = source.Text("feat_extract_norm");
        config["feat_extract_activation"] = HuggingFaceConverter.Activation(source, "feat_extract_activation");
        config["num_conv_pos_embeddings"] = source.Int("num_conv_pos_embeddings", 0, int.MaxValue, absent: 128);
        config["num_conv_pos_embedding_groups"] = source.Int("num_conv_pos_embedding_groups", 0, int.MaxValue, absent: 16);
        config["do_stable_layer_norm"] = source.Flag("do_stable_layer_norm", absent: false);
        config["vocab_size"] = vocabularySize;
        config["pad_token_id"] = source.Int("pad_token_id", 0, int.MaxValue, absent: 0);
        config["sampling_rate"] = processor?.Int("sampling_rate", 1, int.MaxValue, absent: 16_000) ?? 16_000;
        config["preprocessing"] = new JsonObject { ["do_normalize"] = processor?.Flag("do_normalize", absent: true) ?? true };
        string[]? vocabulary = Characters(folder, vocabularySize);
        return new ConvertedPackage(source.File, config, Wav2Vec2Names.Table.Apply(folder.State), vocabulary,
            vocabulary is null ? ["the folder has no vocab.json: the package gives token ids, no text"] : []);
    }

    private static string[]? Characters(HuggingFaceFolder folder, int count)
    {
        var vocabulary = folder.ReadIfThere("vocab.json");
        if (vocabulary is null)
        {
            return null;
        }
        // What stands between words is "|" in every package.
        string delimiter = folder.ReadIfThere("tokenizer_config.json")?.TextOrNull("word_delimiter_token") ?? "|";
        var characters = new SortedDictionary<int, string>();
        foreach (var tokens in new[] { vocabulary, folder.ReadIfThere("added_tokens.json") })
        {
            foreach (string token in tokens?.Keys ?? [])
            {
                characters[tokens!.Int(token, 0, count - 1)] = token == delimiter ? "|" : token;
            }
        }
        // A few outputs may be padding that no token is known for; they keep their place.
        return count - characters.Count <= MostUnnamed
            ? [.. Enumerable.Range(0, count).Select(id => characters.GetValueOrDefault(id, $"<{id}>"))]
            : throw folder.Config.Wrong("vocab_size", $"about the {characters.Count} tokens of vocab.json", $"{count}");
    }
}
