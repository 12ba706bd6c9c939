using System.Runtime.CompilerServices;
using Acm.Native;
using Acm.Runtime.Plan;
using Buffer = Acm.Runtime.Plan.Buffer;

namespace Acm.Runtime.Backends.Cuda;

/// <summary>
/// A stream with everything one run at a time needs: one arena, pinned memory for what goes in and comes out, and the graph of the whole forward, captured at the
/// first run. Budget, forced routing and smaller batches are data to that graph.
/// </summary>
internal sealed class CudaForward : IForward
{
    private readonly CudaBackend _backend;
    private readonly CudaStream _stream;
    private readonly DeviceMemory _memory;
    private readonly PinnedMemory _in, _out;
    private readonly Dictionary<Buffer, DeviceSlice> _buffers = new(ReferenceEqualityComparer.Instance);
    private readonly DeviceSlice _pixels, _controls, _offsets, _counts, _choices, _orders, _siteCounts, _finished, _output, _hidden;
    private readonly (long Pixels, long Controls, long Offsets, long Counts) _inAt;
    private readonly (long Output, long Choices) _outAt;
    private readonly Dictionary<AcmSite, int> _sites = new(ReferenceEqualityComparer.Instance);
    private CudaGraph? _graph;
    private bool _broken;

    public CudaForward(CudaBackend backend, int maxSequences)
    {
        _backend = backend;
        ForwardPlan plan = backend.Plan;
        Sequences = maxSequences;
        TokensPerSequence = plan.Tokens.RowsOf(1);
        int tokens = Tokens, sites = plan.Sites.Count, element = backend.Element.Bytes();
        for (int i = 0; i < sites; i++)
            _sites[plan.Sites[i]] = i;

        Layout device = new(), host = new(), back = new();
        List<(Buffer Buffer, long At, long Bytes)> planned = [];
        foreach (CudaBuffer buffer in backend.Steps.SelectMany(static step => (step as IUsesBuffers)?.Buffers ?? []).DistinctBy(static b => b.Buffer, ReferenceEqualityComparer.Instance as IEqualityComparer<Buffer>))
        {
            long bytes = (long)(buffer.PerSequence ? Sequences : tokens) * WeightPacking.Pad64(buffer.Width) * (buffer.IsStream ? 4 : element);
            planned.Add((buffer.Buffer, device.Take(bytes), bytes));
        }
        long pixelBytes = (long)Sequences * plan.InputWidth * 4, controlBytes = Math.Max(sites, 1) * Unsafe.SizeOf<RoutingControl>(), offsetBytes = (Sequences + 1) * 4L;
        long choiceBytes = Math.Max(1, (long)sites * tokens), outputBytes = (long)Sequences * WeightPacking.Pad64(plan.Output.Width) * 4;
        long hiddenBytes = (long)plan.HiddenCount * tokens * StreamPitch * 4;
        long[] at = [device.Take(pixelBytes), device.Take(controlBytes), device.Take(offsetBytes), device.Take(8), device.Take(choiceBytes),
            device.Take(choiceBytes * 4), device.Take(Math.Max(1, sites) * 32 * 4L), device.Take(4), device.Take(outputBytes), device.Take(hiddenBytes)];

        _stream = new CudaStream(backend.Context);
        try
        {
            _memory = new DeviceMemory(_stream, device.Bytes);
            foreach (var (buffer, start, bytes) in planned)
                _buffers[buffer] = _memory.Slice(start, bytes);
            _pixels = _memory.Slice(at[0], pixelBytes);
            _controls = _memory.Slice(at[1], controlBytes);
            _offsets = _memory.Slice(at[2], offsetBytes);
            _counts = _memory.Slice(at[3], 8);
            _choices = _memory.Slice(at[4], choiceBytes);
            _orders = _memory.Slice(at[5], choiceBytes * 4);
            _siteCounts = _memory.Slice(at[6], Math.Max(1, sites) * 32 * 4L);
            _finished = _memory.Slice(at[7], 4);
            _output = _memory.Slice(at[8], outputBytes);
            _hidden = _memory.Slice(at[9], hiddenBytes);
            _inAt = (host.Take(pixelBytes), host.Take(controlBytes), host.Take(offsetBytes), host.Take(8));
            _outAt = (back.Take(outputBytes), back.Take(choiceBytes));
            _in = new PinnedMemory(backend.Context, host.Bytes);
            _out = new PinnedMemory(backend.Context, back.Bytes);
            _in.Span<byte>().Clear();
            _stream.Fill(_finished, 0u);
            foreach (CudaStep step in backend.Steps)
                step.LoadKernels(backend, Sequences);
        }
        catch
        {
            _out?.Dispose();
            _in?.Dispose();
            _memory?.Dispose();
            _stream.Dispose();
            throw;
        }
    }

