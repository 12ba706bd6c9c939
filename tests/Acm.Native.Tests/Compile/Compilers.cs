using Acm.Native.Compile;
using Acm.Testing;
using NUnit.Framework;

namespace Acm.Native.Tests.Compile;

/// <summary>Every compiler at hand, and the kernel they are tried on.</summary>
internal static class Compilers
{
    public const string Scale =
        """
        #include "factor.cuh"
        extern "C" __global__ void scale(float* x, int n)
        {
            int i = blockIdx.x * blockDim.x + threadIdx.x;
            __shared__ float copy[256];
            copy[threadIdx.x] = i < n ? x[i] : 0.f;
            __syncthreads();
            if (i < n) x[i] = FACTOR * copy[255 - threadIdx.x];
        }
        template <typename T> __global__ void twice(T* x) { x[threadIdx.x] += x[threadIdx.x]; }
        """;

    /// <summary>The same in the words that clang knows without a CUDA header.</summary>
    public const string Plain =
        """
        #include "factor.cuh"
        extern "C" __attribute__((global)) void scale(float* x, int n)
        {
            int i;
            asm("mov.u32 %0, %%tid.x;" : "=r"(i));
            if (i < n) x[i] *= FACTOR;
        }
        """;

    public static KernelSource Source(string text = Scale, string factor = "3.f") =>
        KernelSource.Collect("scale.cu", name => name == "scale.cu" ? text : $"#pragma once\n#define FACTOR {factor}\n");

    public static CompileRequest Request(string architecture = "80", KernelImageKind kind = KernelImageKind.Ptx) => new(Source(), architecture, kind);

    /// <summary>Every NVRTC of the source tree and the machine; null where there is none.</summary>
    public static IEnumerable<NvrtcCompiler?> Nvrtc()
    {
        List<NvrtcCompiler> all = [];
        foreach (string path in SourceTreeCompilers.Nvrtc().Concat(["libnvrtc.so.13", "libnvrtc.so.12"]))
            if (NvrtcCompiler.TryOpen(path, out _) is { } found && all.All(c => c.Name != found.Name))
                all.Add(found);
        return all.Count > 0 ? all : new NvrtcCompiler?[] { null };
    }

    public static NvrtcCompiler Need(NvrtcCompiler? compiler)
    {
        if (compiler is null)
        {
            SharedFolder.Need("cuda", "unpack.sh");
            Assert.Ignore("no NVRTC could be unpacked or found");
        }
        return compiler!;
    }

    public static ClangCompiler NeedClang()
    {
        ClangCompiler? clang = ClangCompiler.TryOpen("clang", out _) ?? ClangCompiler.TryOpen("clang-14", out _);
        if (clang is null)
            Assert.Ignore("no clang");
        return clang!;
    }
}
