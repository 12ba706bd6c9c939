namespace Acm.Testing;

/// <summary>A folder that is gone when the test is.</summary>
internal sealed class TemporaryFolder : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("acm-test").FullName;

    public string this[params string[] parts] => System.IO.Path.Combine([Path, .. parts]);

    /// <summary>Copies files, writable, under their own names.</summary>
    public void Copy(IEnumerable<string> files)
    {
        foreach (string file in files)
        {
            CopyAs(file, System.IO.Path.GetFileName(file));
        }
    }

    public string CopyAs(string file, params string[] name)
    {
        string target = this[name];
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(target)!);
        File.WriteAllBytes(target, File.ReadAllBytes(file));
        return target;
    }

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
