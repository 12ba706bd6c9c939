using System.Text.RegularExpressions;

namespace Acm.Native.Tests.Abi;

/// <summary>Says whether a C# type stands for a C type: pointer depth, width, signedness, and the name of enums, structs and handles.</summary>
internal static partial class CTypes
{
    private static readonly Dictionary<string, Type> Primitives = new()
    {
        ["void"] = typeof(void), ["char"] = typeof(byte), ["unsigned char"] = typeof(byte), ["unsigned short"] = typeof(ushort), ["int"] = typeof(int),
        ["unsigned int"] = typeof(uint), ["float"] = typeof(float), ["double"] = typeof(double), ["size_t"] = typeof(nuint), ["unsigned long"] = typeof(nuint),
        ["unsigned long long"] = typeof(ulong), ["long long"] = typeof(long), ["cuuint32_t"] = typeof(uint), ["cuuint64_t"] = typeof(ulong),
    };

    [GeneratedRegex(@"\bconst\b|\benum\b")]
    private static partial Regex Qualifiers();

    /// <summary>Null where they agree, else what differs.</summary>
    public static string? Difference(Type ours, string theirs, AbiFacts facts)
    {
        if (theirs.Contains("(*)", StringComparison.Ordinal))
            return FunctionDifference(ours, theirs, facts);
        string plain = Qualifiers().Replace(theirs, " ");
        int depth = plain.Count(c => c == '*');
        string name = plain.Replace("*", "").Trim();
        Type target = ours;
        int ourDepth = 0;
        for (; target.IsPointer; target = target.GetElementType()!)
            ourDepth++;
        if (facts.Typedefs.TryGetProperty(name, out var typedef) && typedef.GetString()!.Contains("(*)", StringComparison.Ordinal))
            return depth != ourDepth ? $"{ours} is not {theirs}" : FunctionDifference(target, typedef.GetString()!, facts);
        if (depth != ourDepth)
            return $"{ours} has {ourDepth} stars, {theirs} has {depth}";
        return Plain(target, name, facts);
    }

    private static string? Plain(Type ours, string name, AbiFacts facts)
    {
        if (Primitives.TryGetValue(name, out Type? primitive))
            return ours == primitive ? null : $"{ours} is not {name}";
        if (ours.Name != name && !name.StartsWith("struct (unnamed", StringComparison.Ordinal) && !(ours == typeof(void)))
            return $"{ours.Name} is not {name}";
        if (facts.Enums.TryGetProperty(name, out _))
            return ours.IsEnum && Layout.SizeOf(ours) == 4 ? null : $"{ours} is not an enum of 4 bytes";
        if (facts.Structs.TryGetProperty(name, out var fact))
            // Behind a pointer a struct that is never filled may stay void.
            return ours == typeof(void) || Layout.SizeOf(ours) == fact.GetProperty("size").GetInt32() ? null : $"{ours} has another size than {name}";
        if (!facts.Typedefs.TryGetProperty(name, out var typedef))
            return ours == typeof(void) ? null : $"{name} is in no list of facts";
        int size = typedef.GetString() is "int" or "unsigned int" ? 4 : 8;
        return Layout.SizeOf(ours) == size ? null : $"{ours} has {Layout.SizeOf(ours)} bytes, {name} has {size}";
    }

    private static string? FunctionDifference(Type ours, string theirs, AbiFacts facts)
    {
        if (!ours.IsUnmanagedFunctionPointer)
            return $"{ours} is not a function pointer";
        int star = theirs.IndexOf("(*)", StringComparison.Ordinal);
        string[] parameters = theirs[(star + 3)..].Trim('(', ')').Split(',', StringSplitOptions.TrimEntries);
        Type[] ourParameters = ours.GetFunctionPointerParameterTypes();
        if (parameters.Length != ourParameters.Length)
            return $"{ours} has another number of parameters than {theirs}";
        return Difference(ours.GetFunctionPointerReturnType(), theirs[..star].Trim(), facts)
            ?? parameters.Zip(ourParameters).Select(p => Difference(p.Second, p.First, facts)).FirstOrDefault(d => d is not null);
    }
}
