using System.Runtime.InteropServices;
using System.Text;
using Acm.Simulator.Arithmetic;
using Acm.Simulator.Tests.Arithmetic;

namespace Acm.Simulator.Tests.Device;

/// <summary>
/// One wgmma of 64 rows over made-up integers, as a kernel: operands are put into shared memory by the PTX ISA's canonical layouts (shape and stride of every
/// coordinate, then the swizzle), written here independently of the simulator's reading. Sums are so small that every order and width gives the same.
/// </summary>
internal sealed class WarpGroupCase(Random random, MmaType d, MmaType a, MmaType b, int n, WarpGroupCase.Layout layoutA, WarpGroupCase.Layout layoutB)
{
    private const int Rows = 64, Threads = 128;

    /// <summary>How an operand lies: swizzled over 128, 64 or 32 bytes, or 0; and whether K is contiguous or the other side. Width -1 of A: in registers.</summary>
    internal readonly record struct Layout(int Width, bool Transposed);

    private readonly int _depth = 256 / MmaShape.BitsOf(a);

    /// <summary>Whether sums begin with D's old values.</summary>
    public bool Adds { get; init; } = true;

    /// <summary>1 or -1, of floats.</summary>
    public int SignA { get; init; } = 1;

    public int SignB { get; init; } = 1;

    public bool Saturates { get; init; }

    private bool IsInteger => d == MmaType.S32;

    private bool IsAInRegisters => layoutA.Width < 0;

    private int ResultRegisters => n / (d == MmaType.F16 ? 4 : 2);

    /// <summary>Runs it; the first wrong element in words, or null.</summary>
    public string? Run(SimulatorOptions options)
    {
        int[,] x = Integers(a, Rows, _depth), y = Integers(b, n, _depth), z = Integers(d, Rows, n);
        (byte[] imageA, ulong descriptorA) = IsAInRegisters ? ([], 0) : Place(x, a, layoutA, 0);
        (byte[] imageB, ulong descriptorB) = Place(y, b, layoutB, imageA.Length);
        byte[] image = [.. imageA, .. imageB];
        uint[] registersA = IsAInRegisters ? FragmentsOfA(x) : [0], c = Fragments(z);
        using SimulatedDevice device = new(options);
        ulong[] buffers = [Buffer(image, "image"), Buffer(MemoryMarshal.AsBytes(registersA.AsSpan()), "a"), Buffer(MemoryMarshal.AsBytes(c.AsSpan()), "d")];
        using SimulatedModule module = device.Load(Ptx(descriptorA, descriptorB, image.Length));
        device.Launch(module.GetKernel("k"), new Dim3(1, 1, 1), new Dim3(Threads, 1, 1), image.Length, MemoryMarshal.AsBytes<ulong>(buffers));
        uint[] got = new uint[c.Length];
        device.Read(buffers[2], MemoryMarshal.AsBytes(got.AsSpan()));
        for (int row = 0; row < Rows; row++)
            for (int column = 0; column < n; column++)
            {
                long sum = Adds ? z[row, column] : 0;
                for (int k = 0; k < _depth; k++)
                    sum += a == MmaType.B1 ? x[row, k] & y[column, k] : (long)(SignA * SignB) * x[row, k] * y[column, k];
                sum = Saturates ? Math.Clamp(sum, int.MinValue, int.MaxValue) : sum;
                ulong have = Element(got, row, column);
                double value = IsInteger ? (int)have : MmaCasesTests.Value(d, have);
                if (value != (IsInteger ? (int)sum : sum))
                    return $"D[{row},{column}] is {value}, not {sum}";
            }
        return null;

        ulong Buffer(ReadOnlySpan<byte> bytes, string name)
        {
            ulong address = device.Allocate((ulong)bytes.Length, name);
            device.Write(address, bytes);
            return address;
        }
    }

