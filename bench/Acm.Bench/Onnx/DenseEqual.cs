using Acm.Runtime.Plan;

namespace Acm.Bench.Onnx;

/// <summary>A linear map, <c>y = x Weight + Bias</c>, with <paramref name="Weight"/> [inputs, outputs].</summary>
internal sealed record DenseEqual(float[] Weight, int Inputs, int Outputs, float[]? Bias)
{
    public static DenseEqual Of(Linear op)
    {
        int outputs = op.Out.Width, inputs = op.In.Width;
        float[] weight = Read(op.Weight), turned = new float[weight.Length];
        for (int o = 0; o < outputs; o++)
            for (int i = 0; i < inputs; i++)
                turned[i * outputs + o] = weight[o * inputs + i];
        return new(turned, inputs, outputs, op.Bias is null ? null : Read(op.Bias));
    }

    /// <summary>Both halves of an ACM whose every token gets every learner.</summary>
    public static (DenseEqual Up, DenseEqual Down) Of(AcmSite site)
    {
        int units = site.Learners * site.LearnerSize;
        float[]? bias = null;
        if (site.B2 is not null)
        {
            float[] rows = Read(site.B2);
            bias = new float[site.OutputWidth];
            for (int i = 0; i < rows.Length; i++)
                bias[i % bias.Length] += rows[i];
        }
        return (new(Read(site.W1), site.InputWidth, units, site.B1 is null ? null : Read(site.B1)), new(Read(site.W2), units, site.OutputWidth, bias));
    }

    /// <summary>The same as one map, where the learners are linear.</summary>
    public static DenseEqual Folded(AcmSite site)
    {
        var (up, down) = Of(site);
        float[] weight = new float[up.Inputs * down.Outputs], bias = down.Bias ?? new float[down.Outputs];
        for (int i = 0; i < up.Inputs; i++)
            AddProduct(up.Weight.AsSpan(i * up.Outputs, up.Outputs), down, weight.AsSpan(i * down.Outputs, down.Outputs));
        if (up.Bias is not null)
            AddProduct(up.Bias, down, bias);
        return new(weight, up.Inputs, down.Outputs, bias);
    }

    /// <summary>Maps of one input, their outputs side by side.</summary>
    public static DenseEqual Beside(params DenseEqual[] maps)
    {
        int outputs = maps.Sum(static map => map.Outputs), at = 0;
        float[] weight = new float[maps[0].Inputs * outputs], bias = new float[outputs];
        foreach (DenseEqual map in maps)
        {
            for (int i = 0; i < map.Inputs; i++)
                map.Weight.AsSpan(i * map.Outputs, map.Outputs).CopyTo(weight.AsSpan(i * outputs + at));
            map.Bias?.CopyTo(bias, at);
            at += map.Outputs;
        }
        return new(weight, maps[0].Inputs, outputs, bias);
    }

    public static float[] Read(Weight weight)
    {
        float[] values = new float[weight.Count];
        weight.CopyTo(values);
        return values;
    }

    private static void AddProduct(ReadOnlySpan<float> row, DenseEqual map, Span<float> to)
    {
        for (int j = 0; j < row.Length; j++)
            for (int o = 0; o < to.Length; o++)
                to[o] += row[j] * map.Weight[j * map.Outputs + o];
    }
}
