namespace Acm.Native.Threading;

/// <summary>Waits for what has to be done even by a thread that is being interrupted: <see cref="Thread.Interrupt"/> takes effect where it waits next.</summary>
internal static class Uninterrupted
{
    /// <param name="action">Can be begun again where an interruption ends it.</param>
    public static void Do(Action action)
    {
        bool interrupted = false;
        try
        {
            while (true)
            {
                try
                {
                    action();
                    return;
                }
                catch (ThreadInterruptedException)
                {
                    interrupted = true;
                }
            }
        }
        finally
        {
            if (interrupted)
                Thread.CurrentThread.Interrupt();
        }
    }
}
