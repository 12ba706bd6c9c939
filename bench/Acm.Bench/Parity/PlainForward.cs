using System.Numerics;
using Acm.Runtime.Backends.Cuda;
using Acm.Runtime.Backends.Reference;
using Acm.Runtime.Plan;
using Buffer = Acm.Runtime.Plan.Buffer;

namespace Acm.Bench.Parity;

/// <summary>
/// A vision forward as one would write it without thought for speed, in a precision: operands of every product rounded to it, sums in fp32 in
/// ascending order, norms, softmax, activations and the residual stream in fp32. What an error is measured against.
/// </summary>
internal sealed class PlainForward(ForwardPlan plan, ElementType precision, Func<AcmSite, ReadOnlyMemory<int>> learnersOf)
{
    private readonly Dictionary<Buffer, float[]> _buffers = [];

    /// <summary>Logits of one image, and the residual stream after each layer.</summary>
    public (float[] Output, List<float[]> Hidden) Run(float[] pixels)
    {
        List<float[]> hidden = [];
        foreach (Op op in plan.Ops)
            switch (op)
            {
                case PatchEmbed o:
                    _buffers[o.Out] = Patches(o, pixels);
                    break;
                case Tap o:
                    hidden.Add([.. _buffers[o.In]]);
                    break;
                case SelectFirst o:
                    _buffers[o.Out] = _buffers[o.In][..o.Out.Width];
                    break;
                case LayerNorm o:
                    _buffers[o.Out] = Norm(_buffers[o.In], o);
                    break;
                case Route:
                    break;
                case AcmLayer o:
                    Store(o.Out, o.Residual, Adaptive(_buffers[o.In], o.Site));
                    break;
                case Attention o:
                    _buffers[o.Out] = Attend(o);
                    break;
                case Linear o:
                    float[] product = Multiply(Rounded(_buffers[o.In]), Transposed(Values.Of(o.Weight), o.In.Width), o.In.Width, o.Out.Width);
                    AddBias(product, o.Bias);
                    Store(o.Out, o.Residual, Activated(product, o.Activation));
                    break;
                default:
                    throw new NotSupportedException(op.GetType().Name);
            }
        return (_buffers[plan.Output], hidden);
    }

    private void Store(Buffer target, Buffer? residual, float[] values)
    {
        for (int i = 0; residual is not null && i < values.Length; i++)
            values[i] += _buffers[residual][i];
        _buffers[target] = residual is null ? ReferenceEquals(target, plan.Output) ? values : Rounded(values) : values;
    }

    private float[] Patches(PatchEmbed o, float[] pixels)
    {
        int across = o.ImageSize / o.PatchSize, depth = o.Channels * o.PatchSize * o.PatchSize, width = o.Out.Width;
        float[] rows = new float[across * across * depth];
        for (int i = 0; i < rows.Length; i++)
        {
            int p = i / depth, c = i % depth / (o.PatchSize * o.PatchSize), y = i % depth / o.PatchSize % o.PatchSize, x = i % o.PatchSize;
            rows[i] = pixels[(((c * o.ImageSize) + (p / across * o.PatchSize) + y) * o.ImageSize) + (p % across * o.PatchSize) + x];
        }
        float[] product = Multiply(Rounded(rows), Transposed(Values.Of(o.Weight), depth), depth, width);
        AddBias(product, o.Bias);
        float[] all = [.. Values.Of(o.ClassToken), .. product], positions = Values.Of(o.Positions);
        for (int i = 0; i < all.Length; i++)
            all[i] += positions[i];
        return all;
    }

    private float[] Norm(float[] x, LayerNorm o)
    {
        int width = o.In.Width;
        float[] y = new float[x.Length], weight = Values.Of(o.Weight), bias = Values.Of(o.Bias);
        for (int row = 0; row < x.Length; row += width)
        {
            float mean = 0, variance = 0;
            for (int c = 0; c < width; c++)
                mean += x[row + c];
            mean /= width;
            for (int c = 0; c < width; c++)
                variance += (x[row + c] - mean) * (x[row + c] - mean);
            float scale = 1 / MathF.Sqrt((variance / width) + (float)o.Epsilon);
            for (int c = 0; c < width; c++)
                y[row + c] = ((x[row + c] - mean) * scale * weight[c]) + bias[c];
        }
        return Rounded(y);
    }

