namespace Acm.Runtime.Conversion.Torch;

/// <summary>The only classes and functions a checkpoint may name, and what each may be used for. Nothing is ever looked up or run.</summary>
internal static class PickleGlobals
{
    /// <summary>What may be done with a name.</summary>
    [Flags]
    public enum Use
    {
        /// <summary>Stand as a value, such as the type an option was declared with.</summary>
        Value = 1,
        /// <summary>Be made empty by NEWOBJ and filled by BUILD.</summary>
        Instance = 2,
        /// <summary>Be called by REDUCE; <see cref="Unpickler"/> has a case for each.</summary>
        Call = 4,
        /// <summary>Name the element type of a storage.</summary>
        Storage = 8,
    }

    private static readonly Dictionary<PickleGlobal, Use> Known = new()
    {
        [new("omegaconf.dictconfig", "DictConfig")] = Use.Instance,
        [new("omegaconf.base", "ContainerMetadata")] = Use.Instance,
        [new("omegaconf.base", "Metadata")] = Use.Instance,
        [new("omegaconf.nodes", "AnyNode")] = Use.Instance,
        [new("typing", "Any")] = Use.Value,
        [new("__builtin__", "dict")] = Use.Value,
        [new("__builtin__", "list")] = Use.Value,
        [new("collections", "defaultdict")] = Use.Call,
        [new("collections", "OrderedDict")] = Use.Call,
        [new("pathlib", "PosixPath")] = Use.Call,
        [new("torch._utils", "_rebuild_tensor_v2")] = Use.Call,
        [new("torch", "FloatStorage")] = Use.Storage,
        [new("torch", "HalfStorage")] = Use.Storage,
        [new("torch", "BFloat16Storage")] = Use.Storage,
        [new("torch", "DoubleStorage")] = Use.Storage,
        [new("torch", "LongStorage")] = Use.Storage,
        [new("torch", "IntStorage")] = Use.Storage,
        [new("torch", "ShortStorage")] = Use.Storage,
        [new("torch", "CharStorage")] = Use.Storage,
        [new("torch", "ByteStorage")] = Use.Storage,
        [new("torch", "BoolStorage")] = Use.Storage,
    };

    /// <summary>Whether the name is known at all.</summary>
    public static bool IsKnown(PickleGlobal name) => Known.ContainsKey(name);

    /// <summary>Whether the name may be used so.</summary>
    public static bool Allows(PickleGlobal name, Use use) => Known.TryGetValue(name, out var uses) && uses.HasFlag(use);

    /// <summary>The element type a storage class stands for.</summary>
    public static TensorDType StorageType(PickleGlobal storage) => storage.Name switch
    {
        "FloatStorage" => TensorDType.F32,
        "HalfStorage" => TensorDType.F16,
        "BFloat16Storage" => TensorDType.BF16,
        "DoubleStorage" => TensorDType.F64,
        "LongStorage" => TensorDType.I64,
        "IntStorage" => TensorDType.I32,
        "ShortStorage" => TensorDType.I16,
        "CharStorage" => TensorDType.I8,
        "ByteStorage" => TensorDType.U8,
        "BoolStorage" => TensorDType.Bool,
        _ => throw new ArgumentOutOfRangeException(nameof(storage), storage, "Not a storage class."),
    };
}
