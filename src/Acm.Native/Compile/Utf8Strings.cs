using System.Runtime.InteropServices;

namespace Acm.Native.Compile;

/// <summary>C strings that live until disposed.</summary>
internal sealed unsafe class Utf8Strings : IDisposable
{
    private readonly List<nint> _blocks = [];

    public byte* Add(string text)
    {
        nint copy = Marshal.StringToCoTaskMemUTF8(text);
        _blocks.Add(copy);
        return (byte*)copy;
    }

    public byte** AddAll(IEnumerable<string> texts)
    {
        string[] all = [.. texts];
        nint block = Marshal.AllocCoTaskMem((all.Length + 1) * sizeof(byte*));
        _blocks.Add(block);
        byte** pointers = (byte**)block;
        for (int i = 0; i < all.Length; i++)
            pointers[i] = Add(all[i]);
        return pointers;
    }

    public void Dispose()
    {
        foreach (nint block in _blocks)
            Marshal.FreeCoTaskMem(block);
        _blocks.Clear();
    }
}
