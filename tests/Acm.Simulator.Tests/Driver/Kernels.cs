using System.Text;
using Acm.Native;

namespace Acm.Simulator.Tests.Driver;

/// <summary>Small PTX for driver tests.</summary>
internal static class Kernels
{
    /// <summary><c>add(float* x, unsigned n, float v)</c>: x[i] += v for i below n; <c>stray</c> stores beyond every buffer; <c>bias</c> is a variable.</summary>
    public const string Ptx =
        """
        .version 7.0
        .target sm_75
        .address_size 64
        .global .align 4 .f32 bias[4];
        .visible .entry add(.param .u64 px, .param .u32 pn, .param .f32 pv)
        {
            .reg .pred %p<2>;
            .reg .b32 %r<6>;
            .reg .f32 %f<4>;
            .reg .b64 %rd<5>;
            ld.param.u64 %rd1, [px];
            ld.param.u32 %r1, [pn];
            ld.param.f32 %f1, [pv];
            mov.u32 %r2, %ctaid.x;
            mov.u32 %r3, %ntid.x;
            mov.u32 %r4, %tid.x;
            mad.lo.s32 %r5, %r2, %r3, %r4;
            setp.ge.u32 %p1, %r5, %r1;
            @%p1 bra DONE;
            cvta.to.global.u64 %rd2, %rd1;
            mul.wide.u32 %rd3, %r5, 4;
            add.s64 %rd4, %rd2, %rd3;
            ld.global.f32 %f2, [%rd4];
            add.f32 %f3, %f2, %f1;
            st.global.f32 [%rd4], %f3;
        DONE:
            ret;
        }
        .visible .entry stray(.param .u64 px)
        {
            .reg .b32 %r<2>;
            .reg .b64 %rd<3>;
            ld.param.u64 %rd1, [px];
            cvta.to.global.u64 %rd2, %rd1;
            mov.u32 %r1, 1;
            st.global.u32 [%rd2+1073741824], %r1;
            ret;
        }
        """;

    public static CudaModule Load(CudaContext context) => new(context, Encoding.ASCII.GetBytes(Ptx), "kernels.ptx");
}