    /// <summary>The kernel, <c>k(image, a, d)</c>: each thread has its registers of A and D one after the other.</summary>
    public string Ptx(ulong descriptorA, ulong descriptorB, int bytes)
    {
        int results = ResultRegisters;
        string names = string.Join(", ", Enumerable.Range(0, results).Select(static r => $"%s{r}"));
        string types = $"{Name(d)}.{Name(a)}.{Name(b)}{(a == MmaType.B1 ? ".and.popc" : "")}";
        string flags = (IsInteger ? "" : $", {SignA}, {SignB}")
            + (MmaShape.BitsOf(a) != 16 ? "" : IsAInRegisters ? $", {Number(layoutB)}" : $", {Number(layoutA)}, {Number(layoutB)}");
        var loads = new StringBuilder();
        for (int r = 0; r < results; r++)
            loads.AppendLine($"ld.global.b32 %s{r}, [%d4+{4 * r}];");
        for (int r = 0; IsAInRegisters && r < 4; r++)
            loads.AppendLine($"ld.global.b32 %x{r}, [%a4+{4 * r}];");
        var stores = new StringBuilder();
        for (int r = 0; r < results; r++)
            stores.AppendLine($"st.global.b32 [%d4+{4 * r}], %s{r};");
        return $$"""
            .version 8.4
            .target sm_90a
            .address_size 64
            .extern .shared .align 1024 .b8 image[];
            .visible .entry k(.param .u64 p0, .param .u64 p1, .param .u64 p2)
            {
            .reg .pred %more, %adds;
            .reg .b32 %me, %at, %s<{{results}}>, %x<4>, %word;
            .reg .b64 %from, %a4, %d4, %wide, %da, %db;
            mov.u32 %me, %tid.x;
            ld.param.u64 %from, [p0];
            ld.param.u64 %a4, [p1];
            ld.param.u64 %d4, [p2];
            mad.wide.u32 %a4, %me, 16, %a4;
            mad.wide.u32 %d4, %me, {{4 * results}}, %d4;
            {{loads}}
            mov.u32 %at, image;
            mad.lo.u32 %at, %me, 4, %at;
            mad.wide.u32 %from, %me, 4, %from;
            mul.lo.u32 %me, %me, 4;
            COPY:
            ld.global.b32 %word, [%from];
            st.shared.b32 [%at], %word;
            add.u32 %me, %me, {{4 * Threads}};
            add.u32 %at, %at, {{4 * Threads}};
            add.s64 %from, %from, {{4 * Threads}};
            setp.lt.u32 %more, %me, {{bytes}};
            @%more bra COPY;
            fence.proxy.async;
            bar.sync 0;
            mov.b64 %da, 0x{{descriptorA:x}};
            mov.b64 %db, 0x{{descriptorB:x}};
            setp.ne.s32 %adds, {{(Adds ? 1 : 0)}}, 0;
            wgmma.fence.sync.aligned;
            wgmma.mma_async.sync.aligned.m64n{{n}}k{{_depth}}{{(Saturates ? ".satfinite" : "")}}.{{types}} {{{names}}}, {{(IsAInRegisters ? "{%x0, %x1, %x2, %x3}" : "%da")}}, %db, %adds{{flags}};
            wgmma.commit_group.sync.aligned;
            wgmma.wait_group.sync.aligned 0;
            {{stores}}
            ret;
            }
            """;

        static string Name(MmaType type) => type.ToString().ToLowerInvariant();

        static int Number(Layout layout) => layout.Transposed ? 1 : 0;
    }

    private int[,] Integers(MmaType type, int rows, int columns)
    {
        (int least, int most) = type switch
        {
            MmaType.B1 => (0, 1),
            MmaType.U8 => (0, 255),
            MmaType.S8 => (-128, 127),
            MmaType.S32 => Saturates ? (int.MaxValue - 5000, int.MaxValue - 1) : (-5000, 5000),
            MmaType.E5M2 => (-5, 5),
            _ => (-7, 7),
        };
        var values = new int[rows, columns];
        for (int row = 0; row < rows; row++)
            for (int column = 0; column < columns; column++)
                values[row, column] = random.Next(least, most + 1);
        return values;
    }

