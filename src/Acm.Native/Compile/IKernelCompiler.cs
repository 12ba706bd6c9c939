namespace Acm.Native.Compile;

/// <summary>Something that compiles CUDA C++. Thread-safe.</summary>
public interface IKernelCompiler
{
    /// <summary>The compiler and its version, e.g. <c>NVRTC 12.9</c>: part of the cache's key.</summary>
    string Name { get; }

    /// <summary>Where it was found.</summary>
    string Source { get; }

    /// <summary>What to ask for to run on a device: its own machine code, or where the compiler makes none, PTX for the driver to assemble.</summary>
    /// <param name="capability">The device's: 80 for sm_80.</param>
    (string Architecture, KernelImageKind Kind) TargetFor(int capability) => ($"{capability}", KernelImageKind.Cubin);

    /// <summary>Compiles.</summary>
    /// <exception cref="KernelCompilationException">The source does not compile; the log says why.</exception>
    CompiledKernel Compile(CompileRequest request);
}
