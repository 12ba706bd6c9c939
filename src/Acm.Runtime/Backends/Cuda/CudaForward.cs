using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Acm.Native;
using Acm.Runtime.Plan;

namespace Acm.Runtime.Backends.Cuda;

/// <summary>
/// A stream with everything one run at a time needs: one arena, pinned memory for what goes in and comes out, and a captured graph of the whole forward for
/// each bucket of shapes. Budget, lengths and smaller batches are data to a graph.
/// </summary>
internal sealed class CudaForward : IForward
{
    private const int CountsPerSite = 32;

    private readonly CudaStream _stream;
    private readonly DeviceMemory _memory;
    private readonly PinnedMemory _in, _out;
    private readonly RunShape _most;
    private readonly Dictionary<CudaStorage, long> _places;
    private readonly Dictionary<RowSpace, int> _spaces = new(ReferenceEqualityComparer.Instance);
    private readonly Dictionary<AcmSite, int> _sites = new(ReferenceEqualityComparer.Instance);
    private readonly GraphCache _graphs = new();
    private readonly DeviceSlice _tables, _input, _choices, _orders, _siteCounts, _finished, _classes;
    private readonly int _offsetsAt, _offsetsEach;
    private readonly long _inputAt, _choicesAt;
    private bool _afterKernel, _classesOnly;

    /// <param name="backend">Its steps are carried out.</param>
    /// <param name="maxSequences">Most sequences of a run.</param>
    /// <param name="maxLength">Their most total length.</param>
    public CudaForward(CudaBackend backend, int maxSequences, int maxLength)
    {
        Backend = backend;
        ForwardPlan plan = backend.Plan;
        Shape = _most = new RunShape(maxSequences, maxLength, maxLength);
        int tokens = Tokens, sites = plan.Sites.Count;
        for (int i = 0; i < sites; i++)
            _sites[plan.Sites[i]] = i;
        foreach (RowSpace space in backend.Spaces)
            _spaces[space] = _spaces.Count;

        // Tables, one upload: a control for each ACM, then for each row space its rows and where each sequence begins.
        _offsetsAt = sites * Unsafe.SizeOf<RoutingControl>();
        _offsetsEach = 2 + maxSequences;
        long tableBytes = _offsetsAt + (long)_spaces.Count * _offsetsEach * sizeof(int);
        long inputBytes = plan.Input switch
        {
            InputKind.Pixels => (long)maxSequences * plan.InputWidth * sizeof(float),
            InputKind.WordPieces => 3L * maxLength * sizeof(int),
            _ => (long)maxLength * sizeof(float),
        };
        long choiceBytes = Math.Max(1, (long)sites * tokens), outputBytes = backend.Output.Bytes(_most), classBytes = (long)Rows(backend.Output.Rows) * sizeof(int);
        _places = backend.Placement.Place(_most, out long storageBytes);
        Layout device = new(storageBytes), host = new(0), back = new(0);
        long[] at = [device.Take(tableBytes), device.Take(inputBytes), device.Take(choiceBytes), device.Take(choiceBytes * sizeof(int)), device.Take(Math.Max(1, sites) * CountsPerSite * sizeof(int)), device.Take(4), device.Take(classBytes)];
        host.Take(tableBytes);
        _inputAt = host.Take(inputBytes);
        back.Take(outputBytes);
        _choicesAt = back.Take(choiceBytes);

        _stream = new CudaStream(backend.Context);
        try
        {
            _memory = new DeviceMemory(_stream, device.Bytes);
            _tables = _memory.Slice(at[0], tableBytes);
            _input = _memory.Slice(at[1], inputBytes);
            _choices = _memory.Slice(at[2], choiceBytes);
            _orders = _memory.Slice(at[3], choiceBytes * sizeof(int));
            _siteCounts = _memory.Slice(at[4], Math.Max(1, sites) * CountsPerSite * sizeof(int));
            _finished = _memory.Slice(at[5], 4);
            _classes = _memory.Slice(at[6], classBytes);
            _in = new PinnedMemory(backend.Context, host.Bytes);
            _out = new PinnedMemory(backend.Context, back.Bytes);
            _stream.Fill(_finished, 0u);
        }
        catch (CudaException e)
        {
            Releasing.Quietly(_out, _in, _memory, _stream);
            if (e is CudaOutOfMemoryException full)
                throw full.With($"a workspace for {maxSequences} sequences, {maxLength} of input in all, takes {device.Bytes} bytes on the device: {device.Bytes / maxSequences} a sequence; run smaller batches");
            throw;
        }
    }

    public CudaBackend Backend { get; }

    /// <summary>False once a run has failed on the device: what it left in the stream and in memory is unknown.</summary>
    public bool IsUsable { get; private set; } = true;

    /// <summary>The bucket of the run under way: what launches and copies are sized by.</summary>
    public RunShape Shape { get; private set; }

