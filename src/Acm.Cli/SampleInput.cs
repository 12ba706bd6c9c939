using Acm.Cli.Images;
using Acm.Runtime;
using Acm.Runtime.Configuration;

namespace Acm.Cli;

/// <summary>Inputs to check a model with: the samples that lie in its package, or noise from a fixed seed where there are none or nothing is in them.</summary>
internal sealed class SampleInput
{
    private readonly float[] _values = [];
    private readonly int[] _ids = [], _lengths = [];
    private readonly AcmModel _model;

    private SampleInput(AcmModel model)
    {
        _model = model;
        Random random = new(7);
        switch (model.Architecture)
        {
            case Architecture.Vit:
                string[] pictures = Files(model, Path.Combine(model.Folder, "images"), "*.png", 4);
                if (pictures.Length > 0 && model.Config.Image is not null && model.Config.Vit!.Channels == 3)
                {
                    ImagePreprocessor preprocessor = new(model);
                    _values = new float[pictures.Length * preprocessor.Count];
                    for (int i = 0; i < pictures.Length; i++)
                    {
                        PictureFile picture = PictureFile.Read(pictures[i]);
                        preprocessor.Normalize(preprocessor.Crop(picture.Rgb, picture.Width, picture.Height), _values.AsSpan(i * preprocessor.Count));
                    }
                    Description = $"{pictures.Length} pictures of the package";
                    Batch = pictures.Length;
                }
                else
                {
                    Batch = 2;
                    _values = Noise(random, Batch * model.Plan.InputWidth);
                    Description = "2 images of noise";
                }
                _lengths = [.. Enumerable.Repeat(1, Batch)];
                break;
            case Architecture.Bert:
                string file = Path.Combine(model.Folder, "sentences.txt");
                string[] sentences = File.Exists(file) && model.Labels is not null ? [.. File.ReadLines(file).Take(6)] : [];
                if (sentences.Length > 0)
                {
                    WordPieceEncoder encoder = WordPieceEncoder.For(model);
                    int[][] texts = [.. sentences.Select(line => encoder.Encode(line, out _))];
                    (_ids, _lengths) = ([.. texts.SelectMany(static ids => ids)], [.. texts.Select(static ids => ids.Length)]);
                    Description = $"{texts.Length} sentences of the package";
                }
                else
                {
                    BertConfig bert = model.Config.Bert!;
                    _lengths = [Math.Min(17, bert.MaxPositions), Math.Min(5, bert.MaxPositions), 1];
                    _ids = [.. Enumerable.Range(0, _lengths.Sum()).Select(_ => random.Next(bert.VocabSize))];
                    Description = "3 texts of random word pieces";
                }
                Batch = _lengths.Length;
                break;
            default:
                Wav2Vec2Config speech = model.Config.Wav2Vec2!;
                string[] recordings = Files(model, model.Folder, "*.wav", 1);
                using (WavReader? wav = recordings.Length > 0 ? WavReader.Open(recordings[0]) : null)
                    if (wav is not null && wav.Length >= speech.LeastSamples)
                    {
                        _values = new float[Math.Min(wav.Length, 3L * wav.SampleRate)];
                        wav.Read(_values);
                        if (model.Config.Audio is { Normalize: true })
                            AudioNormalization.Apply(_values);
                        Description = $"{(double)_values.Length / wav.SampleRate:0.#} s of {Path.GetFileName(recordings[0])}";
                    }
                    else
                    {
                        _values = Noise(random, Math.Max(speech.LeastSamples, speech.SamplingRate / 4));
                        Description = "a quarter second of noise";
                    }
                _lengths = [_values.Length];
                Batch = 1;
                break;
        }
    }

    public static SampleInput For(AcmModel model) => new(model);

    private SampleInput(SampleInput other, int batch)
    {
        (_model, Description, Batch) = (other._model, other.Description, batch);
        _lengths = [.. Enumerable.Range(0, batch).Select(i => other._lengths[i % other.Batch])];
        _ids = Repeated(other._ids);
        _values = Repeated(other._values);

        T[] Repeated<T>(T[] all)
        {
            int total = other.TotalLength, unit = all.Length / total;
            int[] starts = [.. other._lengths.Select((_, i) => other._lengths.Take(i).Sum())];
            return [.. Enumerable.Range(0, batch).SelectMany(i => all.Skip(starts[i % other.Batch] * unit).Take(_lengths[i] * unit))];
        }
    }

    /// <summary>So many sequences, these again and again.</summary>
    public SampleInput OfBatch(int batch) => new(this, batch);

    public string Description { get; } = "";

    public int Batch { get; }

    public int TotalLength => _lengths.Sum();

    public ModelInput Input => _model.Architecture switch
    {
        Architecture.Vit => ModelInput.Pixels(_values),
        Architecture.Bert => ModelInput.Text(_ids, _lengths),
        _ => ModelInput.Samples(_values, _lengths),
    };

    private static string[] Files(AcmModel model, string folder, string pattern, int most) =>
        Directory.Exists(folder) ? [.. Directory.GetFiles(folder, pattern).Order(StringComparer.Ordinal).Take(most)] : [];

    private static float[] Noise(Random random, int count) => [.. Enumerable.Range(0, count).Select(_ => (float)(2 * random.NextDouble() - 1))];
}
