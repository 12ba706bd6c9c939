using Acm.Testing;
using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;
using Acm.Runtime.Conversion;
using Acm.Runtime.Conversion.Torch;
using NUnit.Framework;

namespace Acm.Runtime.Tests.Conversion;

/// <summary>Pickles made by hand: hostile ones are refused without doing what they ask for.</summary>
public class UnpicklerTests
{
    private static ReadOnlySpan<byte> Start => [0x80, 0x02];

    [TestCase("os\nsystem")]
    [TestCase("posix\nsystem")]
    [TestCase("nt\nsystem")]
    [TestCase("builtins\neval")]
    [TestCase("builtins\nexec")]
    [TestCase("subprocess\nPopen")]
    [TestCase("torch\nload")]
    [TestCase("torch._utils\n_rebuild_parameter")]
    [TestCase("collections\nOrderedDict.__reduce__")]
    public void AMaliciousPickleRunsNothing(string function)
    {
        using var folder = new TemporaryFolder();
        string canary = folder["canary"];
        // What `pickle.loads` would run as function("touch canary").
        byte[] pickle = [.. Start, (byte)'c', .. Encoding.ASCII.GetBytes($"{function}\n"), .. TorchFile.Text($"touch {canary}"), 0x85, (byte)'R', (byte)'.'];
        string file = folder["facm.pth"];
        Zip(file, pickle);
        var e = Assert.Throws<ModelFormatException>(() => ModelConverter.Convert([file], folder["package"], new ConversionOptions()))!;
        Assert.That(e.Message, Does.Contain(function.Replace('\n', '.')));
        Thread.Sleep(50);
        Assert.That(Directory.GetFileSystemEntries(folder.Path), Is.EqualTo(new[] { file }));
    }

    [Test]
    public void AKnownNameIsNoLicenceToCallIt()
    {
        // dict and DictConfig are known, as a value and as a class; neither may be called.
        foreach (string name in (string[])["__builtin__\ndict", "omegaconf.dictconfig\nDictConfig", "typing\nAny", "torch\nFloatStorage"])
        {
            byte[] pickle = [.. Start, (byte)'c', .. Encoding.ASCII.GetBytes($"{name}\n"), (byte)')', (byte)'R', (byte)'.'];
            Assert.That(() => Unpickler.Load("x", pickle), Throws.TypeOf<ModelFormatException>().With.Message.Contains("was not run"), name);
        }
    }

    [Test]
    public void AListThatHoldsItselfManyTimesOverCostsNothing()
    {
        // l0 = []; l(n+1) = [ln, ln]: 2^100 leaves for whoever walks it.
        var pickle = new List<byte>([.. Start, (byte)']', (byte)'q', 0]);
        for (byte n = 0; n < 100; n++)
        {
            pickle.AddRange([(byte)']', (byte)'(', (byte)'h', n, (byte)'h', n, (byte)'e', (byte)'q', (byte)(n + 1)]);
        }
        byte[] args = [.. Start, (byte)'}', .. TorchFile.Text("args"), .. pickle[2..], (byte)'s', (byte)'.'];
        // The lists below the last are still on the stack: no valid end, and no time spent.
        Assert.Throws<ModelFormatException>(() => Unpickler.Load("x", args));
    }

    [Test]
    public void TensorsWithinTensorsAreNotWalkedEither()
    {
        // Each tensor's offset is the tensor before it, 100,000 deep; its shape too, so that walking it would also double each time.
        byte[] level = [(byte)'q', 2, (byte)'h', 0, (byte)'(', (byte)'h', 3, (byte)'h', 2, (byte)'h', 2, (byte)'N', 0x89, (byte)'h', 1, (byte)'t', (byte)'R'];
        byte[] pickle =
        [
            .. Start, (byte)'}', (byte)'(', .. TorchFile.Text("args"), (byte)'(',
            .. "ctorch._utils\n_rebuild_tensor_v2\nq"u8, 0, (byte)'}', (byte)'q', 1,
            (byte)'(', .. TorchFile.Text("storage"), .. "ctorch\nFloatStorage\n"u8, .. TorchFile.Text("0"), .. TorchFile.Text("cpu"), (byte)'K', 4, (byte)'t', (byte)'Q', (byte)'q', 3,
            .. Enumerable.Repeat(level, 100_000).SelectMany(bytes => bytes), (byte)'q', 2, (byte)'t',
            .. TorchFile.Text("model_state"), (byte)'}', .. TorchFile.Text("w"), (byte)'h', 2, (byte)'s', (byte)'u', (byte)'.',
        ];
        using var folder = new TemporaryFolder();
        Zip(folder["facm.pth"], pickle);
        Assert.That(
            () => ModelConverter.Convert([folder["facm.pth"]], folder["package"], new ConversionOptions()),
            Throws.TypeOf<ModelFormatException>().With.Property("Tensor").EqualTo("w").And.Message.Contains("offset"));
    }

