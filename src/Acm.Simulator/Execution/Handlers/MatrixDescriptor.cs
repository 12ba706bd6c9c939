namespace Acm.Simulator.Execution.Handlers;

/// <summary>
/// Where an operand of wgmma lies in shared memory, from its 64-bit matrix descriptor. Memory is taken in pieces of 16 bytes, which lie in atoms of 8 pieces
/// (along the rows where K is contiguous, along K where the rows are) times as many as the swizzle is wide; PTX ISA, "Shared Memory Matrix Layout", has the
/// layouts. Rows are those of A, or the columns of B.
/// </summary>
internal readonly struct MatrixDescriptor(ulong bits, bool transposed)
{
    /// <summary>Bytes of one piece, and of a row's part of the product's depth: two pieces, whatever the type.</summary>
    public const int Piece = 16, RowBytes = 32;

    private readonly uint _start = Field(bits), _leading = Field(bits >> 16), _stride = Field(bits >> 32);

    // Pieces of an atom's shorter side: 1, 2, 4 or 8.
    private readonly int _width = (int)(bits >> 62) switch { 0 => 1, 1 => 8, 2 => 4, _ => 2 };

    /// <summary>Whether rows lie contiguous rather than K; of 16-bit elements only.</summary>
    public bool Transposed { get; } = transposed;

    /// <summary>How far from its usual boundary a swizzle's pattern begins.</summary>
    public int BaseOffset { get; } = (int)(bits >> 49) & 7;

    private static uint Field(ulong bits) => (uint)(bits & 0x3fff) << 4;

    /// <summary>Offset in shared memory of a piece: K-major, the half <paramref name="half"/> of a row.</summary>
    public uint OfRow(int row, int half)
    {
        uint core = (uint)(row / 8) * _stride;
        return _width == 1
            ? _start + core + (uint)(row % 8 * Piece) + ((uint)half * _leading)
            : Swizzle(_start + core + (uint)((row % 8 * _width * Piece) + (half * Piece)));
    }

    /// <summary>Offset in shared memory of a piece: transposed, eight rows of 16-bit elements at <paramref name="k"/>.</summary>
    public uint OfColumn(int rows, int k)
    {
        uint group = (uint)(k / 8);
        return _width == 1
            ? _start + ((uint)rows * _stride) + (group * _leading) + (uint)(k % 8 * Piece)
            : Swizzle(_start + ((uint)(rows / _width) * _leading) + (group * _stride) + (uint)((k % 8 * _width * Piece) + (rows % _width * Piece)));
    }

    // The piece's place in its line of 128 bytes is changed by the number of that line.
    private uint Swizzle(uint offset) => offset ^ ((offset >> 3) & (uint)((_width - 1) * Piece));
}
