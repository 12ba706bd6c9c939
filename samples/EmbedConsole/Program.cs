// Ranks sentences by their nearness to the first one.
//   dotnet run --project samples/EmbedConsole -- MODEL BUDGET "a sentence" "another" "a third"
using Acm.Runtime;

if (args.Length < 4 || !double.TryParse(args[1], out double budget))
{
    Console.Error.WriteLine("usage: EmbedConsole MODEL BUDGET SENTENCE SENTENCE...   (BUDGET: share of the learners, 0 to 1)");
    return 2;
}
using AcmModel model = AcmModel.Load(args[0]);
using InferenceSession session = model.CreateSession();
SentenceEncoder encoder = new(model, session);

string[] sentences = args[2..];
float[] vectors = new float[sentences.Length * encoder.Width];
EncodingReport report = encoder.Encode(sentences, vectors, new RunOptions { Budget = budget });

// The vectors have unit length: their product is the cosine.
float Cosine(int i) => vectors.Take(encoder.Width).Zip(vectors.Skip(i * encoder.Width), (a, b) => a * b).Sum();
foreach (int i in Enumerable.Range(1, sentences.Length - 1).OrderByDescending(Cosine))
    Console.WriteLine($"{Cosine(i):F3}  {sentences[i]}");
Console.WriteLine($"{report.WordPieces} word pieces, {report.Macs / 1e6:F0} M multiply-adds of {report.DenseMacs / 1e6:F0} M dense");
return 0;