    [Test]
    public void APathOfManyLongPartsIsRefused()
    {
        // One text of a megabyte as a thousand parts of a path: a gigabyte if they were joined.
        byte[] pickle =
        [
            .. Start, (byte)'c', .. "pathlib\nPosixPath\n"u8, (byte)'(', .. TorchFile.Text(new string('x', 1 << 20)), (byte)'q', 0,
            .. Enumerable.Repeat<byte[]>([(byte)'h', 0], 1000).SelectMany(get => get), (byte)'t', (byte)'R', (byte)'.',
        ];
        long before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Throws<ModelFormatException>(() => Unpickler.Load("x", pickle));
        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.LessThan(16 << 20));
    }

    [Test]
    public void ManyPathsOfTheSamePartsAreRefused()
    {
        // A path of 4000 characters, a hundred thousand times at 5 bytes each.
        byte[] pickle =
        [
            .. Start, .. "cpathlib\nPosixPath\nq"u8, 0, .. TorchFile.Text(new string('x', 4000)), 0x85, (byte)'q', 1,
            .. Enumerable.Repeat<byte[]>([(byte)'h', 0, (byte)'h', 1, (byte)'R'], 100_000).SelectMany(call => call), (byte)'.',
        ];
        long before = GC.GetAllocatedBytesForCurrentThread();
        Assert.That(() => Unpickler.Load("x", pickle), Throws.TypeOf<ModelFormatException>().With.Message.Contains("paths of at most"));
        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.LessThan(16 << 20));
    }

    [Test]
    public void APathOfManyEmptyPartsIsRefused()
    {
        byte[] pickle =
        [
            .. Start, .. "cpathlib\nPosixPath\n("u8, .. TorchFile.Text(""), (byte)'q', 0,
            .. Enumerable.Repeat<byte[]>([(byte)'h', 0], 5000).SelectMany(get => get), (byte)'t', (byte)'R', (byte)'.',
        ];
        Assert.Throws<ModelFormatException>(() => Unpickler.Load("x", pickle));
    }

    [Test]
    public void ALongKeyIsRefused()
    {
        byte[] Dict(int length) => [.. Start, (byte)'}', .. TorchFile.Text(new string('x', length)), (byte)'N', (byte)'s', (byte)'.'];
        Assert.That(Unpickler.Load("x", Dict(1024)), Is.InstanceOf<PickleDict>());
        Assert.That(() => Unpickler.Load("x", Dict(1025)), Throws.TypeOf<ModelFormatException>().With.Message.Contains("one of 1025"));
    }

    [Test]
    public void ALengthThatTheZipOnlyClaimsIsNotAllocated()
    {
        using var folder = new TemporaryFolder();
        string file = folder["facm.pth"];
        Zip(file, [.. Start, (byte)'}', (byte)'.']);
        byte[] zip = File.ReadAllBytes(file);
        int directory = zip.AsSpan().LastIndexOf("PK\u0001\u0002"u8);
        BinaryPrimitives.WriteInt32LittleEndian(zip.AsSpan(directory + 20), 7 << 20);
        BinaryPrimitives.WriteInt32LittleEndian(zip.AsSpan(directory + 24), 7 << 20);
        File.WriteAllBytes(file, zip);
        long before = GC.GetAllocatedBytesForCurrentThread();
        Assert.That(() => Checkpoint.Open(file), Throws.TypeOf<ModelFormatException>().With.Message.Contains("length of 7340032"));
        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.LessThan(1 << 20));
    }

    [TestCase(new byte[] { 0x8A, 0 }, 0L)]
    [TestCase(new byte[] { 0x8A, 1, 0xFF }, -1L)]
    [TestCase(new byte[] { 0x8A, 1, 0x80 }, -128L)]
    [TestCase(new byte[] { 0x8A, 2, 0xFF, 0 }, 255L)]
    [TestCase(new byte[] { 0x8A, 5, 0, 0, 0, 0, 4 }, 17179869184L)]
    [TestCase(new byte[] { 0x8A, 8, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F }, long.MaxValue)]
    [TestCase(new byte[] { (byte)'J', 0xFE, 0xFF, 0xFF, 0xFF }, -2L)]
    [TestCase(new byte[] { (byte)'M', 0xFF, 0xFF }, 65535L)]
    public void WholeNumbersOfEverySizeAreRead(byte[] instruction, long expected) =>
        Assert.That(Unpickler.Load("x", [.. Start, .. instruction, (byte)'.']), Is.EqualTo(expected));

    [Test]
    public void ANumberBeyond64BitsIsRefused() =>
        Assert.Throws<ModelFormatException>(() => Unpickler.Load("x", [.. Start, 0x8A, 9, 0, 0, 0, 0, 0, 0, 0, 0, 1, (byte)'.']));

    [TestCase("\u0080\u0001N.", "protocol 2, found protocol 1", TestName = "What_torch_never_writes_is_refused(protocol 1)")]
    [TestCase("\u0080\u0003N.", "protocol 2, found protocol 3", TestName = "What_torch_never_writes_is_refused(protocol 3)")]
    [TestCase("(N.", "one value left at STOP", TestName = "What_torch_never_writes_is_refused(a mark that is left)")]
    [TestCase("NN.", "one value left at STOP", TestName = "What_torch_never_writes_is_refused(a value that is left)")]
    [TestCase("comegaconf.nodes\nAnyNode\nN\u0085\u0081.", "made without arguments", TestName = "What_torch_never_writes_is_refused(an instance made of something)")]
    [TestCase("comegaconf.nodes\nAnyNode\n)\u0081}b}b.", "BUILD of an object with a dict", TestName = "What_torch_never_writes_is_refused(an object built twice)")]
    [TestCase("(X\u0007\0\0\0storagectorch\nFloatStorage\nX\u0001\0\0\0" +
        "0X\u0003\0\0\0cpuJ\u00FF\u00FF\u00FF\u00FFtQ.", "storages of a size",
        TestName = "What_torch_never_writes_is_refused(a storage of -1 elements)")]
    [TestCase("}(X\u0001\0\0\0au.", "a value for every key", TestName = "What_torch_never_writes_is_refused(a key without a value)")]
    [TestCase("}]Ns.", "keys that are text or whole numbers", TestName = "What_torch_never_writes_is_refused(a list as a key)")]
    [TestCase("ccollections\nOrderedDict\n)\u0081.", "NEWOBJ of a configuration class", TestName = "What_torch_never_writes_is_refused(an instance of another class)")]
    [TestCase("ccollections\ndefaultdict\nK\u0001\u0085R.", "called as torch.save does", TestName = "What_torch_never_writes_is_refused(a default that is no class)")]
    [TestCase("}K\u0001b.", "BUILD of an object with a dict", TestName = "What_torch_never_writes_is_refused(a dict built of a number)")]
    [TestCase("X\u0001\0\0\0\u00FF.", "text in UTF-8", TestName = "What_torch_never_writes_is_refused(text of another encoding)")]
    public void What_torch_never_writes_is_refused(string pickle, string said) => Assert.That(
        () => Unpickler.Load("x", Encoding.Latin1.GetBytes(pickle)), Throws.TypeOf<ModelFormatException>().With.Message.Contains(said));

    [TestCase("torch\nFloatStorage", TensorDType.F32)]
    [TestCase("torch\nHalfStorage", TensorDType.F16)]
    [TestCase("torch\nBFloat16Storage", TensorDType.BF16)]
    [TestCase("torch\nDoubleStorage", TensorDType.F64)]
    [TestCase("torch\nLongStorage", TensorDType.I64)]
    [TestCase("torch\nIntStorage", TensorDType.I32)]
    [TestCase("torch\nShortStorage", TensorDType.I16)]
    [TestCase("torch\nCharStorage", TensorDType.I8)]
    [TestCase("torch\nByteStorage", TensorDType.U8)]
    [TestCase("torch\nBoolStorage", TensorDType.Bool)]
    [TestCase("typing\nAny", null)]
    public void Storages_are_of_torchs_own_types(string name, TensorDType? type)
    {
        byte[] pickle =
        [
            .. Start, (byte)'(', .. TorchFile.Text("storage"), .. Encoding.ASCII.GetBytes($"c{name}\n"), .. TorchFile.Text("7"), .. TorchFile.Text("cpu"),
            (byte)'K', 4, (byte)'t', (byte)'Q', (byte)'.',
        ];
        if (type is { } known)
            Assert.That(Unpickler.Load("x", pickle), Is.EqualTo(new PickleStorage(known, "7", 4)));
        else
            Assert.That(() => Unpickler.Load("x", pickle), Throws.TypeOf<ModelFormatException>().With.Message.Contains("storages of a known type"));
    }

    /// <summary>As in Python: of two values for a key the later stays.</summary>
    [Test]
    public void A_key_that_is_set_twice_has_its_later_value() =>
        Assert.That(((PickleDict)Unpickler.Load("x", [.. Start, .. "}K\u0001K\u0002sK\u0001K\u0003s."u8])!)[1L], Is.EqualTo(3L));

    private static void Zip(string path, byte[] pickle)
    {
        using var stream = File.Create(path);
        using var zip = new ZipArchive(stream, ZipArchiveMode.Create);
        using var entry = zip.CreateEntry("final/data.pkl", CompressionLevel.NoCompression).Open();
        entry.Write(pickle);
    }
}
