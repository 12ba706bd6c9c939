namespace Acm.Simulator.Tests.Arithmetic;

/// <summary>PTX rounding modifiers.</summary>
internal enum Rounding
{
    /// <summary><c>.rn</c>, <c>.rni</c>: to nearest, ties to even.</summary>
    NearestEven,

    /// <summary><c>.rz</c>, <c>.rzi</c>: toward zero.</summary>
    Zero,

    /// <summary><c>.rm</c>, <c>.rmi</c>: toward minus infinity.</summary>
    Down,

    /// <summary><c>.rp</c>, <c>.rpi</c>: toward plus infinity.</summary>
    Up,

    /// <summary><c>.rna</c>: to nearest, ties away from zero.</summary>
    NearestAway,
}
