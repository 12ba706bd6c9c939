using Acm.Runtime.Backends.Cpu;
using NUnit.Framework;

namespace Acm.Runtime.Tests.Cpu;

[TestFixture]
[NonParallelizable]
public sealed class CoreSlotsTests
{
    private static readonly TimeSpan s_soon = TimeSpan.FromSeconds(30);

    // Begins to wait for a slot, then does something while it holds it.
    private static Thread Waiting(CoreSlots slots, Action inside, CancellationToken cancellation = default)
    {
        int before = slots.Waiting;
        Thread thread = new(() =>
        {
            try
            {
                slots.Enter(cancellation);
            }
            catch (Exception e) when (e is ThreadInterruptedException or OperationCanceledException)
            {
                return;
            }
            inside();
            slots.Leave();
        });
        thread.Start();
        Assert.That(SpinWait.SpinUntil(() => slots.Waiting == before + 1, s_soon), Is.True);
        return thread;
    }

    [Test]
    public void CallersTakeTurnsAndNoneIsPassedByOneThatHasJustLeft()
    {
        CoreSlots slots = new(1);
        List<int> order = [];
        slots.Enter();
        Thread[] others = [.. Enumerable.Range(1, 5).Select(i => Waiting(slots, () => order.Add(i)))];
        slots.Leave();
        slots.Enter();
        order.Add(0);
        slots.Leave();
        foreach (Thread other in others)
            Assert.That(other.Join(s_soon), Is.True);
        Assert.That(order, Is.EqualTo(new[] { 1, 2, 3, 4, 5, 0 }));
    }

    [Test]
    public void ACancelledCallerWaitsNoLongerAndTheOthersKeepTheirTurns()
    {
        CoreSlots slots = new(1);
        List<int> order = [];
        slots.Enter();
        CancellationTokenSource[] tokens = [.. Enumerable.Range(0, 6).Select(static _ => new CancellationTokenSource())];
        Thread[] others = [.. tokens.Select((token, i) => Waiting(slots, () => order.Add(i), token.Token))];
        foreach (int cancelled in (int[])[3, 0])
        {
            tokens[cancelled].Cancel();
            Assert.That(others[cancelled].Join(s_soon), Is.True);
        }
        Assert.That(SpinWait.SpinUntil(() => slots.Waiting == 4, s_soon), Is.True);
        slots.Leave();
        Assert.That(others.All(other => other.Join(s_soon)), Is.True);
        Assert.That(order, Is.EqualTo(new[] { 1, 2, 4, 5 }));
        Assert.That(slots.TryEnter(), Is.True);
        // Cancelled before: only who would have to wait is refused.
        Assert.Throws<OperationCanceledException>(() => slots.Enter(tokens[0].Token));
        slots.Leave();
        slots.Enter(tokens[0].Token);
    }

    [Test]
    public void WaitingAgainAllocatesNothing()
    {
        const int times = 20;
        CoreSlots slots = new(1);
        using SemaphoreSlim taken = new(0);
        long first = 0, all = 0;
        Thread waiting = new(() =>
        {
            for (int i = 0; i < times; i++)
            {
                taken.Wait();
                long before = GC.GetAllocatedBytesForCurrentThread();
                slots.Enter();
                all += GC.GetAllocatedBytesForCurrentThread() - before;
                first = i == 0 ? all : first;
                slots.Leave();
            }
        });
        waiting.Start();
        for (int i = 0; i < times; i++)
        {
            slots.Enter();
            taken.Release();
            Assert.That(SpinWait.SpinUntil(() => slots.Waiting == 1, s_soon), Is.True);
            slots.Leave();
        }
        waiting.Join();
        Assert.That(first, Is.Positive, "what a thread waits with is made once");
        Assert.That(all, Is.EqualTo(first));
    }

    [Test]
    public void ASlotThatIsFreeIsTakenWhileAnotherCallerIsAboutToTakeUpItsOwn()
    {
        CoreSlots slots = new(3);
        for (int i = 0; i < 3; i++)
            slots.Enter();
        int inside = 0;
        Thread[] waiting = [.. Enumerable.Range(0, 2).Select(_ => Waiting(slots, () =>
        {
            Interlocked.Increment(ref inside);
            SpinWait.SpinUntil(() => Volatile.Read(ref inside) == 3, s_soon);
        }))];
        for (int i = 0; i < 3; i++)
            slots.Leave();
        // The third of three, whether or not the other two have woken.
        slots.Enter();
        Interlocked.Increment(ref inside);
        slots.Leave();
        Assert.That(waiting.All(thread => thread.Join(s_soon)), Is.True);
        Assert.That(inside, Is.EqualTo(3));
    }

