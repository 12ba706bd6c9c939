namespace Acm.Runtime.Backends.Reference;

/// <summary>Normalisations.</summary>
internal static class Norms
{
    /// <summary>Each row: (x - mean) / sqrt(variance + epsilon) * weight + bias, over its width.</summary>
    public static Matrix Layer(Matrix input, double[] weight, double[] bias, double epsilon)
    {
        var output = new Matrix(input.Rows, input.Width);
        for (int row = 0; row < input.Rows; row++)
        {
            var (mean, variance) = Moments(input[row]);
            for (int i = 0; i < input.Width; i++)
            {
                output[row][i] = (input[row][i] - mean) / Math.Sqrt(variance + epsilon) * weight[i] + bias[i];
            }
        }
        return output;
    }

    /// <summary>Each column of each sequence likewise, over the sequence's rows.</summary>
    public static Matrix Channel(Matrix input, int[] starts, double[] weight, double[] bias, double epsilon)
    {
        var output = new Matrix(input.Rows, input.Width);
        for (int sequence = 0; sequence + 1 < starts.Length; sequence++)
        {
            double[] column = new double[starts[sequence + 1] - starts[sequence]];
            for (int channel = 0; channel < input.Width; channel++)
            {
                for (int t = 0; t < column.Length; t++)
                {
                    column[t] = input[starts[sequence] + t][channel];
                }
                var (mean, variance) = Moments(column);
                for (int t = 0; t < column.Length; t++)
                {
                    output[starts[sequence] + t][channel] = (column[t] - mean) / Math.Sqrt(variance + epsilon) * weight[channel] + bias[channel];
                }
            }
        }
        return output;
    }

    private static (double Mean, double Variance) Moments(ReadOnlySpan<double> values)
    {
        double mean = 0;
        foreach (double x in values)
        {
            mean += x;
        }
        mean /= values.Length;
        double variance = 0;
        foreach (double x in values)
        {
            variance += (x - mean) * (x - mean);
        }
        return (mean, variance / values.Length);
    }
}
