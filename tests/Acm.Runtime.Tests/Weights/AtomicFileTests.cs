using Acm.Testing;
using NUnit.Framework;

namespace Acm.Runtime.Tests.Weights;

/// <summary>Files are whole or not there; what is no regular file is not replaced by one.</summary>
public class AtomicFileTests
{
    private static void Write(string path, string text) => AtomicFile.Write(path, stream => stream.Write(System.Text.Encoding.UTF8.GetBytes(text)));

    [Test]
    public void WithoutCommitNothingIsLeftAndWhatWasThereStays([Values] bool there)
    {
        using TemporaryFolder folder = new();
        if (there)
            File.WriteAllText(folder["file"], "old");
        using (AtomicFile file = new(folder["file"]))
            file.Stream.Write(new byte[100_000]);
        Assert.That(Directory.GetFiles(folder.Path), Is.EqualTo(there ? [folder["file"]] : Array.Empty<string>()));
        Assert.That(!there || File.ReadAllText(folder["file"]) == "old");
    }

    [Test]
    public void CommitReplacesAndKeepsPermissions()
    {
        using TemporaryFolder folder = new();
        File.WriteAllText(folder["file"], "old and longer");
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(folder["file"], UnixFileMode.UserRead | UnixFileMode.UserWrite);
        Write(folder["file"], "new");
        Assert.That(File.ReadAllText(folder["file"]), Is.EqualTo("new"));
        if (!OperatingSystem.IsWindows())
            Assert.That(File.GetUnixFileMode(folder["file"]), Is.EqualTo(UnixFileMode.UserRead | UnixFileMode.UserWrite));
        Assert.That(Directory.GetFiles(folder.Path), Is.EqualTo(new[] { folder["file"] }));
    }

    [Test, Platform(Exclude = "Win")]
    public void ALinkStaysAndItsTargetIsWritten([Values] bool dangling)
    {
        using TemporaryFolder folder = new();
        Directory.CreateDirectory(folder["deep"]);
        File.CreateSymbolicLink(folder["first"], "second");
        File.CreateSymbolicLink(folder["second"], Path.Combine("deep", "target"));
        if (!dangling)
            File.WriteAllText(folder["deep", "target"], "old");
        Write(folder["first"], "new");
        Assert.That(File.ReadAllText(folder["deep", "target"]), Is.EqualTo("new"));
        Assert.That((new FileInfo(folder["first"]).LinkTarget, new FileInfo(folder["deep", "target"]).LinkTarget), Is.EqualTo(("second", (string?)null)));
    }

    /// <summary>By its name alone, as one types it in its folder.</summary>
    [Test, Platform(Exclude = "Win")]
    public void ALinkOfTheCurrentFolderThatLeadsNowhereYetIsFollowed()
    {
        string link = $"link-{Guid.NewGuid():N}", target = link + "-target";
        try
        {
            File.CreateSymbolicLink(link, target);
            Write(link, "new");
            Assert.That((new FileInfo(link).LinkTarget, File.ReadAllText(target)), Is.EqualTo((target, "new")));
        }
        finally
        {
            File.Delete(link);
            File.Delete(target);
        }
    }

    [Test, Platform(Exclude = "Win")]
    public void APipeWithANameIsWrittenInto()
    {
        using TemporaryFolder folder = new();
        NamedPipe.Make(folder["pipe"]);
        Task<string> read = Task.Run(() => File.ReadAllText(folder["pipe"]));
        Task write = Task.Run(() => Write(folder["pipe"], "through"));
        Assert.That(Task.WaitAll([read, write], 20_000), "the reader got nothing");
        Assert.That(read.Result, Is.EqualTo("through"));
        Assert.That(Directory.GetFiles(folder.Path), Is.EqualTo(new[] { folder["pipe"] }));
    }

    [TestCase("/dev/null", true)]
    [TestCase("/dev/fd/3", true)]
    [TestCase("/proc/self/fd/1", true)]
    [TestCase("/dev/shm/file", false)]
    [TestCase("/device/file", false)]
    [TestCase("/home/dev/file", false)]
    public void DevicesAreWrittenThrough(string path, bool through) => Assert.That(AtomicFile.IsDevice(path), Is.EqualTo(through));
}
