namespace Acm.Runtime.Backends.Reference;

/// <summary>Linear layers and convolutions.</summary>
internal static class Products
{
    /// <summary>y = x W^T + bias, W [out, in].</summary>
    public static Matrix Linear(Matrix input, double[] weight, double[]? bias, int outputs)
    {
        var output = new Matrix(input.Rows, outputs);
        for (int row = 0; row < input.Rows; row++)
        {
            Linear(input[row], weight, bias, output[row]);
        }
        return output;
    }

    /// <summary>The same for one row.</summary>
    public static void Linear(ReadOnlySpan<double> x, double[] weight, double[]? bias, Span<double> y)
    {
        for (int o = 0; o < y.Length; o++)
        {
            var w = weight.AsSpan(o * x.Length, x.Length);
            double sum = 0;
            for (int i = 0; i < x.Length; i++)
            {
                sum += x[i] * w[i];
            }
            y[o] = sum + (bias?[o] ?? 0);
        }
    }

    /// <summary>y[t, o] = sum over c, j of x[t * stride + j - padding, c] W[o, c, j] + bias[o], within each sequence; W [out, in / groups, kernel].</summary>
    public static Matrix Convolution(
        Matrix input, int[] inputStarts, int[] outputStarts, double[] weight, double[]? bias, int outputs, int kernel, int stride, int padding, int groups)
    {
        var output = new Matrix(outputStarts[^1], outputs);
        int inputsPerGroup = input.Width / groups, outputsPerGroup = outputs / groups;
        for (int sequence = 0; sequence + 1 < inputStarts.Length; sequence++)
        {
            int length = inputStarts[sequence + 1] - inputStarts[sequence];
            int frames = outputStarts[sequence + 1] - outputStarts[sequence];
            for (int t = 0; t < frames; t++)
            {
                var y = output[outputStarts[sequence] + t];
                for (int o = 0; o < outputs; o++)
                {
                    double sum = bias?[o] ?? 0;
                    for (int j = 0; j < kernel; j++)
                    {
                        int at = t * stride + j - padding;
                        if (at < 0 || at >= length)
                        {
                            continue;
                        }
                        var x = input[inputStarts[sequence] + at].Slice(o / outputsPerGroup * inputsPerGroup, inputsPerGroup);
                        for (int c = 0; c < inputsPerGroup; c++)
                        {
                            sum += x[c] * weight[(o * inputsPerGroup + c) * kernel + j];
                        }
                    }
                    y[o] = sum;
                }
            }
        }
        return output;
    }
}
