using System.Text.Json.Nodes;
using Acm.Runtime.Configuration;

namespace Acm.Runtime.Conversion.HuggingFace;

/// <summary>Converts a folder of <c>BertModel</c>, with what sentence-transformers may have put beside it.</summary>
internal static class BertFolder
{
    public static ConvertedPackage Convert(HuggingFaceFolder folder, ConversionOptions options)
    {
        var source = folder.Config;
        HuggingFaceConverter.RequireOff(source, "is_decoder");
        HuggingFaceConverter.RequireOff(source, "add_cross_attention");
        if (source.Has("position_embedding_type"))
        {
            source.Choice("position_embedding_type", ("absolute", true));
        }
        var notes = new List<string>();
        var config = HuggingFaceConverter.CommonConfig(folder, "bert", usualEpsilon: 1e-12);
        int positions = HuggingFaceConverter.Int(source, "max_position_embeddings");
        config["vocab_size"] = HuggingFaceConverter.Int(source, "vocab_size");
        config["max_position_embeddings"] = positions;
        config["type_vocab_size"] = source.Int("type_vocab_size", 0, int.MaxValue, absent: 2);
        config["pooling"] = options.Pooling ?? StoredPooling(folder) ?? "mean";
        config["normalize"] = options.Normalize ?? HasNormalize(folder);
        if (options.Pooling is null && StoredPooling(folder) is null)
        {
            notes.Add("the folder does not say how a sentence's vector is made: the mean over its tokens was chosen");
        }
        config["preprocessing"] = Preprocessing(folder, positions);
        string[]? vocabulary = Vocabulary.ReadIfThere(Path.Combine(folder.Path, "vocab.txt"));
        if (vocabulary is null)
        {
            notes.Add("the folder has no vocab.txt: the package takes word piece ids, no text");
        }
        return new ConvertedPackage(source.File, config, BertNames.Table.Apply(folder.State), vocabulary, notes);
    }

    private static JsonObject Preprocessing(HuggingFaceFolder folder, int positions)
    {
        var tokenizer = folder.ReadIfThere("tokenizer_config.json");
        var sentence = folder.ReadIfThere("sentence_bert_config.json");
        bool lower = tokenizer?.Flag("do_lower_case", absent: true) ?? true;
        var preprocessing = new JsonObject
        {
            ["do_lower_case"] = lower,
            ["strip_accents"] = tokenizer?.Flag("strip_accents", absent: lower) ?? lower,
            ["tokenize_chinese_chars"] = tokenizer?.Flag("tokenize_chinese_chars", absent: true) ?? true,
        };
        if (sentence?.Has("max_seq_length") == true)
        {
            preprocessing["max_length"] = Math.Min(sentence.Int("max_seq_length", 2, int.MaxValue), positions);
        }
        return preprocessing;
    }

    private static string? StoredPooling(HuggingFaceFolder folder)
    {
        var pooling = folder.ReadIfThere("1_Pooling", "config.json");
        return pooling is null ? null
            : pooling.Flag("pooling_mode_cls_token", absent: false) ? "cls"
            : pooling.Flag("pooling_mode_mean_tokens", absent: false) ? "mean"
            : throw pooling.Wrong("pooling_mode_mean_tokens", "mean or cls pooling", "another kind");
    }

    // sentence-transformers gives each step of its pipeline a folder.
    private static bool HasNormalize(HuggingFaceFolder folder) =>
        Directory.EnumerateDirectories(folder.Path).Any(step => Path.GetFileName(step).EndsWith("_Normalize", StringComparison.Ordinal));
}
