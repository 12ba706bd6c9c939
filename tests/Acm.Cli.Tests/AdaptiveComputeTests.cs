using System.Globalization;
using System.Text.RegularExpressions;
using Acm.Runtime;
using Acm.Testing;
using NUnit.Framework;

namespace Acm.Cli.Tests;

/// <summary>The figures of docs/adaptive-compute.md, computed from the models again.</summary>
public class AdaptiveComputeTests
{
    // Where the characters lie in models/vit-chars/images, in patches of 8 pixels: left, top, right, bottom, all inside. Read off the pictures.
    private static readonly Dictionary<string, (int Left, int Top, int Right, int Bottom)> s_boxes = new()
    {
        ["00_G"] = (8, 7, 11, 11), ["01_5"] = (2, 7, 5, 11), ["02_C"] = (4, 1, 8, 5), ["03_B"] = (3, 0, 11, 8),
        ["04_Y"] = (1, 0, 5, 7), ["05_A"] = (2, 4, 9, 11), ["06_F"] = (0, 3, 4, 9), ["07_P"] = (0, 0, 5, 6),
        ["08_1I"] = (3, 4, 7, 11), ["09_4"] = (2, 3, 10, 10), ["10_K"] = (0, 0, 3, 4), ["11_V"] = (7, 3, 10, 7),
    };

    // Articles, pronouns, prepositions, conjunctions, auxiliaries, and what else English builds sentences with.
    private static readonly HashSet<string> s_functionWords =
    [
        .. ("a an the this that these those i you he she it we they me him her us them my your his its our their who whom which what whose of in on at by for "
        + "with without from to into over under through throughout toward after before between about than as and or but nor so if because although while until when "
        + "where how whether is are was were be been being am do does did have has had will would shall should can could may might must not no there here any some "
        + "all each every several such own same other it's").Split(' '),
    ];

    [Test]
    public void Pictures()
    {
        using AcmModel model = AcmModel.Load(Tool.Model);
        using InferenceSession session = model.CreateSession(new SessionOptions { Backend = BackendKind.Cpu });
        ImagePreprocessor preprocessor = new(model);
        float[][] inputs = [.. Tool.Pictures.Select(path =>
        {
            Images.PictureFile picture = Images.PictureFile.Read(path);
            float[] pixels = new float[preprocessor.Count];
            preprocessor.Normalize(preprocessor.Crop(picture.Rgb, picture.Width, picture.Height), pixels);
            return pixels;
        })];
        Check("Pictures", "background", "character", lambda => Means(model, session, lambda, inputs.Select((pixels, i) =>
        {
            var (left, top, right, bottom) = s_boxes[Path.GetFileNameWithoutExtension(Tool.Pictures[i])];
            return ((RunInput)(() => ModelInput.Pixels(pixels)), (Func<int, string?>)(token =>
                token == 0 ? null : (token - 1) % 12 >= left && (token - 1) % 12 <= right && (token - 1) / 12 >= top && (token - 1) / 12 <= bottom ? "character" : "background"));
        })));
    }

    [Test]
    public void Text()
    {
        string folder = SharedFolder.Need("models", "minilm-acm");
        using AcmModel model = AcmModel.Load(folder);
        using InferenceSession session = model.CreateSession(new SessionOptions { Backend = BackendKind.Cpu });
        WordPieceEncoder encoder = WordPieceEncoder.For(model);
        int[][] sentences = [.. File.ReadLines(Path.Combine(folder, "sentences.txt")).Select(line => encoder.Encode(line, out _)).Where(static ids => ids.Length <= 60)];
        Check("Text", "function words", "content words", lambda => Means(model, session, lambda, sentences.Select(ids =>
            ((RunInput)(() => ModelInput.Text(ids, new int[] { ids.Length })), (Func<int, string?>)(token => Kind(model.Config.Entries![ids[token]]))))));

        static string? Kind(string piece) =>
            piece is "[CLS]" or "[SEP]" ? "ends"
            : s_functionWords.Contains(piece) ? "function words"
            : Regex.IsMatch(piece, "^[a-z]{2,}$") ? "content words"
            : piece.All(char.IsPunctuation) ? "punctuation" : null;
    }

