using Acm.Runtime.Plan;

namespace Acm.Runtime.Models;

/// <summary>Hands out a package's tensors by name, each checked against the shape the configuration asks for.</summary>
internal sealed class PackageWeights(SafeTensorsFile file, bool allowNonFinite)
{
    private readonly HashSet<string> _used = new(StringComparer.Ordinal);

    /// <summary>Whether the file holds a tensor of this name.</summary>
    public bool Has(string name) => file.TryGet(name, out _);

    /// <summary>A tensor that must be there.</summary>
    /// <exception cref="ModelFormatException">It is missing, or has another shape or type, or holds a NaN or infinity.</exception>
    public Weight Get(string name, params ReadOnlySpan<long> shape) => Part(name, 0, 1, shape);

    /// <summary>A tensor that may be missing.</summary>
    public Weight? GetOrNull(string name, params ReadOnlySpan<long> shape) => Has(name) ? Get(name, shape) : null;

    /// <summary>One of several equal parts a tensor is cut into along its first dimension.</summary>
    /// <param name="name">The tensor's name.</param>
    /// <param name="part">Which part, from 0.</param>
    /// <param name="parts">How many there are.</param>
    /// <param name="shape">Of one part.</param>
    public Weight Part(string name, int part, int parts, params ReadOnlySpan<long> shape)
    {
        var view = file.Get(name);
        long[] whole = shape.ToArray();
        whole[0] *= parts;
        if (!view.DType.IsWeightType() || !view.HasShape(whole))
        {
            throw new ModelFormatException(file.Path, name, $"{TensorShape.Text(whole)} in F32, F16 or BF16", view.ToString());
        }
        if (view.ElementCount > int.MaxValue)
        {
            throw new ModelFormatException(file.Path, name, $"at most {int.MaxValue} elements", $"{view.ElementCount}");
        }
        if (_used.Add(name) && !allowNonFinite && view.FirstNonFinite() is >= 0 and long at)
        {
            throw new ModelFormatException(file.Path, name, "finite numbers only", $"NaN or infinity at element {at}");
        }
        long first = view.ElementCount / parts * part;
        return new TensorWeight(view, Array.ConvertAll(shape.ToArray(), static size => (int)size), first);
    }

    /// <summary>A convolution's weight stored plain, or as magnitude and direction under either of PyTorch's names.</summary>
    /// <param name="path">The convolution's path.</param>
    /// <param name="shape">[out, in / groups, kernel].</param>
    public Weight Normed(string path, params ReadOnlySpan<long> shape)
    {
        foreach (var (magnitude, direction) in new[] { ("weight_g", "weight_v"), ("parametrizations.weight.original0", "parametrizations.weight.original1") })
        {
            if (Has($"{path}.{direction}"))
            {
                var weight = new WeightNorm(Get($"{path}.{magnitude}", 1, 1, shape[^1]), Get($"{path}.{direction}", shape));
                return allowNonFinite || weight.AllFinite
                    ? weight
                    : throw new ModelFormatException(file.Path, weight.Name, "a finite direction and magnitude for every tap", "a tap without a length or beyond the range");
            }
        }
        return Get($"{path}.weight", shape);
    }

    /// <summary>
    /// Refuses tensors under a prefix that nothing has asked for: a layer, an ACM or a gate that the configuration does not know
    /// would silently be left out. Elsewhere, tensors that inference has no use for (a pooler, a training mask) are ignored.
    /// </summary>
    public void RefuseUnusedUnder(string prefix)
    {
        foreach (string name in file.Names)
        {
            if (name.StartsWith(prefix, StringComparison.Ordinal) && !_used.Contains(name))
            {
                throw new ModelFormatException(file.Path, name, "no such tensor: the configuration has no place for it", file.Get(name).ToString());
            }
        }
    }
}
