using System.CommandLine.Parsing;
using System.Globalization;
using System.Numerics;

namespace Acm.Cli;

/// <summary>Numbers on the command line, as programs write them: a point before decimals, nothing between digits.</summary>
internal static class Number
{
    public static T Of<T>(ArgumentResult result) where T : struct, INumber<T> => Of<T>(result, result.Tokens[^1].Value);

    public static T? OrNull<T>(ArgumentResult result) where T : struct, INumber<T> => Of<T>(result);

    public static T[] All<T>(ArgumentResult result) where T : struct, INumber<T> => [.. result.Tokens.Select(token => Of<T>(result, token.Value))];

    // The library's own parser takes 1,5 for fifteen.
    private static T Of<T>(ArgumentResult result, string text) where T : struct, INumber<T>
    {
        bool whole = typeof(T) == typeof(int);
        if (T.TryParse(text, whole ? NumberStyles.AllowLeadingSign : NumberStyles.Float, CultureInfo.InvariantCulture, out T number))
            return number;
        result.AddError($"{((OptionResult)result.Parent!).Option.Name} {text}: not a {(whole ? "whole number of 32 bits" : "number")}");
        return default;
    }
}
