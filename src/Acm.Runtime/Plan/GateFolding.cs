namespace Acm.Runtime.Plan;

/// <summary>A chain of Linear layers without an activation is one affine map: W = W_n .. W_1, b = W_n (.. (W_2 b_1 + b_2) ..) + b_n. In double.</summary>
internal static class GateFolding
{
    /// <summary>Folds a gate whose layers have no activation between them.</summary>
    /// <returns>Weight [outputs, inputs] and bias [outputs].</returns>
    public static (double[] Weight, double[] Bias) Fold(Gate gate)
    {
        double[] weight = Values(gate.Layers[0].Weight), bias = Values(gate.Layers[0].Bias);
        for (int layer = 1; layer < gate.Layers.Count; layer++)
        {
            double[] next = Values(gate.Layers[layer].Weight), nextBias = Values(gate.Layers[layer].Bias);
            int outputs = nextBias.Length, middle = bias.Length, inputs = weight.Length / middle;
            double[] product = new double[outputs * inputs];
            for (int o = 0; o < outputs; o++)
                for (int m = 0; m < middle; m++)
                {
                    nextBias[o] += next[o * middle + m] * bias[m];
                    for (int i = 0; i < inputs; i++)
                        product[o * inputs + i] += next[o * middle + m] * weight[m * inputs + i];
                }
            (weight, bias) = (product, nextBias);
        }
        return (weight, bias);
    }

    /// <summary>A weight's values, widened exactly.</summary>
    public static double[] Values(Weight weight)
    {
        double[] values = new double[weight.Count];
        weight.CopyTo(values);
        return values;
    }
}