    private float[] Adaptive(float[] x, AcmSite site)
    {
        int units = site.Learners * site.LearnerSize;
        ReadOnlySpan<int> k = learnersOf(site).Span;
        float[] hidden = Multiply(Rounded(x), Rounded(Values.Of(site.W1)), site.InputWidth, units);
        if (site.B2 is not null)
            throw new NotSupportedException($"{site.Path}: b2");
        AddBias(hidden, site.B1);
        hidden = Rounded(Activated(hidden, site.Activation));
        for (int row = 0; row < k.Length; row++)
            hidden.AsSpan((row * units) + (k[row] * site.LearnerSize), units - (k[row] * site.LearnerSize)).Clear();
        return Multiply(hidden, Rounded(Values.Of(site.W2)), units, site.OutputWidth);
    }

    private float[] Attend(Attention o)
    {
        int width = o.Q.Width, size = width / o.Heads, rows = _buffers[o.Q].Length / width;
        float[] result = new float[rows * width];
        for (int head = 0; head < o.Heads; head++)
        {
            float[] q = Head(o.Q), k = Head(o.K), v = Head(o.V);
            float[] scores = Multiply(q, Transposed(k, size), size, rows);
            for (int row = 0; row < rows; row++)
            {
                Span<float> score = scores.AsSpan(row * rows, rows);
                float most = float.NegativeInfinity, sum = 0;
                foreach (ref float s in score)
                    most = MathF.Max(most, s /= MathF.Sqrt(size));
                foreach (ref float s in score)
                    sum += s = MathF.Exp(s - most);
                foreach (ref float s in score)
                    s /= sum;
            }
            float[] values = Multiply(Rounded(scores), v, rows, size);
            for (int row = 0; row < rows; row++)
                values.AsSpan(row * size, size).CopyTo(result.AsSpan((row * width) + (head * size)));

            float[] Head(Buffer buffer)
            {
                float[] part = new float[rows * size];
                for (int row = 0; row < rows; row++)
                    _buffers[buffer].AsSpan((row * width) + (head * size), size).CopyTo(part.AsSpan(row * size));
                return Rounded(part);
            }
        }
        return Rounded(result);
    }

    private static float[] Activated(float[] values, Activation activation)
    {
        if (activation != Activation.Identity)
            Parallel.For(0, (values.Length + 4095) / 4096, part =>
            {
                foreach (ref float value in values.AsSpan(part * 4096, Math.Min(4096, values.Length - (part * 4096))))
                    value = (float)Functions.Apply(activation, value);
            });
        return values;
    }

    private static void AddBias(float[] rows, Weight? bias)
    {
        float[] values = bias is null ? [0] : Values.Of(bias);
        for (int i = 0; i < rows.Length; i++)
            rows[i] += values[i % values.Length];
    }

    private static float[] Transposed(float[] matrix, int columns)
    {
        float[] result = new float[matrix.Length];
        int rows = matrix.Length / columns;
        for (int r = 0; r < rows; r++)
            for (int c = 0; c < columns; c++)
                result[(c * rows) + r] = matrix[(r * columns) + c];
        return result;
    }

    /// <summary>a [rows, depth] times b [depth, columns]; a sum's terms one after the other, each product and each sum rounded.</summary>
    private float[] Multiply(float[] a, float[] b, int depth, int columns)
    {
        b = Rounded(b);
        float[] c = new float[a.Length / depth * columns];
        Parallel.For(0, a.Length / depth, row =>
        {
            Span<float> sums = c.AsSpan(row * columns, columns);
            for (int k = 0; k < depth; k++)
            {
                float x = a[(row * depth) + k];
                if (x == 0)
                    continue;
                ReadOnlySpan<float> line = b.AsSpan(k * columns, columns);
                int j = 0;
                for (; j <= columns - Vector<float>.Count; j += Vector<float>.Count)
                    (new Vector<float>(sums[j..]) + (new Vector<float>(line[j..]) * x)).CopyTo(sums[j..]);
                for (; j < columns; j++)
                    sums[j] += line[j] * x;
            }
        });
        return c;
    }

    private float[] Rounded(float[] values)
    {
        if (precision == ElementType.Float32)
            return values;
        return Array.ConvertAll(values, v => precision switch
        {
            ElementType.Float16 => (float)(Half)v,
            ElementType.BFloat16 => BitConverter.UInt32BitsToSingle((BitConverter.SingleToUInt32Bits(v) + 0x7FFF + (BitConverter.SingleToUInt32Bits(v) >> 16 & 1)) & 0xFFFF0000),
            _ => BitConverter.UInt32BitsToSingle((BitConverter.SingleToUInt32Bits(v) + 0x1000) & 0xFFFFE000),
        });
    }
}