    /// <summary>Device address of the run's values or ids.</summary>
    public ulong Input => _input.Address;

    /// <summary>Device int, 0 between launches: norm_gate's.</summary>
    public ulong Finished => _finished.Address;

    /// <summary>Device ints: the best class of each output row.</summary>
    public ulong Classes => _classes.Address;

    public bool FillsClasses => true;

    private int Tokens => Shape.Rows(Backend.Plan.Tokens);

    /// <summary>Most rows of the bucket.</summary>
    public int Rows(RowSpace space) => Shape.Rows(space);

    /// <summary>Device int: rows of the run.</summary>
    public ulong Count(RowSpace space) => _tables.Address + (ulong)(_offsetsAt + _spaces[space] * _offsetsEach * sizeof(int));

    /// <summary>Device ints, from a sequence on: the first row of each, then the number of rows, as often as there are sequences missing.</summary>
    public ulong Offsets(RowSpace space, int sequence = 0) => Count(space) + (ulong)(1 + sequence) * sizeof(int);

    public ulong Address(CudaStorage storage) => _memory.Address + (ulong)_places[storage];

    public ulong Control(AcmSite site) => _tables.Address + (ulong)(_sites[site] * Unsafe.SizeOf<RoutingControl>());

    public Routed Routed(AcmSite site)
    {
        ulong index = (ulong)_sites[site], tokens = (ulong)Tokens;
        return new Routed
        {
            K = _choices.Address + index * tokens,
            Order = _orders.Address + index * tokens * sizeof(int),
            Counts = _siteCounts.Address + index * CountsPerSite * sizeof(int),
        };
    }

    public void Run(in ForwardRun run)
    {
        Shape = RunShape.Of(run.Lengths).Bucket(_most);
        _classesOnly = !run.Classes.IsEmpty;
        try
        {
            Stage(run);
            if (run.Hidden.IsEmpty && run.Routing.Forced is null)
            {
                if (_graphs.Find(Shape, _classesOnly) is not { } graph)
                {
                    Backend.LoadKernels(Shape, _classesOnly);
                    _graphs.Add(Shape, _classesOnly, graph = CudaGraph.Capture(_stream, Enqueue));
                }
                graph.Launch(_stream);
            }
            else
                RunStepByStep(run);
            _stream.Synchronize();
            run.Cancellation.ThrowIfCancellationRequested();
        }
        catch (CudaException)
        {
            IsUsable = false;
            throw;
        }
        catch
        {
            // Cancelled, or out of the host's memory: what is under way reads the tables and inputs that the next run will write.
            Settle();
            throw;
        }
        Collect(run);
    }

    private void Settle()
    {
        try
        {
            _stream.Synchronize();
        }
        catch (CudaException)
        {
            IsUsable = false;
        }
    }

    public void Dispose() => Releasing.All(new Settled(_stream), _graphs, _in, _out, _memory, _stream);

    /// <summary>Waits until a stream no longer uses what is about to be freed.</summary>
    private sealed class Settled(CudaStream stream) : IDisposable
    {
        public void Dispose() => stream.Synchronize();
    }

    private void Stage(in ForwardRun run)
    {
        StageTables(run);
        if (Backend.Plan.Input != InputKind.WordPieces)
        {
            run.Values.CopyTo(_in.Span<float>(_inputAt, run.Values.Length));
            return;
        }
        Span<int> ids = _in.Span<int>(_inputAt, 3L * Shape.Length), places = ids[Shape.Length..], kinds = places[Shape.Length..];
        run.Ids.CopyTo(ids);
        if (run.TypeIds.IsEmpty)
            kinds[..run.Ids.Length].Clear();
        else
            run.TypeIds.CopyTo(kinds);
        int row = 0;
        foreach (int length in run.Lengths)
            for (int place = 0; place < length; place++)
                places[row++] = place;
    }

    private void StageTables(in ForwardRun run)
    {
        ForwardPlan plan = Backend.Plan;
        Span<byte> tables = _in.Span<byte>(0, _tables.Bytes);
        Span<RoutingControl> controls = MemoryMarshal.Cast<byte, RoutingControl>(tables[.._offsetsAt]);
        for (int i = 0; i < controls.Length; i++)
            controls[i] = new RoutingControl
            {
                Lambda = (float)run.Routing.Lambda,
                Fixed = run.Routing.FixedLearners is { } width ? Math.Min(width, plan.Sites[i].Learners) : -1,
                Forced = run.Routing.Forced?[i] is null || run.Routing.FixedLearners is not null ? 0 : 1,
                OffByOne = plan.PublishedCode && run.Routing.FixedLearners is null ? 1 : 0,
            };
        foreach (var (space, index) in _spaces)
        {
            Span<int> offsets = MemoryMarshal.Cast<byte, int>(tables[_offsetsAt..]).Slice(index * _offsetsEach + 1, _offsetsEach - 1);
            int rows = 0;
            for (int s = 0; s < offsets.Length; s++)
            {
                offsets[s] = rows;
                rows += s < run.Lengths.Length ? space.RowsOf(run.Lengths[s]) : 0;
            }
            MemoryMarshal.Cast<byte, int>(tables[_offsetsAt..])[index * _offsetsEach] = rows;
        }
    }

