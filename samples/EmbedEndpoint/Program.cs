// Sentence vectors over HTTP: POST /embed {"texts": ["...", "..."], "budget": 0.5}
//   dotnet run --project samples/EmbedEndpoint -- --model MODEL --urls http://127.0.0.1:5080
using System.Collections.Concurrent;
using System.Text.Json.Serialization;
using Acm.Runtime;

WebApplicationBuilder builder = WebApplication.CreateSlimBuilder(args);
builder.Services.ConfigureHttpJsonOptions(options => options.SerializerOptions.TypeInfoResolverChain.Insert(0, Json.Default));
string folder = builder.Configuration["model"] ?? throw new ArgumentException("--model FOLDER is missing");

// One model and one session for the whole process; an encoder has one result buffer, so requests borrow one.
using AcmModel model = AcmModel.Load(folder);
using InferenceSession session = model.CreateSession();
ConcurrentBag<SentenceEncoder> encoders = [];

WebApplication app = builder.Build();
app.MapPost("/embed", (EmbedRequest request, CancellationToken cancellation) =>
{
    if (request.Texts is not { Length: > 0 and <= 1024 } texts || request.Budget is < 0 or > 1)
        return Results.BadRequest("texts: 1 to 1024 strings; budget: 0 to 1");
    SentenceEncoder encoder = encoders.TryTake(out SentenceEncoder? idle) ? idle : new SentenceEncoder(model, session);
    float[] vectors = new float[texts.Length * encoder.Width];
    EncodingReport report = encoder.Encode(texts, vectors, new RunOptions { Budget = request.Budget, Cancellation = cancellation });
    encoders.Add(encoder);
    return Results.Ok(new EmbedResponse(
        [.. vectors.Chunk(encoder.Width)], report.Truncated, (double)report.Macs / report.DenseMacs));
});
app.Run();

internal sealed record EmbedRequest(string[]? Texts, double? Budget);

internal sealed record EmbedResponse(float[][] Vectors, int Truncated, double MacsOfDense);

[JsonSerializable(typeof(EmbedRequest))]
[JsonSerializable(typeof(EmbedResponse))]
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
internal sealed partial class Json : JsonSerializerContext;
