using System.Reflection;
using System.Text.Json;
using Acm.Native.Driver;
using Acm.Native.Nvrtc;
using NUnit.Framework;

namespace Acm.Native.Tests.Abi;

/// <summary>The tables, structs and enums against facts read off the real headers, by reflection over everything there is.</summary>
[TestFixture]
internal sealed class AbiTests
{
    private const BindingFlags Fields = BindingFlags.Instance | BindingFlags.Public;

    [TestCaseSource(typeof(AbiFacts), nameof(AbiFacts.All))]
    public void Every_entry_has_the_signature_of_its_export(AbiFacts? file)
    {
        AbiFacts facts = AbiFacts.Need(file);
        (Type table, TableEntry[] entries) = facts.IsDriver ? (typeof(DriverTable), DriverEntries.All) : (typeof(NvrtcTable), NvrtcEntries.All);
        int compared = 0;
        foreach (TableEntry entry in entries.Where(e => e.Since <= facts.Version))
        {
            Assert.That(facts.Functions.TryGetProperty(entry.Export, out JsonElement function), $"{entry.Export} is not in {facts}");
            Assert.That(function.GetProperty("exported").GetBoolean(), $"{entry.Export} is not exported");
            Type pointer = table.GetField(entry.Export, Fields)!.FieldType;
            Type[] ours = pointer.GetFunctionPointerParameterTypes();
            JsonElement.ArrayEnumerator theirs = function.GetProperty("params").EnumerateArray();
            Assert.That(ours, Has.Length.EqualTo(theirs.Count()), entry.Export);
            Assert.That(CTypes.Difference(pointer.GetFunctionPointerReturnType(), function.GetProperty("returns").GetString()!, facts), Is.Null, entry.Export);
            foreach ((Type type, JsonElement parameter) in ours.Zip(theirs))
                Assert.That(CTypes.Difference(type, parameter.GetProperty("type").GetString()!, facts), Is.Null, $"{entry.Export}, {parameter.GetProperty("name")}");
            compared++;
        }
        Assert.That(compared, Is.GreaterThan(entries.Length / 2), $"{facts} is too old to say much");
    }

    [TestCaseSource(typeof(AbiFacts), nameof(AbiFacts.All))]
    public void Every_enum_member_has_its_value(AbiFacts? file)
    {
        AbiFacts facts = AbiFacts.Need(file);
        int compared = 0;
        foreach (Type type in OurTypes().Where(t => t.IsEnum && facts.Enums.TryGetProperty(t.Name, out _)))
            foreach (string member in Enum.GetNames(type))
            {
                Assert.That(facts.Enums.GetProperty(type.Name).TryGetProperty(member, out JsonElement value), $"{type.Name} has no {member}");
                Assert.That(Convert.ToInt64(Enum.Parse(type, member)), Is.EqualTo(value.GetInt64()), member);
                compared++;
            }
        Assert.That(compared, Is.GreaterThan(10));
    }

    [TestCaseSource(typeof(AbiFacts), nameof(AbiFacts.All))]
    public void Every_struct_has_its_layout(AbiFacts? file)
    {
        AbiFacts facts = AbiFacts.Need(file);
        foreach (Type type in OurTypes().Where(t => t.IsValueType && !t.IsEnum && facts.Structs.TryGetProperty(t.Name, out _)))
        {
            JsonElement fact = facts.Structs.GetProperty(type.Name);
            Assert.That(Layout.SizeOf(type), Is.EqualTo(fact.GetProperty("size").GetInt32()), type.Name);
            Assert.That(Layout.AlignmentOf(type), Is.LessThanOrEqualTo(fact.GetProperty("align").GetInt32()), type.Name);
            JsonElement[] theirs = [.. fact.GetProperty("fields").EnumerateArray()];
            bool union = theirs.Length > 1 && theirs.All(f => f.GetProperty("offset").GetInt32() == 0);
            FieldInfo[] ours = type.GetFields(Fields);
            if (!union)
                Assert.That(ours.Select(f => f.Name), Is.EqualTo(theirs.Select(f => f.GetProperty("name").GetString())), type.Name);
            foreach (FieldInfo field in ours)
            {
                JsonElement match = theirs.Single(f => f.GetProperty("name").GetString() == field.Name);
                Assert.That(Layout.OffsetOf(field), Is.EqualTo(match.GetProperty("offset").GetInt32()), $"{type.Name}.{field.Name}");
                Assert.That(Layout.SizeOf(field.FieldType), Is.EqualTo(match.GetProperty("size").GetInt32()), $"{type.Name}.{field.Name}");
            }
        }
    }

    [TestCaseSource(typeof(AbiFacts), nameof(AbiFacts.All))]
    public void Every_type_that_crosses_the_border_was_compared(AbiFacts? file)
    {
        AbiFacts facts = AbiFacts.Need(file);
        Type table = facts.IsDriver ? typeof(DriverTable) : typeof(NvrtcTable);
        HashSet<Type> crossing = [];
        foreach (FieldInfo field in table.GetFields(Fields))
            foreach (Type type in field.FieldType.GetFunctionPointerParameterTypes().Append(field.FieldType.GetFunctionPointerReturnType()))
                Collect(type, crossing);
        foreach (Type type in crossing.Where(t => t.Assembly == table.Assembly))
            Assert.That(
                facts.Enums.TryGetProperty(type.Name, out _) || facts.Structs.TryGetProperty(type.Name, out _) || facts.Typedefs.TryGetProperty(type.Name, out _),
                $"{type.Name} is in no list of facts");
    }

    [Test]
    public void Fields_and_entries_are_in_the_same_order()
    {
        Assert.That(DriverEntries.All.Select(e => e.Export), Is.EqualTo(typeof(DriverTable).GetFields(Fields).Select(f => f.Name)));
        Assert.That(NvrtcEntries.All.Select(e => e.Export), Is.EqualTo(typeof(NvrtcTable).GetFields(Fields).Select(f => f.Name)));
        foreach (TableEntry entry in DriverEntries.All.Concat(NvrtcEntries.All))
            Assert.That(entry.Export.Split("_v")[0], Is.EqualTo(entry.Symbol));
    }

    private static IEnumerable<Type> OurTypes() => typeof(DriverTable).Assembly.GetTypes();

    private static void Collect(Type type, HashSet<Type> into)
    {
        if (type.IsPointer)
            Collect(type.GetElementType()!, into);
        else
            into.Add(type);
    }
}
