using Acm.Runtime;
using SkiaSharp;

namespace Acm.Bench;

/// <summary>A trained sample model with a batch of its own inputs, all of one length: pictures, text of 64 word pieces, three seconds of speech.</summary>
internal sealed class SampleModel : IDisposable
{
    /// <summary>Word pieces of a text.</summary>
    public const int Pieces = 64;

    private const int Seconds = 3;

    /// <param name="name">One of <see cref="Names"/>.</param>
    /// <param name="batch">1 to 8 sequences.</param>
    public SampleModel(string name, int batch)
    {
        Model = AcmModel.Load(FolderOf(name));
        switch (Model.Architecture)
        {
            case Architecture.Vit:
                Values = Pictures(batch);
                Lengths = [.. Enumerable.Repeat(1, batch)];
                break;
            case Architecture.Bert:
                Ids = Texts(batch);
                Lengths = [.. Enumerable.Repeat(Pieces, batch)];
                break;
            default:
                Values = Recordings(batch);
                Lengths = [.. Enumerable.Repeat(Values.Length / batch, batch)];
                break;
        }
    }

    /// <summary>The models that lie here: the repository's own, and those of the shared folder.</summary>
    public static string[] Names { get; } = [.. ((string[])["vit-chars", "minilm-acm", "wav2vec2-words"]).Where(static name => Directory.Exists(FolderOf(name)))];

    public AcmModel Model { get; }

    public float[] Values { get; } = [];

    public int[] Ids { get; } = [];

    public int[] Lengths { get; }

    public ModelInputMemory Input => Model.Architecture switch
    {
        Architecture.Vit => ModelInputMemory.Pixels(Values),
        Architecture.Bert => ModelInputMemory.Text(Ids, Lengths),
        _ => ModelInputMemory.Samples(Values, Lengths),
    };

    /// <summary>A session for this batch and no larger one.</summary>
    public InferenceSession Open(int threads) =>
        Model.CreateSession(new SessionOptions { Backend = BackendKind.Cpu, Threads = threads, MaxBatch = Lengths.Length, MaxLength = Ids.Length + Values.Length });

    public void Dispose() => Model.Dispose();

    /// <summary>A model's folder, in the repository or in the shared one.</summary>
    public static string FolderOf(string name)
    {
        string own = Path.Combine(Repo.Root, "models", name);
        return Directory.Exists(own) ? own : Path.Combine(Repo.Shared, "models", name);
    }

    private float[] Pictures(int batch)
    {
        ImagePreprocessor preprocessor = new(Model);
        // The dense twin has no pictures of its own.
        string[] files = [.. Directory.GetFiles(Path.Combine(FolderOf("vit-chars"), "images"), "*.png").Order(StringComparer.Ordinal)];
        float[] values = new float[batch * preprocessor.Count];
        for (int i = 0; i < batch; i++)
        {
            using SKBitmap picture = SKBitmap.Decode(files[i % files.Length]);
            byte[] rgb = [.. picture.Pixels.SelectMany(static color => (byte[])[color.Red, color.Green, color.Blue])];
            preprocessor.Normalize(preprocessor.Crop(rgb, picture.Width, picture.Height), values.AsSpan(i * preprocessor.Count));
        }
        return values;
    }

    // The sentences end to end, cut anew.
    private int[] Texts(int batch)
    {
        WordPieceEncoder encoder = WordPieceEncoder.For(Model);
        int[] ends = encoder.Encode("", out _);
        int[] words = [.. File.ReadLines(Path.Combine(Model.Folder, "sentences.txt")).SelectMany(line => encoder.Encode(line, out _)[1..^1])];
        return [.. Enumerable.Range(0, batch).SelectMany(text =>
            (int[])[ends[0], .. Enumerable.Range(text * (Pieces - 2), Pieces - 2).Select(at => words[at % words.Length]), ends[^1]])];
    }

    private float[] Recordings(int batch)
    {
        string[] files = [.. Directory.GetFiles(Model.Folder, "*.wav").Order(StringComparer.Ordinal)];
        int length = Seconds * Model.Config.Wav2Vec2!.SamplingRate;
        float[] values = new float[batch * length];
        for (int i = 0; i < batch; i++)
        {
            using WavReader reader = WavReader.Open(files[i % files.Length]);
            Span<float> recording = values.AsSpan(i * length, length);
            reader.Read(recording);
            AudioNormalization.Apply(recording);
        }
        return values;
    }
}
