namespace Acm.Runtime.Backends.Reference;

/// <summary>softmax(Q K^T / sqrt(size)) V, head by head, within each sequence.</summary>
internal static class SelfAttention
{
    public static Matrix Run(Matrix q, Matrix k, Matrix v, int[] queries, int[] keys, int heads)
    {
        var output = new Matrix(q.Rows, q.Width);
        int size = q.Width / heads;
        for (int sequence = 0; sequence + 1 < keys.Length; sequence++)
        {
            int first = keys[sequence], length = keys[sequence + 1] - first;
            double[] share = new double[length];
            for (int head = 0; head < heads; head++)
            {
                for (int row = queries[sequence]; row < queries[sequence + 1]; row++)
                {
                    var query = q[row].Slice(head * size, size);
                    for (int other = 0; other < length; other++)
                    {
                        share[other] = Dot(query, k[first + other].Slice(head * size, size)) / Math.Sqrt(size);
                    }
                    Softmax(share);
                    var y = output[row].Slice(head * size, size);
                    for (int other = 0; other < length; other++)
                    {
                        var value = v[first + other].Slice(head * size, size);
                        for (int i = 0; i < size; i++)
                        {
                            y[i] += share[other] * value[i];
                        }
                    }
                }
            }
        }
        return output;
    }

    private static double Dot(ReadOnlySpan<double> a, ReadOnlySpan<double> b)
    {
        double sum = 0;
        for (int i = 0; i < a.Length; i++)
        {
            sum += a[i] * b[i];
        }
        return sum;
    }

    private static void Softmax(Span<double> scores)
    {
        double highest = double.NegativeInfinity, sum = 0;
        foreach (double score in scores)
        {
            highest = Math.Max(highest, score);
        }
        for (int i = 0; i < scores.Length; i++)
        {
            scores[i] = Math.Exp(scores[i] - highest);
            sum += scores[i];
        }
        for (int i = 0; i < scores.Length; i++)
        {
            scores[i] /= sum;
        }
    }
}
