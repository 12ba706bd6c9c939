using Acm.Runtime.Plan;

namespace Acm.Runtime.Backends.Reference;

/// <summary>Activations, in double.</summary>
internal static class Functions
{
    public static void Apply(Activation activation, Span<double> values)
    {
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = Apply(activation, values[i]);
        }
    }

    public static double Apply(Activation activation, double x) => activation switch
    {
        Activation.Gelu => x / 2 * ErrorFunction.Complement(-x / Math.Sqrt(2)),
        Activation.GeluTanh => x / 2 * (1 + Math.Tanh(Math.Sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x))),
        Activation.Relu => x < 0 ? 0 : x,
        _ => x,
    };
}
