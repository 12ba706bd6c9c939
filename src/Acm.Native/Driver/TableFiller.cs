using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Acm.Native.Driver;

/// <summary>Fills a table of function pointers entry by entry.</summary>
internal static class TableFiller
{
    /// <summary>The table as a row of addresses, in the order of its fields.</summary>
    public static Span<nint> Slots<TTable>(ref TTable table)
        where TTable : unmanaged =>
        MemoryMarshal.CreateSpan(ref Unsafe.As<TTable, nint>(ref table), Unsafe.SizeOf<TTable>() / Unsafe.SizeOf<nint>());

    /// <summary>Asks <paramref name="find"/> for every entry; the required ones that it does not know are returned.</summary>
    public static List<TableEntry> Fill<TTable>(ref TTable table, TableEntry[] entries, Func<TableEntry, nint> find)
        where TTable : unmanaged
    {
        Span<nint> slots = Slots(ref table);
        if (slots.Length != entries.Length)
            throw new InvalidOperationException($"{typeof(TTable).Name} has {slots.Length} fields and {entries.Length} entries");
        List<TableEntry> missing = [];
        for (int i = 0; i < entries.Length; i++)
        {
            slots[i] = find(entries[i]);
            if (slots[i] == 0 && entries[i].Required)
                missing.Add(entries[i]);
        }
        return missing;
    }
}
