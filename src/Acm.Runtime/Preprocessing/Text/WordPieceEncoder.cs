using System.Text.RegularExpressions;
using Acm.Runtime.Configuration;
using Microsoft.ML.Tokenizers;

namespace Acm.Runtime;

/// <summary>Turns text into a BERT model's word pieces, <c>[CLS] pieces [SEP]</c>, by the package's own vocabulary. Thread-safe.</summary>
public sealed partial class WordPieceEncoder
{
    private static readonly string[] Special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];
    private readonly WordPieceTokenizer _tokenizer;
    private readonly Dictionary<string, int> _special;
    private readonly int _start, _end;

    private WordPieceEncoder(WordPieceTokenizer tokenizer, Dictionary<string, int> special, int maxLength) =>
        (_tokenizer, _special, _start, _end, MaxLength) = (tokenizer, special, special["[CLS]"], special["[SEP]"], maxLength);

    /// <summary>Most word pieces of one text, <c>[CLS]</c> and <c>[SEP]</c> among them; a longer text is cut there.</summary>
    public int MaxLength { get; }

    /// <summary>The encoder of a text model's package.</summary>
    /// <exception cref="ModelFormatException">The package is no text model, or its <c>vocab.txt</c> is missing or lacks a special token.</exception>
    public static WordPieceEncoder For(AcmModel model)
    {
        ArgumentNullException.ThrowIfNull(model);
        return Create(model.Config);
    }

    internal static WordPieceEncoder Create(ModelConfig config)
    {
        string path = Path.Combine(Path.GetDirectoryName(config.File) ?? "", "vocab.txt");
        if (config.Text is not { } text)
            throw new ModelFormatException(config.File, "architecture", "bert, the text encoder", config.Architecture.ToString().ToLowerInvariant());
        if (config.Entries is not { } entries)
            throw new ModelFormatException(path, null, "a vocabulary, one word piece a line", "no file");
        Dictionary<string, int> ids = new(StringComparer.Ordinal);
        for (int id = 0; id < entries.Count; id++)
            // The library would end a line there, and every id behind it would be another.
            if (entries[id].Contains('\r'))
                throw new ModelFormatException(path, null, "lines that end in a newline, and no carriage return within one", $"one in line {id + 1}");
            else if (!ids.TryAdd(entries[id], id))
                throw new ModelFormatException(path, null, "a word piece of its own in every line", $"'{entries[id]}' in lines {ids[entries[id]] + 1} and {id + 1}");
        foreach (string piece in (ReadOnlySpan<string>)["[UNK]", "[CLS]", "[SEP]"])
            if (!ids.ContainsKey(piece))
                throw new ModelFormatException(path, null, $"a line {piece}", "none");
        WordPieceOptions options = new()
        {
            Normalizer = new BertNormalizer(text.LowerCase, text.StripAccents, text.SplitChinese),
            PreTokenizer = new BertPreTokenizer(),
            UnknownToken = "[UNK]",
            ContinuingSubwordPrefix = "##",
            MaxInputCharsPerWord = 100,
        };
        using MemoryStream vocabulary = new(System.Text.Encoding.UTF8.GetBytes(string.Join('\n', entries) + "\n"));
        var special = Special.Where(ids.ContainsKey).ToDictionary(piece => piece, piece => ids[piece]);
        return new WordPieceEncoder(WordPieceTokenizer.Create(vocabulary, options), special, text.MaxLength);
    }

    /// <summary>Encodes one text.</summary>
    /// <param name="text">Any text; the spellings of special tokens in it stand for those tokens.</param>
    /// <param name="truncated">True when the text had more pieces than <see cref="MaxLength"/> holds and was cut.</param>
    /// <returns>2 to <see cref="MaxLength"/> ids, the first <c>[CLS]</c>, the last <c>[SEP]</c>.</returns>
    public int[] Encode(string text, out bool truncated)
    {
        ArgumentNullException.ThrowIfNull(text);
        List<int> ids = [_start];
        // The library cleans a text before it looks for special tokens, and lower case hides them: cut there first.
        int from = 0;
        foreach (ValueMatch match in SpecialTokens().EnumerateMatches(text))
            if (_special.TryGetValue(text.Substring(match.Index, match.Length), out int id))
            {
                ids.AddRange(_tokenizer.EncodeToIds(text.AsSpan(from, match.Index - from)));
                ids.Add(id);
                from = match.Index + match.Length;
            }
        ids.AddRange(_tokenizer.EncodeToIds(text.AsSpan(from)));
        truncated = ids.Count > MaxLength - 1;
        if (truncated)
            ids.RemoveRange(MaxLength - 1, ids.Count - (MaxLength - 1));
        ids.Add(_end);
        return [.. ids];
    }

    [GeneratedRegex(@"\[(?:PAD|UNK|CLS|SEP|MASK)\]")]
    private static partial Regex SpecialTokens();
}
