using Acm.Runtime.Plan;
using Buffer = Acm.Runtime.Plan.Buffer;

namespace Acm.Runtime.Backends.Cuda;

/// <summary>
/// In which form each buffer of a plan is needed. Products, gates and attention read elements; norms, residuals, pools and taps read floats; a buffer
/// may be both. Sums and norms of the residual stream happen in place, so the buffers they lead through share one matrix of floats: before each
/// read it is checked that it still holds what is meant.
/// </summary>
internal sealed class StorageMap
{
    private readonly HashSet<Buffer> _floats = new(ReferenceEqualityComparer.Instance), _elements = new(ReferenceEqualityComparer.Instance);
    private readonly Dictionary<Buffer, Buffer> _joined = new(ReferenceEqualityComparer.Instance);
    private readonly Dictionary<Buffer, HeadLayout> _heads = new(ReferenceEqualityComparer.Instance);
    private readonly Dictionary<Buffer, CudaStorage> _floatStorage = new(ReferenceEqualityComparer.Instance), _elementStorage = new(ReferenceEqualityComparer.Instance);
    private readonly Dictionary<CudaStorage, Buffer> _holds = [];
    private readonly int _elementBytes;

    public StorageMap(ForwardPlan plan, ElementType element)
    {
        _elementBytes = element.Bytes();
        _floats.Add(plan.Output);
        foreach (Op op in plan.Ops)
            Need(op);
        foreach (LayerNorm norm in plan.Ops.OfType<LayerNorm>())
            if (_floats.Contains(norm.Out))
                Join(norm.In, norm.Out);
    }

    /// <summary>Whether a later op reads the buffer as floats.</summary>
    public bool NeedsFloats(Buffer buffer) => _floats.Contains(buffer);

    /// <summary>Whether a later op reads the buffer as elements.</summary>
    public bool NeedsElements(Buffer buffer) => _elements.Contains(buffer);

    /// <summary>The buffer as elements.</summary>
    public CudaStorage Elements(Buffer buffer)
    {
        if (!_elementStorage.TryGetValue(buffer, out CudaStorage? storage))
        {
            HeadLayout? heads = _heads.GetValueOrDefault(buffer);
            int columns = heads is null ? buffer.Width : buffer.Width / heads.Size * heads.Stored;
            _elementStorage[buffer] = storage = new CudaStorage(buffer.Name, buffer.Rows, columns, _elementBytes, heads);
        }
        return storage;
    }

    /// <summary>The buffer as floats, about to be read.</summary>
    /// <exception cref="NotSupportedException">Its memory holds another buffer by now.</exception>
    public CudaStorage ReadFloats(Buffer buffer)
    {
        CudaStorage storage = Floats(buffer);
        return ReferenceEquals(_holds.GetValueOrDefault(storage), buffer)
            ? storage
            : throw new NotSupportedException($"reading '{buffer.Name}' after '{_holds.GetValueOrDefault(storage)?.Name ?? "nothing"}' was written in its place");
    }

    /// <summary>The buffer as floats, about to be written.</summary>
    public CudaStorage WriteFloats(Buffer buffer)
    {
        CudaStorage storage = Floats(buffer);
        _holds[storage] = buffer;
        return storage;
    }

    private CudaStorage Floats(Buffer buffer)
    {
        Buffer root = Root(buffer);
        return _floatStorage.TryGetValue(root, out CudaStorage? storage)
            ? storage
            : _floatStorage[root] = new CudaStorage(root.Name, root.Rows, root.Width, 4);
    }

    private void Need(Op op)
    {
        Buffer? floats = op switch
        {
            PatchEmbed o => o.Out,
            TokenEmbed o => o.Out,
            LayerNorm o => o.In,
            ChannelNorm o => o.In,
            SelectFirst o => o.In,
            MeanPool o => o.In,
            Tap o => o.In,
            _ => null,
        };
        if (floats is not null)
            _floats.Add(floats);
        switch (op)
        {
            case Linear o:
                NeedProduct(o.In, o.Out, o.Residual);
                break;
            case Conv1d o:
                NeedProduct(o.In, o.Out, o.Residual);
                break;
            case AcmLayer o:
                NeedProduct(o.In, o.Out, o.Residual);
                break;
            case Route o:
                _elements.Add(o.In);
                break;
            case Attention o:
                _elements.UnionWith([o.Q, o.K, o.V]);
                NeedHeads(o);
                break;
        }
    }

    private void NeedProduct(Buffer input, Buffer output, Buffer? residual)
    {
        _elements.Add(input);
        if (residual is null)
            return;
        _floats.Add(residual);
        _floats.Add(output);
        Join(residual, output);
    }

    private void NeedHeads(Attention op)
    {
        int size = op.Q.Width / op.Heads, stored = HeadLayout.StoredFor(size);
        if (stored == size || stored == 0)
            return;
        foreach (Buffer buffer in (Buffer[])[op.Q, op.K, op.V, op.Out])
            _heads[buffer] = new HeadLayout(size, stored);
    }

    private void Join(Buffer a, Buffer b)
    {
        if (!ReferenceEquals(Root(a), Root(b)))
            _joined[Root(b)] = Root(a);
    }

    private Buffer Root(Buffer buffer)
    {
        while (_joined.TryGetValue(buffer, out Buffer? next))
            buffer = next;
        return buffer;
    }
}
