using System.Runtime.ExceptionServices;
using Acm.Native;

namespace Acm.Runtime.Backends;

/// <summary>Gives things back one after the other, whatever fails: the first error is told at the end.</summary>
internal static class Releasing
{
    /// <exception cref="CudaException">The first that a release ended in.</exception>
    public static void All(params ReadOnlySpan<IDisposable?> resources)
    {
        CudaException? first = null;
        foreach (IDisposable? resource in resources)
        {
            try
            {
                resource?.Dispose();
            }
            catch (CudaException e)
            {
                first ??= e;
            }
        }
        if (first is not null)
            ExceptionDispatchInfo.Throw(first);
    }

    /// <summary>After an error that is to be told: further ones are not.</summary>
    public static void Quietly(params ReadOnlySpan<IDisposable?> resources)
    {
        try
        {
            All(resources);
        }
        catch (CudaException)
        {
        }
    }
}
