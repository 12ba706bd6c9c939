using Acm.Runtime.Plan;
using Buffer = Acm.Runtime.Plan.Buffer;

namespace Acm.Runtime.Backends.Cpu;

/// <summary>
/// Finds the buffers that only dense layers write and read (an MLP's hidden units). Their rows may lie further apart than they are wide: at
/// a multiple of a page the rows of a tile would all compete for the same few cache lines.
/// </summary>
internal static class DenseOnly
{
    private const int Page = 1024, Line = 16;

    /// <summary>Floats from one row of the buffer to the next.</summary>
    public static int Pitch(IEnumerable<Op> ops, Buffer output, Buffer buffer) =>
        buffer.Width % Page == 0 && output != buffer && ops.All(op => !TouchedOtherwise(op, buffer)) ? buffer.Width + Line : buffer.Width;

    private static bool TouchedOtherwise(Op op, Buffer buffer) => op switch
    {
        Linear o => o.Residual == buffer,
        Route o => o.In == buffer,
        PatchEmbed o => o.Out == buffer,
        TokenEmbed o => o.Out == buffer,
        LoadSamples o => o.Out == buffer,
        LayerNorm o => o.In == buffer || o.Out == buffer,
        ChannelNorm o => o.In == buffer || o.Out == buffer,
        AcmLayer o => o.In == buffer || o.Out == buffer || o.Residual == buffer,
        Attention o => o.Q == buffer || o.K == buffer || o.V == buffer || o.Out == buffer,
        Conv1d o => o.In == buffer || o.Out == buffer || o.Residual == buffer,
        SelectFirst o => o.In == buffer || o.Out == buffer,
        MeanPool o => o.In == buffer || o.Out == buffer,
        UnitLength o => o.In == buffer || o.Out == buffer,
        Tap o => o.In == buffer,
        // An op this list does not know keeps every buffer as it is.
        _ => true,
    };
}
