using System.Buffers.Binary;
using Acm.Testing;

namespace Acm.Runtime.Tests.Conversion;

/// <summary>The stored chain of the published code, with arguments changed in its pickles.</summary>
internal static class PublishedChanges
{
    /// <summary>A file of the chain, copied.</summary>
    public static string Copy(TemporaryFolder folder, string file, params string[] name) =>
        folder.CopyAs(SharedFolder.Data("published-chain", file), name.Length > 0 ? name : [file]);

    /// <summary>Calls the first argument of this name another.</summary>
    public static void Rename(string file, string argument, string other) => Change(file, argument, TorchFile.Text(argument), TorchFile.Text(other));

    /// <summary>Sets the first argument of this name, where it has the old value.</summary>
    public static void Set(string file, string argument, byte[] old, byte[] value) => Change(file, argument, old, value);

    public static byte[] Number(double number)
    {
        byte[] bytes = new byte[9];
        bytes[0] = (byte)'G';
        BinaryPrimitives.WriteDoubleBigEndian(bytes.AsSpan(1), number);
        return bytes;
    }

    public static byte[] Number(byte number) => [(byte)'K', number];

    private static void Change(string file, string argument, byte[] old, byte[] value) => TorchFile.Replace(file, "final/data.pkl", pickle =>
    {
        int start = pickle.AsSpan().IndexOf(TorchFile.Text(argument)), at = start + pickle.AsSpan(start).IndexOf(old);
        return [.. pickle[..at], .. value, .. pickle[(at + old.Length)..]];
    });
}
