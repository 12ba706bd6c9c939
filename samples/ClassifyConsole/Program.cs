// Names what is in a picture, at a budget.
//   dotnet run -c Release --project samples/ClassifyConsole -- models/vit-chars models/vit-chars/images/04_Y.png 0.3
using Acm.Runtime;
using SkiaSharp;

if (args.Length != 3 || !double.TryParse(args[2], out double budget) || SKBitmap.Decode(args[1]) is not { } picture)
{
    Console.Error.WriteLine("usage: ClassifyConsole MODEL PICTURE BUDGET   (BUDGET: share of the learners, 0 to 1)");
    return 2;
}
byte[] rgb = [.. picture.Pixels.SelectMany(static pixel => (byte[])[pixel.Red, pixel.Green, pixel.Blue])];
(int width, int height) = (picture.Width, picture.Height);

using AcmModel model = AcmModel.Load(args[0]);                     // once; any number of threads may share it
using InferenceSession session = model.CreateSession();            // CUDA where it works, else the CPU
ImagePreprocessor preprocessor = new(model);                       // scales, crops and normalises as the package says
InferenceResult result = session.CreateResult(routing: false);     // the output alone; reused: nothing is allocated from run to run
float[] pixels = new float[preprocessor.Count];
preprocessor.Normalize(preprocessor.Crop(rgb, width, height), pixels);
session.Run(ModelInput.Pixels(pixels), result, new RunOptions { Budget = budget });   // another budget costs nothing
int best = result.Output.ToArray().Index().MaxBy(static logit => logit.Item).Index;
Console.WriteLine($"{model.Labels?[best]}: {result.Macs / 1e6:F0} M multiply-adds of {result.DenseMacs / 1e6:F0} M dense");
return 0;
