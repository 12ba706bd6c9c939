using Acm.Simulator.Tests.Device;

namespace Acm.Simulator.Tests.Arithmetic;

/// <summary>Kernels of one thread that leave a few words: what an instruction makes of chosen operands.</summary>
internal static class OneThread
{
    /// <summary>What a body leaves in <c>%r1</c>. It finds the registers of <see cref="PtxBench.Module"/>, and <c>%h</c> of 16 bits.</summary>
    public static uint Word(string body) => Run($"{Halves}{body} st.global.u32 [%q], %r1;", 1)[0];

    /// <summary>What a body leaves in <c>%d1</c>.</summary>
    public static ulong Wide(string body)
    {
        uint[] words = Run($"{Halves}{body} st.global.u64 [%q], %d1;", 2);
        return words[0] | ((ulong)words[1] << 32);
    }

    /// <summary>What a body leaves in <c>%h1</c>.</summary>
    public static uint Half(string body) => Word($"{body} cvt.u32.u16 %r1, %h1;");

    /// <summary>Whether a body leaves <c>%c1</c> set.</summary>
    public static bool Predicate(string body) => Word($"{body} selp.u32 %r1, 1, 0, %c1;") == 1;

    /// <summary>The words that a body stores at <c>%q</c>.</summary>
    public static uint[] Run(string body, int words) => RunModule(PtxBench.Module(body), words);

    public static uint[] RunModule(string ptx, int words)
    {
        using PtxBench bench = new(new SimulatorOptions { Profile = DeviceProfile.H100 });
        ulong p = bench.Buffer("p", 0), q = bench.Device.Allocate((ulong)words * 4, "q");
        bench.Launch(ptx, 1, 1, p, q);
        return bench.Words(q, words);
    }

    private const string Halves = ".reg .b16 %h<8>; ";
}
