using System.Globalization;
using System.Text.RegularExpressions;

namespace Acm.Runtime.Conversion;

/// <summary>How a source names its tensors and what a package calls them: rows of two patterns, read from the top.</summary>
/// <remarks>
/// <c>{i}</c> stands for a layer's number, a final <c>*</c> for whatever follows, <c>[...]</c> for a part that may be missing.
/// <c>{q,k,v}</c> on the right: the tensor holds those three, one under the other, and is cut into them.
/// An empty right side: the forward does not use the tensor.
/// </remarks>
internal sealed class NameTable
{
    private const string Parts = "{q,k,v}";

    private readonly (Regex From, string To)[] _rows;

    public NameTable(params (string From, string To)[] rows) => _rows = [.. rows.Select(row => (Compile(row.From), row.To))];

    /// <summary>Renames all tensors.</summary>
    /// <exception cref="ModelFormatException">A tensor is in no row, or two get the same name.</exception>
    public IReadOnlyDictionary<string, PackageTensor> Apply(StateDict state)
    {
        var package = new SortedDictionary<string, PackageTensor>(StringComparer.Ordinal);
        foreach (var (name, tensor) in state.Tensors)
        {
            string to = Rename(name) ?? throw new ModelFormatException(state.File, name, "a tensor this layout knows", "one it does not");
            if (to.Length == 0)
            {
                continue;
            }
            foreach (var part in to.Contains(Parts) ? Cut(to, tensor) : [new PackageTensor(to, tensor)])
            {
                if (!package.TryAdd(part.Name, part))
                {
                    throw new ModelFormatException(state.File, name, $"one tensor for '{part.Name}'", $"also '{package[part.Name].Source.Name}'");
                }
            }
        }
        return package;
    }

    /// <summary>The package's name; empty where it has none, null where no row fits.</summary>
    private string? Rename(string name)
    {
        foreach (var (from, to) in _rows)
        {
            var match = from.Match(name);
            if (match.Success)
            {
                return to.Replace("{i}", match.Groups["i"].Value).Replace("*", match.Groups["rest"].Value);
            }
        }
        return null;
    }

    private static IEnumerable<PackageTensor> Cut(string to, TensorSource tensor)
    {
        string[] parts = Parts.Trim('{', '}').Split(',');
        if (tensor.Shape.Count == 0 || tensor.Shape[0] % parts.Length != 0)
        {
            throw new ModelFormatException(tensor.File, tensor.Name, $"rows in {parts.Length} equal parts", TensorShape.Text([.. tensor.Shape]));
        }
        long rows = tensor.Shape[0] / parts.Length;
        return parts.Select((part, i) => new PackageTensor(to.Replace(Parts, part), tensor, i * rows, rows));
    }

    private static Regex Compile(string pattern)
    {
        string escaped = Regex.Escape(pattern)
            .Replace(@"\[", "(?:").Replace("]", ")?")
            .Replace(@"\{i}", "(?<i>0|[1-9][0-9]{0,5})")
            .Replace(@"\*", "(?<rest>.+)");
        return new Regex(string.Create(CultureInfo.InvariantCulture, $@"\A{escaped}\z"), RegexOptions.CultureInvariant);
    }
}
