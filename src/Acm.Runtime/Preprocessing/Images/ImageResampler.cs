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
    /// <exception cref="ArgumentException">
    /// A size is not positive, <paramref name="source"/> does not hold what the sizes say, or the result, or what lies between the passes, would not fit an array.
    /// </exception>
    public static byte[] Resize(ReadOnlySpan<byte> source, int width, int height, int channels, int toWidth, int toHeight, ImageFilter filter) =>
        Resize(source, width, height, channels, toWidth, toHeight, filter, 0, 0, toWidth, toHeight);

    /// <summary>A window of what <see cref="Resize(ReadOnlySpan{byte}, int, int, int, int, int, ImageFilter)"/> would give, which itself may be of any size.</summary>
    /// <returns>[windowHeight, windowWidth, channels].</returns>
    internal static byte[] Resize(
        ReadOnlySpan<byte> source, int width, int height, int channels, long toWidth, long toHeight, ImageFilter filter,
        long left, long top, int windowWidth, int windowHeight)
    {
        if (width < 1 || height < 1 || channels < 1 || toWidth < 1 || toHeight < 1)
            throw new ArgumentException($"sizes must be positive: {width} x {height} x {channels} to {toWidth} x {toHeight}", nameof(width));
        if (source.Length != (Int128)width * height * channels)
            throw new ArgumentException($"{width} x {height} x {channels} is {(Int128)width * height * channels} bytes, got {source.Length}", nameof(source));
        RequireArray((Int128)windowWidth * windowHeight * channels);
        Taps rows = Taps.For(height, toHeight, top, windowHeight, filter);
        int between = rows.End - rows.Start, pitch = width * channels, line = windowWidth * channels;
        RequireArray((Int128)windowWidth * between * channels);
        Taps columns = Taps.For(width, toWidth, left, windowWidth, filter);
        source = source.Slice(rows.Start * pitch, between * pitch);
        if (toWidth != width)
        {
            byte[] across = Across(source, pitch, channels, between, columns);
            return toHeight == height ? across : Down(across, line, line, rows);
        }
        source = source[(columns.Start * channels)..];
        return toHeight == height ? Cut(source, pitch, line, between) : Down(source, pitch, line, rows);

        void RequireArray(Int128 bytes)
        {
            if (bytes > Array.MaxLength)
                throw new ArgumentException($"{width} x {height} x {channels} to {toWidth} x {toHeight} takes {bytes} bytes, an array holds {Array.MaxLength}", nameof(toWidth));
        }
    }

    private static byte[] Across(ReadOnlySpan<byte> source, int pitch, int channels, int height, Taps columns)
    {
        byte[] across = new byte[height * columns.First.Length * channels];
        for (int y = 0, to = 0; y < height; y++)
            for (int x = 0; x < columns.First.Length; x++)
                for (int c = 0; c < channels; c++)
                    across[to++] = columns.Weigh(x, source, y * pitch + columns.Start * channels + c, channels);
        return across;
    }

    private static byte[] Down(ReadOnlySpan<byte> source, int pitch, int width, Taps rows)
    {
        byte[] down = new byte[rows.First.Length * width];
        for (int y = 0; y < rows.First.Length; y++)
            for (int x = 0; x < width; x++)
                down[y * width + x] = rows.Weigh(y, source, x, pitch);
        return down;
    }

    private static byte[] Cut(ReadOnlySpan<byte> source, int pitch, int width, int height)
    {
        byte[] cut = new byte[height * width];
        for (int y = 0; y < height; y++)
            source.Slice(y * pitch, width).CopyTo(cut.AsSpan(y * width));
        return cut;
    }

    /// <summary>
    /// For each output pixel of a window: the first input pixel it sees, counted from <paramref name="Start"/>, and a fixed-point coefficient for each
    /// from there on. All of them lie before <paramref name="End"/>. No output pixel where nothing is scaled: start and end are the window's.
    /// </summary>
    private sealed record Taps(int Start, int End, int[] First, int[][] Coefficients)
    {
        public static Taps For(int from, long to, long start, int count, ImageFilter filter)
        {
            if (from == to)
                return new Taps((int)start, (int)start + count, [], []);
            double scale = (double)from / to, stretch = Math.Max(scale, 1), support = (filter == ImageFilter.Bilinear ? 1 : 2) * stretch;
            int[] first = new int[count];
            int[][] coefficients = new int[count][];
            for (int i = 0; i < count; i++)
            {
                double center = (start + i + 0.5) * scale;
                int low = Math.Max((int)(center - support + 0.5), 0), high = Math.Min((int)(center + support + 0.5), from);
                double[] weights = new double[high - low];
                double sum = 0;
                for (int x = 0; x < weights.Length; x++)
                    sum += weights[x] = Weight(filter, (x + low - center + 0.5) * (1 / stretch));
                first[i] = low;
                coefficients[i] = [.. weights.Select(weight => Fixed(sum != 0 ? weight / sum : weight))];
            }
            int begin = first[0], end = first[^1] + coefficients[^1].Length;
            return new Taps(begin, end, [.. first.Select(at => at - begin)], coefficients);
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
