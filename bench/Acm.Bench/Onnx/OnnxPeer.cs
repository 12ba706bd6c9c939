using Microsoft.ML.OnnxRuntime;

namespace Acm.Bench.Onnx;

/// <summary>ONNX Runtime at its best settings for a fixed input: all graph optimisations, its own threads, inputs and outputs bound once.</summary>
internal sealed class OnnxPeer : IDisposable
{
    private readonly InferenceSession _session;
    private readonly OrtIoBinding _binding;
    private readonly Microsoft.ML.OnnxRuntime.RunOptions _run = new();
    private readonly OrtValue[] _inputs;
    private readonly OrtValue _output;
    private readonly Memory<float> _result;

    public OnnxPeer(byte[] model, int threads, float[] input, long[] inputShape, long[] outputShape)
        : this(model, threads, [Tensor(input, inputShape)], outputShape)
    {
    }

    /// <param name="model">The file.</param>
    /// <param name="threads">Of one run.</param>
    /// <param name="inputs">In the model's order; disposed of with this.</param>
    /// <param name="outputShape">Of the first output.</param>
    public OnnxPeer(byte[] model, int threads, OrtValue[] inputs, long[] outputShape)
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
        _inputs = inputs;
        _output = OrtValue.CreateTensorValueFromMemory(OrtMemoryInfo.DefaultInstance, _result, outputShape);
        _binding = _session.CreateIoBinding();
        for (int i = 0; i < inputs.Length; i++)
            _binding.BindInput(_session.InputNames[i], inputs[i]);
        _binding.BindOutput(_session.OutputNames[0], _output);
    }

    public static OrtValue Tensor(float[] input, params long[] shape)
    {
        Memory<float> values = Aligned.Floats(input.Length);
        input.CopyTo(values);
        return OrtValue.CreateTensorValueFromMemory(OrtMemoryInfo.DefaultInstance, values, shape);
    }

    public static OrtValue Tensor<T>(T[] input, params long[] shape) where T : unmanaged =>
        OrtValue.CreateTensorValueFromMemory(OrtMemoryInfo.DefaultInstance, input.AsMemory(), shape);

    /// <summary>What the last run gave.</summary>
    public ReadOnlySpan<float> Output => _result.Span;

    public void Run() => _session.RunWithBinding(_run, _binding);

    public void Dispose()
    {
        _binding.Dispose();
        foreach (OrtValue input in _inputs)
            input.Dispose();
        _output.Dispose();
        _run.Dispose();
        _session.Dispose();
    }
}