    [Test]
    public void AnInterruptedCallerLeavesNoSlotBehind([Values] bool anotherWaits)
    {
        CoreSlots slots = new(1);
        for (int round = 0; round < 50; round++)
        {
            slots.Enter();
            bool ran = false;
            Thread first = Waiting(slots, () => { });
            Thread? second = anotherWaits ? Waiting(slots, () => ran = true) : null;
            // Before it is handed the slot, or about when.
            if (round % 2 == 0)
                first.Interrupt();
            slots.Leave();
            first.Interrupt();
            Assert.That(first.Join(s_soon), Is.True);
            Assert.That(second?.Join(s_soon), Is.Not.False);
            Assert.That(ran, Is.EqualTo(anotherWaits));
            Assert.That(slots.AnyWaiting, Is.False);
            Assert.That(slots.TryEnter(), Is.True);
            slots.Leave();
        }
    }

    [Test]
    [CancelAfter(120_000)]
    public void InterruptionsLoseNoSlotAndNoTurn()
    {
        CoreSlots slots = new(1);
        int inside = 0, most = 0;
        bool ended = false;
        Exception? failed = null;
        Thread[] callers = [.. Enumerable.Range(0, 6).Select(seed => new Thread(() =>
        {
            Random random = new(seed);
            for (int i = 0; i < 3000; i++)
            {
                bool entered = false;
                try
                {
                    // A token that is given back while its callback may run: that waits too.
                    using CancellationTokenSource? token = random.Next(4) == 0 ? new CancellationTokenSource(TimeSpan.FromMicroseconds(random.Next(500))) : null;
                    slots.Enter(token?.Token ?? default);
                    entered = true;
                    if (Interlocked.Increment(ref inside) > 1)
                        most = 2;
                    Thread.SpinWait(random.Next(200));
                }
                catch (Exception e) when (e is ThreadInterruptedException or OperationCanceledException)
                {
                }
                catch (Exception e)
                {
                    failed = e;
                }
                if (!entered)
                    continue;
                Interlocked.Decrement(ref inside);
                try
                {
                    slots.Leave();
                }
                catch (Exception e)
                {
                    failed = e;
                }
            }
        })
        { IsBackground = true })];
        Thread interrupting = new(() =>
        {
            Random random = new(7);
            while (!Volatile.Read(ref ended))
            {
                callers[random.Next(callers.Length)].Interrupt();
                Thread.SpinWait(random.Next(400));
            }
        })
        { IsBackground = true };
        foreach (Thread caller in callers)
            caller.Start();
        interrupting.Start();
        bool all = callers.All(caller => caller.Join(s_soon));
        Volatile.Write(ref ended, true);
        Assert.That(interrupting.Join(s_soon), Is.True);
        Assert.That(failed, Is.Null);
        Assert.That(all, Is.True);
        Assert.That(most, Is.Zero);
        Assert.That(slots.AnyWaiting, Is.False);
        Assert.That(slots.TryEnter(), Is.True);
        Assert.That(slots.TryEnter(), Is.False);
    }

    [Test]
    public void ThereAreNeverMoreInsideThanSlotsAndAllGetIn()
    {
        CoreSlots slots = new(3);
        int now = 0, most = 0, entered = 0;
        void Inside(Random random)
        {
            int here = Interlocked.Increment(ref now), seen = Volatile.Read(ref most);
            while (here > seen && Interlocked.CompareExchange(ref most, here, seen) != seen)
                seen = Volatile.Read(ref most);
            Thread.SpinWait(random.Next(100));
            Interlocked.Decrement(ref now);
            slots.Leave();
        }
        bool ended = false;
        // One that does not wait, as helpers do not.
        Thread helper = new(() =>
        {
            Random random = new(99);
            while (!Volatile.Read(ref ended))
                if (slots.TryEnter())
                    Inside(random);
        });
        Thread[] callers = [.. Enumerable.Range(0, 8).Select(seed => new Thread(() =>
        {
            Random random = new(seed);
            for (int i = 0; i < 2000; i++)
            {
                // Some give up, about when their turn comes.
                using CancellationTokenSource? token = random.Next(4) == 0 ? new CancellationTokenSource(TimeSpan.FromMicroseconds(random.Next(2000))) : null;
                try
                {
                    slots.Enter(token?.Token ?? default);
                }
                catch (OperationCanceledException)
                {
                    Interlocked.Increment(ref entered);
                    continue;
                }
                Interlocked.Increment(ref entered);
                Inside(random);
            }
        }))];
        helper.Start();
        foreach (Thread caller in callers)
            caller.Start();
        bool all = callers.All(caller => caller.Join(s_soon));
        Volatile.Write(ref ended, true);
        helper.Join();
        Assert.That(all, Is.True);
        Assert.That(entered, Is.EqualTo(8 * 2000));
        Assert.That(most, Is.LessThanOrEqualTo(3));
        Assert.That(slots.AnyWaiting, Is.False);
    }
}