    // The image of an operand, which begins at an offset of shared memory, and its descriptor.
    private (byte[] Image, ulong Descriptor) Place(int[,] values, MmaType type, Layout layout, int at)
    {
        int rows = values.GetLength(0), bits = MmaShape.BitsOf(type), unit = 128 / bits, wide = Math.Max(layout.Width / 16, 1), spread = random.Next(2), start = at, leading, stride;
        // Byte offset of an element in the canonical layout: ((8,m),(T,2k)) or ((T,wide,m),(8,k)).
        Func<int, int, int> offset;
        if (!layout.Transposed)
        {
            stride = 128 * wide * (1 + spread);
            leading = layout.Width > 0 ? 16 : stride * rows / 8;
            if (layout.Width == 0 && spread == 1)
                (leading, stride) = (128, 256);
            start += layout.Width > 32 ? 32 * random.Next(layout.Width / 32) : 0; // any part of K in the swizzled line
            offset = (row, k) => (row % 8 * 16 * wide) + (row / 8 * stride) + (k % unit * bits / 8) + (k / unit * leading);
        }
        else
        {
            (int along, int across) = (128 * wide, 128 * wide * 2 * (1 + spread));
            (leading, stride) = layout.Width > 0 ? (across, along) : spread == 1 ? (128 * rows / 8, 128) : (128, 256);
            offset = (row, k) => (row % unit * 2) + (k % 8 * 16 * wide)
                + (layout.Width > 0 ? (row / unit % wide * 16) + (row / unit / wide * leading) + (k / 8 * stride) : (row / unit * stride) + (k / 8 * leading));
        }

        var image = new byte[((offset(rows - 1, _depth - 1) + 128 + 1024) / 1024 * 1024) + 1024];
        random.NextBytes(image);
        for (int row = 0; row < rows; row++)
            for (int k = 0; k < _depth; k++)
            {
                // Swizzle<log2 wide, 4, 3>.
                int linear = start + offset(row, k), swizzled = linear ^ ((linear >> 7 & (wide - 1)) << 4), place = swizzled - at;
                ulong raw = Raw(type, values[row, k]);
                if (bits == 1)
                    image[place] = (byte)((image[place] & ~(1 << (k % 8))) | (int)raw << (k % 8));
                for (int i = 0; i < bits / 8; i++)
                    image[place + i] = (byte)(raw >> (8 * i));
            }
        ulong mode = layout.Width switch { 128 => 1, 64 => 2, 32 => 3, _ => 0 };
        return (image, (ulong)(uint)(start >> 4) | (ulong)(uint)(leading >> 4) << 16 | (ulong)(uint)(stride >> 4) << 32 | mode << 62);
    }

    private static ulong Raw(MmaType type, int value) => type switch
    {
        MmaType.F16 => BitConverter.HalfToUInt16Bits((Half)value),
        MmaType.Bf16 => BitConverter.SingleToUInt32Bits(value) >> 16,
        MmaType.F32 => BitConverter.SingleToUInt32Bits(value),
        MmaType.Tf32 => BitConverter.SingleToUInt32Bits(value) | 0x155u, // bits that are not looked at
        MmaType.E4M3 or MmaType.E5M2 => Enumerable.Range(0, 256).Select(static x => (ulong)x).First(x => MmaCasesTests.Value(type, x) == value),
        _ => (uint)value,
    };

    // A as mma.sync has it: warp w has rows 16 w on.
    private uint[] FragmentsOfA(int[,] values)
    {
        MmaShape shape = new(16, 8, _depth, a, b, d, d);
        var registers = new uint[Threads * 4];
        for (int warp = 0; warp < 4; warp++)
        {
            uint[] planes = MmaRegisters.PackA(shape, [.. Enumerable.Range(0, 16 * _depth).Select(i => Raw(a, values[(16 * warp) + (i / _depth), i % _depth]))]);
            for (int lane = 0; lane < 32; lane++)
                for (int r = 0; r < 4; r++)
                    registers[(((32 * warp) + lane) * 4) + r] = planes[(32 * r) + lane];
        }

        return registers;
    }

    private uint[] Fragments(int[,] values)
    {
        var registers = new uint[Threads * ResultRegisters];
        for (int row = 0; row < Rows; row++)
            for (int column = 0; column < n; column++)
            {
                (int word, int shift) = PlaceOf(row, column);
                registers[word] |= (uint)Raw(d, values[row, column]) << shift;
            }
        return registers;
    }

    private ulong Element(uint[] registers, int row, int column)
    {
        (int word, int shift) = PlaceOf(row, column);
        return d == MmaType.F16 ? registers[word] >> shift & 0xffff : registers[word];
    }

    // PTX ISA's figure of D: thread 32 w + 4 g + t has rows 16 w + g and 8 further on, columns 8 j + 2 t and the next.
    private (int Word, int Shift) PlaceOf(int row, int column)
    {
        int thread = (32 * (row / 16)) + (4 * (row % 8)) + (column % 8 / 2), below = row % 16 / 8, odd = column % 2, block = column / 8;
        return d == MmaType.F16
            ? ((thread * ResultRegisters) + (2 * block) + below, 16 * odd)
            : ((thread * ResultRegisters) + (4 * block) + (2 * below) + odd, 0);
    }
}
