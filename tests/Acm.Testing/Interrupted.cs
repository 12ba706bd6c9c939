using NUnit.Framework;

namespace Acm.Testing;

/// <summary>A thread that does something that no interruption may cut short: it takes effect where the thread waits next.</summary>
internal sealed class Interrupted
{
    private static readonly TimeSpan s_soon = TimeSpan.FromSeconds(30);
    private readonly Thread _thread;
    private Exception? _error;
    private bool _done, _interrupted;

    /// <param name="action">Begins interrupted: its first wait is where that would take effect.</param>
    public Interrupted(Action action)
    {
        _thread = new Thread(() =>
        {
            Thread.CurrentThread.Interrupt();
            try
            {
                action();
                _done = true;
                Thread.Sleep(s_soon);
            }
            catch (ThreadInterruptedException)
            {
                _interrupted = true;
            }
            catch (Exception e)
            {
                _error = e;
            }
        })
        { IsBackground = true };
        _thread.Start();
    }

    /// <summary>Interrupts it while it waits, and sees that it goes on waiting.</summary>
    public void InterruptOften()
    {
        for (int i = 0; i < 5; i++)
        {
            Assert.That(_thread.Join(10), Is.False, "it was to wait");
            _thread.Interrupt();
        }
    }

    /// <summary>Waits for its end, and sees that it was interrupted after what it did.</summary>
    public void WasDoneFirst()
    {
        Assert.That(_thread.Join(s_soon + s_soon), Is.True);
        Assert.That((_done, _interrupted, _error), Is.EqualTo((true, true, (Exception?)null)));
    }
}
