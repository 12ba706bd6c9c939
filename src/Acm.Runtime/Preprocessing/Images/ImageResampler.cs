namespace Acm.Runtime;

/// <summary>The filter an image is scaled with.</summary>
public enum ImageFilter
{
    /// <summary>Triangle, one pixel to each side.</summary>
    Bilinear,
    /// <summary>Keys' cubic with a = -0.5, two pixels to each side.</summary>
    Bicubic,
}

/// <summary>
/// Scales 8-bit pictures as Pillow does, bit for bit, since models were trained on its pixels: the filter stretched by the scale (antialiasing),
/// the horizontal pass first, coefficients in fixed point, each pass rounded to 8 bits.
/// </summary>
/// <remarks>Method: Pillow's documented <c>Image.resize</c>; the fixed point has 32 - 8 - 2 fraction bits.</remarks>
public static class ImageResampler
{
    private const int FractionBits = 32 - 8 - 2;

    /// <summary>Scales a picture.</summary>
    /// <param name="source">[height, width, channels], 8 bits.</param>
    /// <param name="width">Pixels across.</param>
    /// <param name="height">Pixels down.</param>
    /// <param name="channels">Interleaved channels.</param>
    /// <param name="toWidth">Pixels across wanted.</param>
    /// <param name="toHeight">Pixels down wanted.</param>
    /// <param name="filter">The filter.</param>
    /// <returns>[toHeight, toWidth, channels].</returns>
    /// <exception cref="ArgumentException">A size is not positive, or <paramref name="source"/> does not hold what the sizes say.</exception>
    public static byte[] Resize(ReadOnlySpan<byte> source, int width, int height, int channels, int toWidth, int toHeight, ImageFilter filter)
    {
        if (width < 1 || height < 1 || channels < 1 || toWidth < 1 || toHeight < 1)
            throw new ArgumentException($"sizes must be positive: {width} x {height} x {channels} to {toWidth} x {toHeight}", nameof(width));
        if (source.Length != (long)width * height * channels)
            throw new ArgumentException($"{width} x {height} x {channels} is {(long)width * height * channels} bytes, got {source.Length}", nameof(source));
        byte[] across = source.ToArray();
        if (toWidth != width)
        {
            across = new byte[checked(toWidth * height * channels)];
            Taps taps = Taps.For(width, toWidth, filter);
            for (int y = 0; y < height; y++)
                for (int x = 0; x < toWidth; x++)
                    for (int c = 0; c < channels; c++)
                        across[(y * toWidth + x) * channels + c] = taps.Weigh(x, source, y * width * channels + c, channels);
        }
        if (toHeight == height)
            return across;
        byte[] down = new byte[checked(toWidth * toHeight * channels)];
        Taps rows = Taps.For(height, toHeight, filter);
        for (int y = 0; y < toHeight; y++)
            for (int x = 0; x < toWidth * channels; x++)
                down[y * toWidth * channels + x] = rows.Weigh(y, across, x, toWidth * channels);
        return down;
    }

    /// <summary>For each output pixel: the first input pixel it sees, and a fixed-point coefficient for each from there on.</summary>
    private sealed record Taps(int[] First, int[][] Coefficients)
    {
        public static Taps For(int from, int to, ImageFilter filter)
        {
            double scale = (double)from / to, stretch = Math.Max(scale, 1), support = (filter == ImageFilter.Bilinear ? 1 : 2) * stretch;
            int[] first = new int[to];
            int[][] coefficients = new int[to][];
            for (int i = 0; i < to; i++)
            {
                double center = (i + 0.5) * scale;
                int low = Math.Max((int)(center - support + 0.5), 0), high = Math.Min((int)(center + support + 0.5), from);
                double[] weights = new double[high - low];
                double sum = 0;
                for (int x = 0; x < weights.Length; x++)
                    sum += weights[x] = Weight(filter, (x + low - center + 0.5) * (1 / stretch));
                first[i] = low;
                coefficients[i] = [.. weights.Select(weight => Fixed(sum != 0 ? weight / sum : weight))];
            }
            return new Taps(first, coefficients);
        }

        public byte Weigh(int output, ReadOnlySpan<byte> source, int offset, int stride)
        {
            int[] weights = Coefficients[output];
            int sum = 1 << (FractionBits - 1), at = offset + First[output] * stride;
            foreach (int weight in weights)
            {
                sum += source[at] * weight;
                at += stride;
            }
            return (byte)Math.Clamp(sum >> FractionBits, 0, 255);
        }

        private static int Fixed(double weight) => (int)(weight < 0 ? -0.5 + weight * (1 << FractionBits) : 0.5 + weight * (1 << FractionBits));

        private static double Weight(ImageFilter filter, double x)
        {
            x = Math.Abs(x);
            if (filter == ImageFilter.Bilinear)
                return x < 1 ? 1 - x : 0;
            const double a = -0.5;
            return x < 1 ? ((a + 2) * x - (a + 3)) * x * x + 1 : x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
        }
    }
}
