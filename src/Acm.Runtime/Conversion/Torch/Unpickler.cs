namespace Acm.Runtime.Conversion.Torch;

/// <summary>
/// Reads the pickles that <c>torch.save</c> writes into checkpoints, and no others. A pickle is a program; this machine knows the few
/// instructions and names such a file needs, builds plain values from them, executes nothing, and refuses everything else by name.
/// </summary>
/// <remarks>
/// Values may refer to themselves or to a part many times over: whoever reads them must fetch what it knows to look for, never walk them.
/// Work and memory are bounded by the pickle's length.
/// </remarks>
internal ref struct Unpickler
{
    private const int NewestProtocol = 2;

    // Parts may be the same long text many times over, calls may be given the same parts, and a key is read whole wherever it is set.
    private const long LongestPath = 4096, LongestPaths = 1 << 20;
    private const int LongestKey = 1024;

    private readonly List<object?> _stack = [];
    private readonly List<int> _marks = [];
    private readonly Dictionary<uint, object?> _memo = [];
    private PickleReader _reader;
    private long _paths;

    private Unpickler(PickleReader reader) => _reader = reader;

    /// <summary>Runs a pickle to its STOP.</summary>
    /// <param name="file">For messages.</param>
    /// <param name="bytes">The whole pickle.</param>
    /// <exception cref="ModelFormatException">It is broken, or names or does something unknown.</exception>
    public static object? Load(string file, ReadOnlySpan<byte> bytes) => new Unpickler(new PickleReader(file, bytes)).Run();

    private object? Run()
    {
        while (true)
        {
            if (_reader.AtEnd)
            {
                throw _reader.Wrong("a STOP", "its end");
            }
            var opcode = (PickleOpcode)_reader.Byte();
            if (opcode == PickleOpcode.Stop)
            {
                object? result = Pop();
                return _stack.Count == 0 && _marks.Count == 0 ? result : throw _reader.Wrong("one value left at STOP", $"{_stack.Count + 1}");
            }
            Step(opcode);
        }
    }

    private void Step(PickleOpcode opcode)
    {
        switch (opcode)
        {
            case PickleOpcode.Proto:
                byte protocol = _reader.Byte();
                if (protocol != NewestProtocol)
                {
                    throw _reader.Wrong($"protocol {NewestProtocol}", $"protocol {protocol}");
                }
                break;
            case PickleOpcode.Mark: _marks.Add(_stack.Count); break;

            case PickleOpcode.None: Push(null); break;
            case PickleOpcode.NewTrue: Push(true); break;
            case PickleOpcode.NewFalse: Push(false); break;
            case PickleOpcode.BinInt: Push((long)_reader.Int32()); break;
            case PickleOpcode.BinInt1: Push((long)_reader.Byte()); break;
            case PickleOpcode.BinInt2: Push((long)_reader.UInt16()); break;
            case PickleOpcode.Long1: Push(_reader.Integer(_reader.Byte())); break;
            case PickleOpcode.BinFloat: Push(_reader.Double()); break;
            case PickleOpcode.BinUnicode: Push(_reader.Text(_reader.UInt32())); break;

            case PickleOpcode.EmptyTuple: Push(Array.Empty<object?>()); break;
            case PickleOpcode.Tuple1: Push(PopLast(1)); break;
            case PickleOpcode.Tuple2: Push(PopLast(2)); break;
            case PickleOpcode.Tuple3: Push(PopLast(3)); break;
            case PickleOpcode.Tuple: Push(PopToMark()); break;
            case PickleOpcode.EmptyList: Push(new List<object?>()); break;
            case PickleOpcode.Append: Append(PopLast(1)); break;
            case PickleOpcode.Appends: Append(PopToMark()); break;
            case PickleOpcode.EmptyDict: Push(new PickleDict()); break;
            case PickleOpcode.SetItem: SetItems(PopLast(2)); break;
            case PickleOpcode.SetItems: SetItems(PopToMark()); break;

            case PickleOpcode.BinPut: _memo[_reader.Byte()] = Peek(); break;
            case PickleOpcode.LongBinPut: _memo[_reader.UInt32()] = Peek(); break;
            case PickleOpcode.BinGet: Push(Recall(_reader.Byte())); break;
            case PickleOpcode.LongBinGet: Push(Recall(_reader.UInt32())); break;

            case PickleOpcode.Global: Push(Global()); break;
            case PickleOpcode.NewObj: NewObject(); break;
            case PickleOpcode.Reduce: Reduce(); break;
            case PickleOpcode.Build: Build(); break;
            case PickleOpcode.BinPersId: Push(Storage(Pop())); break;

            default: throw _reader.Wrong("the instructions torch.save writes", $"instruction 0x{(byte)opcode:X2}");
        }
    }

    private readonly void Push(object? value) => _stack.Add(value);

    private object? Pop() => PopLast(1)[0];

    private readonly object? Peek() => _stack.Count > Floor ? _stack[^1] : throw Underflow();

    // What lies below the last mark belongs to whoever set it.
    private readonly int Floor => _marks.Count > 0 ? _marks[^1] : 0;

    private readonly object?[] PopLast(int count)
    {
        if (_stack.Count - count < Floor)
        {
            throw Underflow();
        }
        return PopFrom(_stack.Count - count);
    }

    private readonly object?[] PopToMark()
    {
        if (_marks.Count == 0)
        {
            throw _reader.Wrong("a MARK before what needs one", "none");
        }
        int start = _marks[^1];
        _marks.RemoveAt(_marks.Count - 1);
        return PopFrom(start);
    }

    private readonly object?[] PopFrom(int start)
    {
        object?[] values = new object?[_stack.Count - start];
        _stack.CopyTo(start, values, 0, values.Length);
        _stack.RemoveRange(start, values.Length);
        return values;
    }

    private readonly ModelFormatException Underflow() => _reader.Wrong("values on its stack where it takes some", "too few");

    private readonly object? Recall(uint index) =>
        _memo.TryGetValue(index, out object? value) ? value : throw _reader.Wrong("memo entries that were stored", $"entry {index}, which was not");

    private readonly void Append(object?[] values)
    {
        if (Peek() is not List<object?> list)
        {
            throw _reader.Wrong("a list where it appends", Describe(Peek()));
        }
        list.AddRange(values);
    }

    private readonly void SetItems(object?[] pairs)
    {
        if (Peek() is not PickleDict dict)
        {
            throw _reader.Wrong("a dict where it sets items", Describe(Peek()));
        }
        if (pairs.Length % 2 != 0)
        {
            throw _reader.Wrong("a value for every key", $"{pairs.Length} keys and values");
        }
        for (int i = 0; i < pairs.Length; i += 2)
        {
            if (pairs[i] is not (string or long) and var key)
            {
                throw _reader.Wrong("keys that are text or whole numbers", Describe(key));
            }
            if (pairs[i] is string { Length: > LongestKey and var length })
            {
                throw _reader.Wrong($"keys of at most {LongestKey} characters", $"one of {length}");
            }
            dict[pairs[i]!] = pairs[i + 1];
        }
    }

    private PickleGlobal Global()
    {
        var name = new PickleGlobal(_reader.Line(), _reader.Line());
        return PickleGlobals.IsKnown(name) ? name : throw _reader.Wrong("the classes of a checkpoint only", $"'{name}', which is refused and was not run");
    }

    private void NewObject()
    {
        object? arguments = Pop();
        object? type = Pop();
        if (type is not PickleGlobal name || !PickleGlobals.Allows(name, PickleGlobals.Use.Instance))
        {
            throw _reader.Wrong("NEWOBJ of a configuration class", Describe(type));
        }
        if (arguments is not object?[] { Length: 0 })
        {
            throw _reader.Wrong($"{name} made without arguments", Describe(arguments));
        }
        Push(new PickleInstance(name));
    }

    private void Reduce()
    {
        object? arguments = Pop();
        object? function = Pop();
        if (function is not PickleGlobal name || !PickleGlobals.Allows(name, PickleGlobals.Use.Call) || arguments is not object?[] given)
        {
            throw _reader.Wrong("calls of the few functions a checkpoint needs", $"a call of {Describe(function)}, which is refused and was not run");
        }
        Push((name.Name, given) switch
        {
            ("OrderedDict", []) => new PickleDict(),
            ("defaultdict", [PickleGlobal { Module: "__builtin__" }]) => new PickleDict(),
            ("PosixPath", _) when given.Sum(part => part is string text ? text.Length + 1L : LongestPath) is < LongestPath and var length => JoinPath(given, length),
            ("_rebuild_tensor_v2", [var storage, var offset, var shape, var strides, bool, PickleDict]) => new PickleTensor(storage, offset, shape, strides),
            _ => throw _reader.Wrong($"{name} called as torch.save does", $"{given.Length} other arguments"),
        });
    }

    private string JoinPath(object?[] parts, long length)
    {
        _paths += length;
        return _paths <= LongestPaths ? string.Join('/', parts) : throw _reader.Wrong($"paths of at most {LongestPaths} characters in all", "longer ones");
    }

    private void Build()
    {
        object? state = Pop();
        switch (Peek())
        {
            case PickleInstance { State: null } instance when state is PickleDict values:
                instance.State = values;
                break;
            // An OrderedDict's attributes, such as a state dict's _metadata, say nothing about its items.
            case PickleDict when state is PickleDict:
                break;
            default:
                throw _reader.Wrong("BUILD of an object with a dict", $"{Describe(Peek())} with {Describe(state)}");
        }
    }

    private readonly PickleStorage Storage(object? id)
    {
        if (id is not object?[] { Length: 5 } parts || parts is not ["storage", PickleGlobal type, string key, string, long count])
        {
            throw _reader.Wrong("persistent ids ('storage', type, key, location, size)", Describe(id));
        }
        if (!PickleGlobals.Allows(type, PickleGlobals.Use.Storage))
        {
            throw _reader.Wrong("storages of a known type", Describe(type));
        }
        if (key.Length is 0 or > 20 || !key.All(char.IsAsciiDigit))
        {
            throw _reader.Wrong("storages whose key is a number", $"'{key}'");
        }
        return count >= 0 ? new PickleStorage(PickleGlobals.StorageType(type), key, count) : throw _reader.Wrong("storages of a size", $"{count}");
    }

    private static string Describe(object? value) => value switch
    {
        null => "None",
        PickleGlobal name => $"'{name}'",
        PickleInstance instance => $"an object of '{instance.Type}'",
        PickleDict => "a dict",
        List<object?> => "a list",
        object?[] tuple => $"a tuple of {tuple.Length}",
        string text => $"'{text}'",
        PickleTensor => "a tensor",
        PickleStorage => "a storage",
        _ => $"{value}",
    };
}
