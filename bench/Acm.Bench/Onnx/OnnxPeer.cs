using Microsoft.ML.OnnxRuntime;

namespace Acm.Bench.Onnx;

/// <summary>ONNX Runtime at its best settings for a fixed input: all graph optimisations, its own threads, inputs and outputs bound once.</summary>
internal sealed class OnnxPeer : IDisposable
{
    private readonly InferenceSession _session;
    private readonly OrtIoBinding _binding;
    private readonly Microsoft.ML.OnnxRuntime.RunOptions _run = new();
    private readonly OrtValue _input, _output;
    private readonly Memory<float> _result;

    public OnnxPeer(byte[] model, int threads, float[] input, long[] inputShape, long[] outputShape)
    {
        using var options = new Microsoft.ML.OnnxRuntime.SessionOptions
        {
            GraphOptimizationLevel = GraphOptimizationLevel.ORT_ENABLE_ALL,
            ExecutionMode = ExecutionMode.ORT_SEQUENTIAL,
            IntraOpNumThreads = threads,
            InterOpNumThreads = 1,
            LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR,
        };
        _session = new InferenceSession(model, options);
        _result = Aligned.Floats((int)outputShape.Aggregate(1L, static (product, size) => product * size));
        Memory<float> values = Aligned.Floats(input.Length);
        input.CopyTo(values);
        _input = OrtValue.CreateTensorValueFromMemory(OrtMemoryInfo.DefaultInstance, values, inputShape);
        _output = OrtValue.CreateTensorValueFromMemory(OrtMemoryInfo.DefaultInstance, _result, outputShape);
        _binding = _session.CreateIoBinding();
        _binding.BindInput(_session.InputNames[0], _input);
        _binding.BindOutput(_session.OutputNames[0], _output);
    }

    /// <summary>What the last run gave.</summary>
    public ReadOnlySpan<float> Output => _result.Span;

    public void Run() => _session.RunWithBinding(_run, _binding);

    public void Dispose()
    {
        _binding.Dispose();
        _input.Dispose();
        _output.Dispose();
        _run.Dispose();
        _session.Dispose();
    }
}
