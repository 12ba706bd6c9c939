using System.Security.Cryptography;
using System.Text;

namespace Acm.Native.Compile;

/// <summary>A compiled kernel as a file: what it is, the image, and a SHA-256 over all before it, which tells a whole file from any other.</summary>
internal static class KernelFile
{
    private const string Magic = "acm-kernel-1";

    public static void Write(string path, CompiledKernel kernel, string request)
    {
        using MemoryStream content = new();
        using (BinaryWriter writer = new(content, Encoding.UTF8, leaveOpen: true))
        {
            writer.Write(Magic);
            writer.Write(request);
            writer.Write((int)kernel.Kind);
            writer.Write(kernel.Architecture);
            writer.Write(kernel.Compiler);
            writer.Write(kernel.Log);
            writer.Write(kernel.LoweredNames.Count);
            foreach ((string name, string lowered) in kernel.LoweredNames)
            {
                writer.Write(name);
                writer.Write(lowered);
            }
            writer.Write(kernel.Image.Length);
            writer.Write(kernel.Image);
        }
        content.Write(SHA256.HashData(content.GetBuffer().AsSpan(0, (int)content.Length)));
        using FileStream file = new(path, FileMode.CreateNew, FileAccess.Write, FileShare.None);
        content.WriteTo(file);
        file.Flush(flushToDisk: true);
    }

    /// <summary>Null where the file is missing, unreadable or not whole.</summary>
    public static (CompiledKernel Kernel, string Request)? Read(string path)
    {
        byte[] bytes;
        try
        {
            bytes = File.ReadAllBytes(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
        int length = bytes.Length - SHA256.HashSizeInBytes;
        if (length < 0 || !SHA256.HashData(bytes.AsSpan(0, length)).AsSpan().SequenceEqual(bytes.AsSpan(length)) || !bytes.AsSpan(1).StartsWith(Encoding.UTF8.GetBytes(Magic)))
            return null;
        using BinaryReader reader = new(new MemoryStream(bytes, 0, length), Encoding.UTF8);
        _ = reader.ReadString(); // the magic
        string request = reader.ReadString();
        KernelImageKind kind = (KernelImageKind)reader.ReadInt32();
        string architecture = reader.ReadString(), compiler = reader.ReadString(), log = reader.ReadString();
        Dictionary<string, string> names = new(StringComparer.Ordinal);
        for (int i = reader.ReadInt32(); i > 0; i--)
            names.Add(reader.ReadString(), reader.ReadString());
        return (new(reader.ReadBytes(reader.ReadInt32()), kind, architecture, compiler, log, names) { FromCache = true }, request);
    }
}
