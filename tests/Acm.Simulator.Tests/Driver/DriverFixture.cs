using Acm.Native;
using Acm.Simulator.Driver;
using NUnit.Framework;

namespace Acm.Simulator.Tests.Driver;

/// <summary>A simulated driver with a context, a stream and a module for each test, which must leave nothing behind.</summary>
internal abstract class DriverFixture
{
    private protected SimulatedDriver _simulated = null!;
    private protected CudaContext _context = null!;
    private protected CudaStream _stream = null!;
    private protected CudaModule _module = null!;

    [SetUp]
    public void Start()
    {
        _simulated = new(new SimulatorOptions());
        _context = CudaContext.Primary(_simulated.Start().Devices[0]);
        _stream = new(_context);
        _module = Kernels.Load(_context);
    }

    [TearDown]
    public void Stop()
    {
        _context.Dispose();
        Assert.That(_simulated.LiveObjects, Is.Empty);
        _simulated.Dispose();
    }
}
