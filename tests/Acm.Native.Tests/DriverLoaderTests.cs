using System.Runtime.InteropServices;
using Acm.Native.Driver;
using Acm.Testing;
using NUnit.Framework;

namespace Acm.Native.Tests;

/// <summary>What the loader says about libraries that are missing, wrong, old or incomplete.</summary>
[TestFixture]
internal sealed unsafe class DriverLoaderTests
{
    private static int s_version;

    [Test]
    public void No_library_names_every_path_tried()
    {
        string[] paths = ["libno-such-driver.so.1", "/nowhere/libcuda.so.1"];
        Assert.That(DriverLoader.Load(paths, out CudaUnavailable? why), Is.Null);
        Assert.That(why!.Reason, Is.EqualTo(CudaUnavailableReason.NoLibrary));
        Assert.That(why.Attempts.Select(a => a.Path), Is.EqualTo(paths));
        Assert.That(why.Attempts.Select(a => a.Outcome), Is.All.EqualTo("not found"));
        Assert.That(why.ToString(), Does.Contain(paths[1]).And.Contain("525"));
    }

    [Test]
    public void A_file_that_is_no_library_is_told_from_a_missing_one()
    {
        string path = Path.Combine(Path.GetTempPath(), $"acm-{Guid.NewGuid():n}.so");
        File.WriteAllText(path, "not an ELF file");
        try
        {
            Assert.That(DriverLoader.Load([path], out CudaUnavailable? why), Is.Null);
            Assert.That(why!.Attempts.Single().Outcome, Does.StartWith("there, but does not load"));
            Assert.That(why.Message, Does.Contain($"({path}: there, but does not load"));
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Test]
    public void The_toolkits_stub_is_recognised()
    {
        string stub = SharedFolder.Need("cuda", "stub", "libcuda.so.1");
        Assert.That(DriverLoader.Load([stub, "libno-such-driver.so"], out CudaUnavailable? why), Is.Null);
        Assert.That(why!.Reason, Is.EqualTo(CudaUnavailableReason.StubLibrary));
        Assert.That(why.Message, Does.Contain("34"));
        Assert.That(why.Attempts, Has.Count.EqualTo(2));
    }

    [Test]
    public void The_first_library_that_is_there_gives_the_reason()
    {
        string notADriver = OperatingSystem.IsWindows() ? "kernel32.dll" : "libm.so.6";
        Assert.That(DriverLoader.Load(["libno-such-driver.so", SharedFolder.Need("cuda", "stub", "libcuda.so.1"), notADriver], out CudaUnavailable? why), Is.Null);
        Assert.That((why!.Reason, why.Attempts.Count), Is.EqualTo((CudaUnavailableReason.StubLibrary, 3)));
    }

    [Test]
    public void The_stub_exports_every_entry()
    {
        nint library = NativeLibrary.Load(SharedFolder.Need("cuda", "stub", "libcuda.so.1"));
        DriverTable table = default;
        List<TableEntry> missing = TableFiller.Fill(ref table, DriverEntries.All, e => NativeLibrary.TryGetExport(library, e.Export, out nint address) ? address : 0);
        Assert.That(missing, Is.Empty);
        Assert.That(table.cuInit(0), Is.EqualTo(CUresult.CUDA_ERROR_STUB_LIBRARY));
        CUdevice device;
        Assert.That(table.cuDeviceGet(&device, 0), Is.EqualTo(CUresult.CUDA_ERROR_STUB_LIBRARY));
    }

    [Test]
    public void A_library_that_is_no_driver_lacks_its_symbols()
    {
        string name = OperatingSystem.IsWindows() ? "kernel32.dll" : "libm.so.6";
        Assert.That(DriverLoader.Load([name], out CudaUnavailable? why), Is.Null);
        Assert.That(why!.Reason, Is.EqualTo(CudaUnavailableReason.SymbolMissing));
        Assert.That(why.Message, Does.Contain("cuDriverGetVersion"));
    }

    [Test]
    public void An_old_driver_is_told_what_is_needed_and_what_it_has()
    {
        CudaUnavailable why = Fill(11040, _ => (nint)(delegate* unmanaged<CUresult>)&Anything)!;
        Assert.That(why.Reason, Is.EqualTo(CudaUnavailableReason.DriverTooOld));
        Assert.That(why.Message, Does.Contain("needs CUDA 12.0").And.Contain("has 11.4"));
    }

    [Test]
    public void A_missing_required_symbol_is_named()
    {
        CudaUnavailable why = Fill(12000, name => name == "cuGraphLaunch" ? 0 : (nint)(delegate* unmanaged<CUresult>)&Anything)!;
        Assert.That(why.Reason, Is.EqualTo(CudaUnavailableReason.SymbolMissing));
        Assert.That(why.Message, Does.Contain("cuGraphLaunch"));
    }

    [Test]
    public void A_driver_that_is_new_enough_for_what_it_lacks_is_not_called_old() =>
        Assert.That(Fill(12000, name => name == "cuGraphExecUpdate_v2" ? 0 : (nint)(delegate* unmanaged<CUresult>)&Anything)!.Reason, Is.EqualTo(CudaUnavailableReason.SymbolMissing));

    [TestCase(CUresult.CUDA_ERROR_NO_DEVICE, CudaUnavailableReason.NoDevice, "nvidia-smi and CUDA_VISIBLE_DEVICES")]
    [TestCase(CUresult.CUDA_ERROR_STUB_LIBRARY, CudaUnavailableReason.StubLibrary, "stubs folder")]
    [TestCase(CUresult.CUDA_ERROR_SYSTEM_DRIVER_MISMATCH, CudaUnavailableReason.InitializationFailed, "reboot")]
    [TestCase(CUresult.CUDA_ERROR_UNKNOWN, CudaUnavailableReason.InitializationFailed, "NVIDIA runtime")]
    public void What_cuInit_answers_is_told_with_what_to_do(object answer, CudaUnavailableReason reason, string next)
    {
        CudaUnavailable why = DriverLoader.Failed("cuInit", (CUresult)answer);
        Assert.That(why.Reason, Is.EqualTo(reason));
        Assert.That(why.NextStep, Does.Contain(next));
        if (reason == CudaUnavailableReason.InitializationFailed)
            Assert.That(why.Message, Does.Contain($"cuInit answered {answer}"));
    }

    [Test]
    public void A_driver_that_counts_no_device_is_of_no_use()
    {
        DriverTable table = default;
        s_version = 12000;
        Assert.That(DriverLoader.Fill(ref table, name => name switch
        {
            "cuDriverGetVersion" => (nint)(delegate* unmanaged<int*, CUresult>)&GetVersion,
            "cuGetProcAddress_v2" => 0,
            "cuDeviceGetCount" => (nint)(delegate* unmanaged<int*, CUresult>)&CountNone,
            _ => (nint)(delegate* unmanaged<CUresult>)&Anything,
        }), Is.Null);
        Assert.That(CudaDriver.FromTable(table, "a test", out CudaUnavailable? why), Is.Null);
        Assert.That(why!.Reason, Is.EqualTo(CudaUnavailableReason.NoDevice));
    }

    [Test]
    public void Optional_entries_stay_empty_and_older_exports_stand_in()
    {
        DriverTable table = default;
        List<string> asked = [];
        s_version = 12000;
        Assert.That(DriverLoader.Fill(ref table, Export), Is.Null);
        Assert.That(table.cuCtxCreate_v4 == null, "12.5 and later only");
        Assert.That(table.cuStreamGetCaptureInfo_v3 == null, "12.3 and later only");
        Assert.That(table.cuEventElapsedTime_v2 != null);
        Assert.That(asked, Does.Contain("cuEventElapsedTime").And.Not.Contain("cuEventElapsedTime_v2"));

        nint Export(string name)
        {
            asked.Add(name);
            return name switch
            {
                "cuDriverGetVersion" => (nint)(delegate* unmanaged<int*, CUresult>)&GetVersion,
                "cuGetProcAddress_v2" => 0,
                _ => (nint)(delegate* unmanaged<CUresult>)&Anything,
            };
        }
    }

    // The versions that brought them, and those before.
    [TestCase(12020, false, false, false)]
    [TestCase(12030, true, false, false)]
    [TestCase(12040, true, false, false)]
    [TestCase(12050, true, true, false)]
    [TestCase(12070, true, true, false)]
    [TestCase(12080, true, true, true)]
    public void What_came_later_is_taken_from_the_driver_that_brought_it(int version, bool captureInfo, bool context, bool elapsed)
    {
        DriverTable table = default;
        List<string> asked = [];
        s_version = version;
        Assert.That(DriverLoader.Fill(ref table, name =>
        {
            asked.Add(name);
            return name switch
            {
                "cuDriverGetVersion" => (nint)(delegate* unmanaged<int*, CUresult>)&GetVersion,
                "cuGetProcAddress_v2" => 0,
                _ => (nint)(delegate* unmanaged<CUresult>)&Anything,
            };
        }), Is.Null);
        Assert.That((table.cuStreamGetCaptureInfo_v3 != null, table.cuCtxCreate_v4 != null), Is.EqualTo((captureInfo, context)));
        Assert.That((asked.Contains("cuEventElapsedTime_v2"), asked.Contains("cuEventElapsedTime")), Is.EqualTo((elapsed, !elapsed)));
    }

    [Test]
    public void Addresses_are_asked_for_with_the_version_of_their_form()
    {
        DriverTable table = default;
        s_version = 12080;
        s_asked.Clear();
        Assert.That(DriverLoader.Fill(ref table, name => name switch
        {
            "cuDriverGetVersion" => (nint)(delegate* unmanaged<int*, CUresult>)&GetVersion,
            "cuGetProcAddress_v2" => (nint)(delegate* unmanaged<byte*, void**, int, ulong, CUdriverProcAddressQueryResult*, CUresult>)&GetProcAddress,
            _ => 0,
        }), Is.Null);
        Assert.That(s_asked, Is.EqualTo(DriverEntries.All.Select(e => (e.Symbol, e.Since, CUdriverProcAddress_flags.CU_GET_PROC_ADDRESS_LEGACY_STREAM))));
    }

    private static readonly List<(string, int, CUdriverProcAddress_flags)> s_asked = [];

    private static CudaUnavailable? Fill(int version, Func<string, nint> export)
    {
        s_version = version;
        DriverTable table = default;
        return DriverLoader.Fill(ref table, name => name switch
        {
            "cuDriverGetVersion" => (nint)(delegate* unmanaged<int*, CUresult>)&GetVersion,
            "cuGetProcAddress_v2" => 0,
            _ => export(name),
        });
    }

    [UnmanagedCallersOnly]
    private static CUresult GetVersion(int* version)
    {
        *version = s_version;
        return CUresult.CUDA_SUCCESS;
    }

    [UnmanagedCallersOnly]
    private static CUresult CountNone(int* count)
    {
        *count = 0;
        return CUresult.CUDA_SUCCESS;
    }

    [UnmanagedCallersOnly]
    private static CUresult GetProcAddress(byte* symbol, void** address, int since, ulong flags, CUdriverProcAddressQueryResult* status)
    {
        s_asked.Add((Marshal.PtrToStringUTF8((nint)symbol)!, since, (CUdriverProcAddress_flags)flags));
        *address = (delegate* unmanaged<CUresult>)&Anything;
        return CUresult.CUDA_SUCCESS;
    }

    [UnmanagedCallersOnly]
    private static CUresult Anything() => CUresult.CUDA_SUCCESS;
}