    /// <summary>Enqueues a kernel; where it waits by itself for what is ahead, and that is a kernel, it may start before its end.</summary>
    public void Launch<T>(CudaKernel kernel, in LaunchShape shape, in T arguments)
        where T : unmanaged
    {
        kernel.LaunchStruct(_stream, shape with { Programmatic = _afterKernel && Backend.Kernels.WaitsByItself(kernel) }, arguments);
        _afterKernel = true;
    }

    private void Enqueue()
    {
        Upload();
        foreach (CudaStep step in Backend.Steps)
            step.Enqueue(this);
        Download();
    }

    // Forced k and hidden states are not of fixed size, and nobody's hot path: no graph.
    private void RunStepByStep(in ForwardRun run)
    {
        Backend.LoadKernels(Shape, _classesOnly);
        Upload();
        for (int site = 0; site < Backend.Plan.Sites.Count; site++)
            if (run.Routing.Forced?[site] is { } k)
                UploadChoices((long)site * Tokens, k.Span);
        foreach (CudaStep step in Backend.Steps)
        {
            run.Cancellation.ThrowIfCancellationRequested();
            step.Enqueue(this);
            if (step is TapStep tap && !run.Hidden.IsEmpty)
            {
                Collect(tap, run);
                _afterKernel = false;
            }
        }
        Download();
    }

    // Out of the pinned memory that they come back to, so that the host need not wait.
    private void UploadChoices(long at, ReadOnlySpan<int> choices)
    {
        Span<byte> pinned = _out.Span<byte>(_choicesAt + at, choices.Length);
        for (int i = 0; i < choices.Length; i++)
            pinned[i] = (byte)choices[i];
        _stream.Upload(_out, _choicesAt + at, _choices.Slice(at, choices.Length));
    }

    private void Upload()
    {
        _afterKernel = false;
        int perUnit = Backend.Plan.Input == InputKind.WordPieces ? 3 : Backend.Plan.InputWidth;
        _stream.Upload(_in, 0, _tables);
        _stream.Upload(_in, _inputAt, _input.Slice(0, (long)Shape.Length * perUnit * 4));
    }

    private void Download()
    {
        if (_classesOnly)
        {
            Backend.Classes.Enqueue(this);
            _stream.Download(_classes.Slice(0, (long)Rows(Backend.Output.Rows) * sizeof(int)), _out, 0);
        }
        else
            _stream.Download(_memory.Slice(_places[Backend.Output], Backend.Output.Bytes(Shape)), _out, 0);
        if (Backend.Plan.Sites.Count > 0)
            _stream.Download(_choices.Slice(0, (long)Backend.Plan.Sites.Count * Tokens), _out, _choicesAt);
    }

    private void Collect(in ForwardRun run)
    {
        if (_classesOnly)
            _out.Span<int>(0, run.Classes.Length).CopyTo(run.Classes);
        else
            Unpad(_out.Span<float>(0, Backend.Output.Bytes(Shape) / sizeof(float)), Backend.Output, run.Output);
        if (run.Choices.IsEmpty)
            return;
        int sites = Backend.Plan.Sites.Count, tokens = sites == 0 ? 0 : run.Choices.Length / sites;
        for (int site = 0; site < sites; site++)
        {
            ReadOnlySpan<byte> choices = _out.Span<byte>(_choicesAt + (long)site * Tokens, tokens);
            for (int token = 0; token < tokens; token++)
                run.Choices[site * tokens + token] = choices[token];
        }
    }

    private void Collect(TapStep tap, in ForwardRun run)
    {
        int each = run.Hidden.Length / Backend.Plan.HiddenCount;
        float[] padded = new float[each / tap.Stream.Columns * tap.Stream.Pitch];
        _stream.Download(_memory.Slice(_places[tap.Stream], padded.Length * sizeof(float)), padded.AsSpan());
        Unpad(padded, tap.Stream, run.Hidden.Slice(tap.Index * each, each));
    }

    private static void Unpad(ReadOnlySpan<float> padded, CudaStorage storage, Span<float> rows)
    {
        for (int row = 0; row * storage.Columns < rows.Length; row++)
            padded.Slice(row * storage.Pitch, storage.Columns).CopyTo(rows[(row * storage.Columns)..]);
    }

    /// <summary>Places in one block of memory, each at a multiple of 256 bytes.</summary>
    private sealed class Layout(long start)
    {
        public long Bytes { get; private set; } = start;

        public long Take(long bytes)
        {
            long at = Bytes;
            Bytes += (bytes + 255) & ~255L;
            return at;
        }
    }
}
