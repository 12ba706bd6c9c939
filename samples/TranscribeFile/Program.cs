// Prints the words of a recording as they are heard, window by window; memory does not grow with its length.
//   dotnet run --project samples/TranscribeFile -- MODEL FILE.wav [BUDGET]
using Acm.Runtime;

if (args.Length is < 2 or > 3)
{
    Console.Error.WriteLine("usage: TranscribeFile MODEL FILE.wav [BUDGET]");
    return 2;
}
using AcmModel model = AcmModel.Load(args[0]);
using InferenceSession session = model.CreateSession();
SpeechTranscriber transcriber = new(model, session);
using WavReader recording = WavReader.Open(args[1]);
RunOptions run = new() { Budget = args.Length == 3 ? double.Parse(args[2]) : null };
foreach (TranscriptPart part in transcriber.Transcribe(recording, run))
    foreach (TimedWord word in part.Words)
        Console.WriteLine($"{word.Start,8:F2} s  {word.Text}");
return 0;
