using Acm.Native.Driver;

namespace Acm.Native;

/// <summary>
/// A context's own pool of stream-ordered memory. It keeps freed memory, so that asking again costs no trip to the operating system; being its own,
/// that setting disturbs no other library of the process.
/// </summary>
internal sealed unsafe class MemoryPool : CudaContextResource
{
    public MemoryPool(CudaContext context)
        : base(context)
    {
        CUmemPoolProps properties = default;
        properties.allocType = CUmemAllocationType.CU_MEM_ALLOCATION_TYPE_PINNED;
        properties.location = new() { type = CUmemLocationType.CU_MEM_LOCATION_TYPE_DEVICE, id = context.Device.Handle.Value };
        using CudaContext.Current current = context.Enter();
        CUmemoryPool pool;
        context.Check(Api.cuMemPoolCreate(&pool, &properties));
        Handle = pool;
        ulong everything = ulong.MaxValue;
        CUresult result = Api.cuMemPoolSetAttribute(pool, CUmemPool_attribute.CU_MEMPOOL_ATTR_RELEASE_THRESHOLD, &everything);
        if (result != CUresult.CUDA_SUCCESS)
            _ = Api.cuMemPoolDestroy(pool);
        context.Check(result, nameof(DriverTable.cuMemPoolSetAttribute));
        context.Adopt(this);
    }

    public CUmemoryPool Handle { get; }

    /// <summary>Bytes handed out, now and at most.</summary>
    public (long Current, long High) UsedBytes => (Ask(CUmemPool_attribute.CU_MEMPOOL_ATTR_USED_MEM_CURRENT), Ask(CUmemPool_attribute.CU_MEMPOOL_ATTR_USED_MEM_HIGH));

    /// <summary>Gives memory that nobody uses back to the system.</summary>
    public void Trim()
    {
        using CudaContext.Current current = Context.Enter();
        using Lease lease = Use();
        Context.Check(Api.cuMemPoolTrimTo(Handle, 0));
    }

    private protected override void ReleaseInContext() => Context.CheckRelease(Api.cuMemPoolDestroy(Handle));

    private long Ask(CUmemPool_attribute attribute)
    {
        using CudaContext.Current current = Context.Enter();
        using Lease lease = Use();
        ulong value;
        Context.Check(Api.cuMemPoolGetAttribute(Handle, attribute, &value));
        return (long)value;
    }
}