    /// <summary>Most sequences of a run.</summary>
    public int Sequences { get; }

    public int TokensPerSequence { get; }

    /// <summary>Most tokens of a run.</summary>
    public int Tokens => Sequences * TokensPerSequence;

    /// <summary>Elements from row to row of the stream.</summary>
    public int StreamPitch => WeightPacking.Pad64(_backend.Plan.Ops.OfType<PatchEmbed>().First().Out.Width);

    public ElementType Element => _backend.Element;

    public ulong Pixels => _pixels.Address;

    /// <summary>Device int: tokens of the run.</summary>
    public ulong TokenCount => _counts.Address;

    /// <summary>Device int: sequences of the run.</summary>
    public ulong SequenceCount => _counts.Address + 4;

    public ulong Offsets => _offsets.Address;

    public ulong Finished => _finished.Address;

    public ulong Output => _output.Address;

    public ulong Buffer(Buffer buffer) => _buffers[buffer].Address;

    public ulong Control(AcmSite site) => _controls.Address + (ulong)(_sites[site] * Unsafe.SizeOf<RoutingControl>());

    public Routed Routed(AcmSite site)
    {
        ulong index = (ulong)_sites[site];
        return new Routed
        {
            K = _choices.Address + index * (ulong)Tokens,
            Order = _orders.Address + index * (ulong)Tokens * 4,
            Counts = _siteCounts.Address + index * 32 * 4,
        };
    }

    public void Run(in ForwardRun run)
    {
        if (_broken)
            throw new ObjectDisposedException(nameof(CudaForward), "An earlier run failed on the device; this workspace is dead, make a new session.");
        try
        {
            Stage(run);
            bool plain = run.Hidden.IsEmpty && run.Routing.Forced is null;
            if (plain)
            {
                _graph ??= CudaGraph.Capture(_stream, () => Enqueue(hidden: false));
                _graph.Launch(_stream);
            }
            else
                Enqueue(!run.Hidden.IsEmpty, run.Routing.Forced, run.Lengths.Length);
            run.Cancellation.ThrowIfCancellationRequested();
            _stream.Synchronize();
        }
        catch (CudaException)
        {
            _broken = true;
            throw;
        }
        Collect(run);
    }

    public void Dispose()
    {
        if (!_broken)
            _stream.Synchronize();
        _graph?.Dispose();
        _in.Dispose();
        _out.Dispose();
        _memory.Dispose();
        _stream.Dispose();
    }