    [Test]
    public void Speech()
    {
        string folder = SharedFolder.Need("models", "wav2vec2-words");
        using AcmModel model = AcmModel.Load(folder);
        using InferenceSession session = model.CreateSession(new SessionOptions { Backend = BackendKind.Cpu });
        var recordings = Directory.GetFiles(folder, "*.wav").Order(StringComparer.Ordinal).Select(path =>
        {
            using WavReader reader = WavReader.Open(path);
            float[] samples = new float[reader.Length];
            reader.Read(samples);
            SpeechLevels levels = new();
            foreach (float[] hop in samples.Chunk(320))
                levels.Add(hop);
            AudioNormalization.Apply(samples);
            return (Samples: samples, Quiet: levels.Quiet());
        }).ToArray();
        Check("Speech", "silence", "speech", lambda => Means(model, session, lambda, recordings.Select(one =>
            ((RunInput)(() => ModelInput.Samples(one.Samples, new int[] { one.Samples.Length })), (Func<int, string?>)(frame => one.Quiet[frame] ? "silence" : "speech")))));
    }

    private delegate ModelInput RunInput();

    // The mean share of the learners' cost, by kind of token.
    private static Dictionary<string, double> Means(AcmModel model, InferenceSession session, double lambda, IEnumerable<(RunInput Input, Func<int, string?> Kind)> inputs)
    {
        InferenceResult result = session.CreateResult();
        Dictionary<string, (double Sum, int Count)> kinds = [];
        double cost = model.Sites.Sum(static site => (double)site.MacsPerLearner * site.Learners);
        foreach (var (input, kind) in inputs)
        {
            session.Run(input(), result, new RunOptions { Lambda = lambda });
            for (int token = 0; token < result.Tokens; token++)
            {
                if (kind(token) is not { } name)
                    continue;
                double share = Enumerable.Range(0, model.Sites.Count).Sum(site => result.K(site)[token] * model.Sites[site].MacsPerLearner) / cost;
                var (sum, count) = kinds.GetValueOrDefault(name);
                kinds[name] = (sum + share, count + 1);
            }
        }
        return kinds.ToDictionary(static pair => pair.Key, static pair => pair.Value.Sum / pair.Value.Count);
    }

    // The table under a heading: a column a kind, a row a lambda; the page's last column says whether the first got less than the second.
    private static void Check(string heading, string less, string more, Func<double, Dictionary<string, double>> measure)
    {
        string page = File.ReadAllText(Path.Combine(SharedFolder.Repo, "docs", "adaptive-compute.md"));
        string[][] table = [.. page.Split("## " + heading)[1].Split("\n## ")[0].Split('\n').Where(static line => line.StartsWith('|'))
            .Select(static line => line.Trim('|', '\r').Split('|').Select(static cell => cell.Trim()).ToArray())];
        Assert.That(table, Has.Length.GreaterThan(4));
        Assert.Multiple(() =>
        {
            foreach (string[] row in table[2..])
            {
                Dictionary<string, double> found = measure(double.Parse(row[0], CultureInfo.InvariantCulture));
                for (int column = 1; column < row.Length - 1; column++)
                    Assert.That(
                        100 * found[table[0][column]], Is.EqualTo(double.Parse(row[column].TrimEnd('%', ' '), CultureInfo.InvariantCulture)).Within(0.11),
                        $"{heading}, lambda {row[0]}, {table[0][column]}");
                Assert.That(row[^1], Is.EqualTo(found[less] < found[more] ? "yes" : "no"), $"{heading}, lambda {row[0]}: {less} less than {more}");
            }
        });
    }
}
