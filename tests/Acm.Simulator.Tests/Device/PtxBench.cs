using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace Acm.Simulator.Tests.Device;

/// <summary>A simulated device for small hand-written kernels whose parameters are all 64-bit pointers.</summary>
internal sealed class PtxBench(SimulatorOptions options) : IDisposable
{
    private readonly SimulatedDevice _device = new(options);

    public SimulatedDevice Device => _device;

    /// <summary>
    /// The text of a module with one kernel <c>k(p, q)</c>. The body finds <c>%p</c>, <c>%q</c> (global addresses), <c>%me</c> (tid.x),
    /// <c>%tid4</c> (tid * 4 as 64 bits), <c>%p4</c> (p + tid * 4), <c>%q4</c>, and registers %r, %f (32 bits), %d (64 bits), %c (predicates).
    /// </summary>
    public static string Module(string body, string shared = "") => $$"""
        .version 8.0
        .target sm_80
        .address_size 64
        .file 1 "kernel.cu"
        .visible .entry k(.param .u64 p0, .param .u64 p1)
        {
        .reg .pred %c<8>;
        .reg .b32 %me, %r<32>;
        .reg .f32 %f<16>;
        .reg .b64 %p, %q, %p4, %q4, %tid4, %d<16>;
        {{shared}}
        ld.param.u64 %p, [p0];
        ld.param.u64 %q, [p1];
        mov.u32 %me, %tid.x;
        mul.wide.u32 %tid4, %me, 4;
        add.s64 %p4, %p, %tid4;
        add.s64 %q4, %q, %tid4;
        {{body}}
        ret;
        }
        """;

    /// <summary>A buffer that holds these words.</summary>
    public ulong Buffer(string name, params uint[] words)
    {
        ulong address = _device.Allocate((ulong)words.Length * 4, name);
        _device.Write(address, MemoryMarshal.AsBytes<uint>(words));
        return address;
    }

    /// <summary>Words read back.</summary>
    public uint[] Words(ulong address, int count)
    {
        var words = new uint[count];
        _device.Read(address, MemoryMarshal.AsBytes(words.AsSpan()));
        return words;
    }

    /// <summary>Runs <c>k</c>.</summary>
    public LaunchReport Launch(string ptx, int grid, int block, ulong p, ulong q)
    {
        using SimulatedModule module = _device.Load(ptx);
        byte[] parameters = new byte[16];
        BinaryPrimitives.WriteUInt64LittleEndian(parameters, p);
        BinaryPrimitives.WriteUInt64LittleEndian(parameters.AsSpan(8), q);
        return _device.Launch(module.GetKernel("k"), new Dim3(grid, 1, 1), new Dim3(block, 1, 1), 0, parameters);
    }

    public void Dispose() => _device.Dispose();
}