    private void Stage(in ForwardRun run)
    {
        int sequences = run.Lengths.Length;
        run.Values.CopyTo(_in.Span<float>().Slice((int)(_inAt.Pixels / 4), run.Values.Length));
        Span<int> offsets = _in.Span<int>().Slice((int)(_inAt.Offsets / 4), Sequences + 1);
        // Sequences that are not there have no tokens.
        for (int s = 0; s <= Sequences; s++)
            offsets[s] = Math.Min(s, sequences) * TokensPerSequence;
        Span<int> counts = _in.Span<int>().Slice((int)(_inAt.Counts / 4), 2);
        (counts[0], counts[1]) = (sequences * TokensPerSequence, sequences);
        Span<byte> bytes = _in.Span<byte>().Slice((int)_inAt.Controls, _backend.Plan.Sites.Count * Unsafe.SizeOf<RoutingControl>());
        Span<RoutingControl> controls = System.Runtime.InteropServices.MemoryMarshal.Cast<byte, RoutingControl>(bytes);
        for (int i = 0; i < controls.Length; i++)
            controls[i] = new RoutingControl
            {
                Lambda = (float)run.Routing.Lambda,
                Fixed = run.Routing.FixedLearners is { } width ? Math.Min(width, _backend.Plan.Sites[i].Learners) : -1,
                Forced = run.Routing.Forced?[i] is null || run.Routing.FixedLearners is not null ? 0 : 1,
            };
    }

    private void Enqueue(bool hidden, IReadOnlyList<ReadOnlyMemory<int>?>? forced = null, int sequences = 0)
    {
        _stream.Upload(_in, _inAt.Pixels, _pixels);
        _stream.Upload(_in, _inAt.Controls, _controls);
        _stream.Upload(_in, _inAt.Offsets, _offsets);
        _stream.Upload(_in, _inAt.Counts, _counts);
        for (int site = 0; forced is not null && site < forced.Count; site++)
            if (forced[site] is { } k)
                _stream.Upload<byte>(Array.ConvertAll(k.ToArray(), static value => (byte)value), _choices.Slice((long)site * Tokens, (long)sequences * TokensPerSequence));
        int tap = 0;
        foreach (CudaStep step in _backend.Steps)
        {
            if (step is TapStep { } at)
            {
                if (hidden)
                    _stream.Copy(_buffers[at.Stream].Slice(0, (long)Tokens * StreamPitch * 4), _hidden.Slice((long)tap * Tokens * StreamPitch * 4, (long)Tokens * StreamPitch * 4));
                tap++;
                continue;
            }
            step.Enqueue(this, _stream);
        }
        _stream.Download(_output, _out, _outAt.Output);
        if (_backend.Plan.Sites.Count > 0)
            _stream.Download(_choices, _out, _outAt.Choices);
    }

    private void Collect(in ForwardRun run)
    {
        ForwardPlan plan = _backend.Plan;
        int sequences = run.Lengths.Length, tokens = sequences * TokensPerSequence, pitch = WeightPacking.Pad64(plan.Output.Width);
        ReadOnlySpan<float> output = _out.Span<float>().Slice((int)(_outAt.Output / 4), Sequences * pitch);
        for (int row = 0; row < sequences; row++)
            output.Slice(row * pitch, plan.Output.Width).CopyTo(run.Output[(row * plan.Output.Width)..]);
        if (!run.Choices.IsEmpty)
        {
            ReadOnlySpan<byte> choices = _out.Span<byte>()[(int)_outAt.Choices..];
            for (int site = 0; site < plan.Sites.Count; site++)
                for (int token = 0; token < tokens; token++)
                    run.Choices[site * tokens + token] = choices[site * Tokens + token];
        }
        if (run.Hidden.IsEmpty)
            return;
        int width = plan.Ops.OfType<PatchEmbed>().First().Out.Width;
        float[] row1 = new float[tokens * StreamPitch];
        for (int tap = 0; tap < plan.HiddenCount; tap++)
        {
            _stream.Download(_hidden.Slice((long)tap * Tokens * StreamPitch * 4, (long)tokens * StreamPitch * 4), row1.AsSpan());
            _stream.Synchronize();
            for (int token = 0; token < tokens; token++)
                row1.AsSpan(token * StreamPitch, width).CopyTo(run.Hidden[((tap * tokens + token) * width)..]);
        }
    }

    /// <summary>Places in one block of memory, each at a multiple of 256 bytes.</summary>
    private sealed class Layout
    {
        public long Bytes { get; private set; }

        public long Take(long bytes)
        {
            long at = Bytes;
            Bytes += (bytes + 255) & ~255L;
            return at;
        }
    }
}
