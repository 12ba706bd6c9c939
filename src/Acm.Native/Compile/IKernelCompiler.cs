namespace Acm.Native.Compile;

/// <summary>Something that compiles CUDA C++. Thread-safe.</summary>
public interface IKernelCompiler
{
    /// <summary>The compiler and its version, e.g. <c>NVRTC 12.9</c>: part of the cache's key.</summary>
    string Name { get; }

    /// <summary>Where it was found.</summary>
    string Source { get; }

    /// <summary>What to ask for to run on a device: its own machine code, or where the compiler makes none that it takes, PTX for the driver to assemble.</summary>
    /// <param name="capability">The device's: 80 for sm_80.</param>
    /// <param name="driver">The CUDA version of its driver, as 1000 * major + 10 * minor.</param>
    (string Architecture, KernelImageKind Kind) TargetFor(int capability, int driver) => ($"{capability}", KernelImageKind.Cubin);

    /// <summary>Compiles.</summary>
    /// <exception cref="KernelCompilationException">The source does not compile; the log says why.</exception>
    CompiledKernel Compile(CompileRequest request);
}
