using Acm.Runtime.Plan;

namespace Acm.Runtime.Backends.Cuda;

/// <summary>Weights as floats, activations as the kernels number them.</summary>
internal static class Values
{
    public static float[] Of(Weight weight)
    {
        float[] values = new float[weight.Count];
        weight.CopyTo(values);
        return values;
    }

    public static int Macro(Activation activation) => activation switch
    {
        Activation.Gelu => 1,
        Activation.GeluTanh => 2,
        Activation.Relu => 3,
        _ => 0,
    };
}
