namespace Acm.Runtime.Conversion.Torch;

// What a pickle can become here: null, bool, long, double, string, object?[] (tuple), List<object?> and the types below.

/// <summary>A class or function a pickle names; only a name, never the thing itself.</summary>
internal sealed record PickleGlobal(string Module, string Name)
{
    public override string ToString() => $"{Module}.{Name}";
}

/// <summary>A dict, an OrderedDict or a defaultdict; keys are strings or whole numbers, in the order they were set.</summary>
internal sealed class PickleDict : OrderedDictionary<object, object?>;

/// <summary>An object of one of the known configuration classes: its class and the state BUILD gave it.</summary>
internal sealed class PickleInstance(PickleGlobal type)
{
    public PickleGlobal Type { get; } = type;

    public PickleDict? State { get; set; }
}

/// <summary>The numbers behind tensors: an entry of the archive, <c>data/{Key}</c>, of <paramref name="Count"/> elements.</summary>
internal sealed record PickleStorage(TensorDType DType, string Key, long Count);

/// <summary>A tensor as the pickle describes it. Nothing here is checked: <see cref="TorchTensor"/> does, where the tensor's name is known.</summary>
internal sealed record PickleTensor(object? Storage, object? Offset, object? Shape, object? Strides)
{
    // The parts may be tensors themselves, any number deep: nobody may print them.
    public override string ToString() => "a tensor";
}
