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
        RefuseOtherSteps(folder);
        var notes = new List<string>();
        var config = HuggingFaceConverter.CommonConfig(folder, "bert", usualEpsilon: 1e-12);
        int positions = HuggingFaceConverter.Int(source, "max_position_embeddings");
        config["vocab_size"] = HuggingFaceConverter.Int(source, "vocab_size");
        config["max_position_embeddings"] = positions;
        config["type_vocab_size"] = source.Int("type_vocab_size", 0, int.MaxValue, absent: 2);
        config["pooling"] = options.Pooling ?? StoredPooling(folder) ?? "mean";
        config["normalize"] = options.Normalize ?? HasStep(folder, "Normalize");
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
            // sentence-transformers may lower the case of what a tokeniser leaves as it is; accents stay then.
            ["do_lower_case"] = lower || sentence?.Flag("do_lower_case", absent: false) == true,
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
        if (pooling is null)
        {
            return null;
        }
        // Several modes put several vectors one after the other.
        string[] modes = [.. pooling.Keys.Where(key => key.StartsWith("pooling_mode_", StringComparison.Ordinal) && pooling.Flag(key, absent: false))];
        return modes switch
        {
            ["pooling_mode_cls_token"] => "cls",
            ["pooling_mode_mean_tokens"] => "mean",
            _ => throw pooling.Wrong("pooling_mode_mean_tokens", "mean or cls pooling", modes.Length == 0 ? "another kind" : string.Join(" and ", modes)),
        };
    }

    // sentence-transformers gives each step of its pipeline a folder.
    private static bool HasStep(HuggingFaceFolder folder, string step) =>
        Directory.EnumerateDirectories(folder.Path).Any(path => Path.GetFileName(path).EndsWith($"_{step}", StringComparison.Ordinal));

    private static void RefuseOtherSteps(HuggingFaceFolder folder)
    {
        foreach (string step in (string[])["Dense", "LayerNorm", "CNN", "LSTM", "WeightedLayerPooling"])
        {
            if (HasStep(folder, step))
            {
                throw new ModelFormatException(folder.Path, null, "sentence vectors made by pooling and unit length alone", $"a step {step}, which packages do not have");
            }
        }
    }
}
