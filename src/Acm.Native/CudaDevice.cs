using System.Globalization;
using System.Runtime.InteropServices;
using Acm.Native.Driver;
using static Acm.Native.Driver.CUdevice_attribute;

namespace Acm.Native;

/// <summary>A device of a driver: its name and its figures.</summary>
public sealed unsafe class CudaDevice
{
    internal CudaDevice(CudaDriver driver, int ordinal)
    {
        Driver = driver;
        Ordinal = ordinal;
        CUdevice handle;
        driver.Check(driver.Api.cuDeviceGet(&handle, ordinal));
        Handle = handle;
        const int Longest = 256;
        byte* name = stackalloc byte[Longest];
        driver.Check(driver.Api.cuDeviceGetName(name, Longest, handle));
        Name = Marshal.PtrToStringUTF8((nint)name)!;
        nuint bytes;
        driver.Check(driver.Api.cuDeviceTotalMem_v2(&bytes, handle));
        TotalBytes = (long)bytes;
        CUuuid uuid;
        driver.Check(driver.Api.cuDeviceGetUuid_v2(&uuid, handle));
        Uuid = new Guid(new ReadOnlySpan<byte>(&uuid, 16), bigEndian: true);
        Architecture = 10 * Attribute(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR) + Attribute(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR);
        Multiprocessors = Attribute(CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT);
        MaxSharedBytesPerBlock = Attribute(CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN);
        SharedBytesPerMultiprocessor = Attribute(CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_MULTIPROCESSOR);
        L2Bytes = Attribute(CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE);
        ClockKilohertz = Attribute(CU_DEVICE_ATTRIBUTE_CLOCK_RATE);
        MemoryKilohertz = Attribute(CU_DEVICE_ATTRIBUTE_MEMORY_CLOCK_RATE);
        MemoryBusBits = Attribute(CU_DEVICE_ATTRIBUTE_GLOBAL_MEMORY_BUS_WIDTH);
        SupportsMemoryPools = Attribute(CU_DEVICE_ATTRIBUTE_MEMORY_POOLS_SUPPORTED) != 0;
        SupportsClusters = Attribute(CU_DEVICE_ATTRIBUTE_CLUSTER_LAUNCH) != 0;
    }

    /// <summary>The driver the device belongs to.</summary>
    public CudaDriver Driver { get; }

    /// <summary>The device's place in the driver's order.</summary>
    public int Ordinal { get; }

    /// <summary>The device's name.</summary>
    public string Name { get; }

    /// <summary>The device's own id, the same in every process.</summary>
    public Guid Uuid { get; }

    /// <summary>Device memory in bytes.</summary>
    public long TotalBytes { get; }

    /// <summary>Compute capability as 10 * major + minor: 80 for sm_80.</summary>
    public int Architecture { get; }

    /// <summary>Streaming multiprocessors.</summary>
    public int Multiprocessors { get; }

    /// <summary>Most shared memory a block may opt in to, in bytes.</summary>
    public int MaxSharedBytesPerBlock { get; }

    /// <summary>Shared memory of a multiprocessor, in bytes.</summary>
    public int SharedBytesPerMultiprocessor { get; }

    /// <summary>L2 cache in bytes.</summary>
    public int L2Bytes { get; }

    /// <summary>Peak core clock in kHz.</summary>
    public int ClockKilohertz { get; }

    /// <summary>Peak memory clock in kHz.</summary>
    public int MemoryKilohertz { get; }

    /// <summary>Width of the memory bus in bits.</summary>
    public int MemoryBusBits { get; }

    /// <summary>Whether stream-ordered memory works.</summary>
    public bool SupportsMemoryPools { get; }

    /// <summary>Whether cluster launches and programmatic dependent launches work (sm_90 and later).</summary>
    public bool SupportsClusters { get; }

    internal CUdevice Handle { get; }

    /// <summary>Any attribute of the device.</summary>
    internal int Attribute(CUdevice_attribute attribute)
    {
        int value;
        Driver.Check(Driver.Api.cuDeviceGetAttribute(&value, attribute, Handle));
        return value;
    }

    /// <summary>Name, architecture, memory.</summary>
    public override string ToString() =>
        string.Create(CultureInfo.InvariantCulture, $"{Name} (sm_{Architecture}, {Multiprocessors} multiprocessors, {TotalBytes / (1024.0 * 1024 * 1024):0.0} GiB)");
}
