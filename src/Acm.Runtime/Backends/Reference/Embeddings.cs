using Acm.Runtime.Plan;

namespace Acm.Runtime.Backends.Reference;

/// <summary>From a run's input to rows, and from rows to one vector per sequence.</summary>
internal static class Embeddings
{
    /// <summary>Class token, then each patch times the weight, plus bias; positions added to all.</summary>
    public static Matrix Patches(PatchEmbed op, ReadOnlySpan<float> pixels, int images, Func<Weight, double[]> values)
    {
        double[] weight = values(op.Weight), token = values(op.ClassToken), positions = values(op.Positions);
        double[]? bias = op.Bias is null ? null : values(op.Bias);
        int side = op.ImageSize / op.PatchSize, width = op.Out.Width, rows = 1 + side * side;
        double[] patch = new double[op.Channels * op.PatchSize * op.PatchSize];
        var output = new Matrix(images * rows, width);
        for (int image = 0; image < images; image++)
        {
            token.CopyTo(output[image * rows]);
            for (int p = 0; p < side * side; p++)
            {
                int i = 0;
                for (int channel = 0; channel < op.Channels; channel++)
                {
                    for (int y = 0; y < op.PatchSize; y++)
                    {
                        for (int x = 0; x < op.PatchSize; x++)
                        {
                            int line = (image * op.Channels + channel) * op.ImageSize + p / side * op.PatchSize + y;
                            patch[i++] = pixels[line * op.ImageSize + p % side * op.PatchSize + x];
                        }
                    }
                }
                Products.Linear(patch, weight, bias, output[image * rows + 1 + p]);
            }
            for (int row = 0; row < rows; row++)
            {
                Add(positions.AsSpan(row * width, width), output[image * rows + row]);
            }
        }
        return output;
    }

    /// <summary>word[id] + position[index in sequence] + type[type id].</summary>
    public static Matrix WordPieces(TokenEmbed op, ReadOnlySpan<int> ids, ReadOnlySpan<int> typeIds, int[] starts, Func<Weight, double[]> values)
    {
        double[] words = values(op.Words), positions = values(op.Positions), types = values(op.Types);
        int width = op.Out.Width;
        var output = new Matrix(ids.Length, width);
        for (int sequence = 0; sequence + 1 < starts.Length; sequence++)
        {
            for (int row = starts[sequence]; row < starts[sequence + 1]; row++)
            {
                Add(words.AsSpan(ids[row] * width, width), output[row]);
                Add(positions.AsSpan((row - starts[sequence]) * width, width), output[row]);
                Add(types.AsSpan((typeIds.IsEmpty ? 0 : typeIds[row]) * width, width), output[row]);
            }
        }
        return output;
    }

    /// <summary>Samples as rows of width 1.</summary>
    public static Matrix Samples(ReadOnlySpan<float> samples)
    {
        var output = new Matrix(samples.Length, 1);
        for (int i = 0; i < samples.Length; i++)
        {
            output.Values[i] = samples[i];
        }
        return output;
    }

    /// <summary>The first row of each sequence.</summary>
    public static Matrix First(Matrix input, int[] starts)
    {
        var output = new Matrix(starts.Length - 1, input.Width);
        for (int sequence = 0; sequence < output.Rows; sequence++)
        {
            input[starts[sequence]].CopyTo(output[sequence]);
        }
        return output;
    }

    /// <summary>The mean of each sequence's rows.</summary>
    public static Matrix Mean(Matrix input, int[] starts)
    {
        var output = new Matrix(starts.Length - 1, input.Width);
        for (int sequence = 0; sequence < output.Rows; sequence++)
        {
            for (int row = starts[sequence]; row < starts[sequence + 1]; row++)
            {
                Add(input[row], output[sequence]);
            }
            foreach (ref double value in output[sequence])
            {
                value /= starts[sequence + 1] - starts[sequence];
            }
        }
        return output;
    }

    /// <summary>Each row over its Euclidean length.</summary>
    public static Matrix UnitLength(Matrix input)
    {
        var output = new Matrix(input.Rows, input.Width);
        for (int row = 0; row < input.Rows; row++)
        {
            double squares = 0;
            foreach (double x in input[row])
            {
                squares += x * x;
            }
            for (int i = 0; i < input.Width; i++)
            {
                output[row][i] = input[row][i] / Math.Max(Math.Sqrt(squares), 1e-12);
            }
        }
        return output;
    }

    /// <summary>target += values.</summary>
    public static void Add(ReadOnlySpan<double> values, Span<double> target)
    {
        for (int i = 0; i < target.Length; i++)
        {
            target[i] += values[i];
        }
    }
}
