using Acm.Native.Threading;
using NUnit.Framework;

namespace Acm.Native.Tests;

/// <summary>Threads bound to cores, and cores there are none of.</summary>
internal sealed class ThreadAffinityTests
{
    // Masks hold 1024 cores; beyond either end lies somebody else's memory.
    [TestCase(int.MinValue), TestCase(-1), TestCase(1024), TestCase(int.MaxValue)]
    public void A_core_that_no_mask_holds_is_refused_and_changes_nothing(int core)
    {
        Assert.That(ThreadAffinity.CanBind(core), Is.False);
        (ulong[] before, ulong[] after, bool bound) = OnAThread(() =>
        {
            ulong[] before = Allowed();
            bool bound = ThreadAffinity.BindCurrentThread(core);
            return (before, Allowed(), bound);
        });
        Assert.That(bound, Is.False);
        Assert.That(after, Is.EqualTo(before));
    }

    [Test, Platform("Linux")]
    public void A_bound_thread_has_one_core_and_others_keep_theirs()
    {
        ulong[] whole = Allowed();
        int[] cores = [.. Enumerable.Range(0, 64 * whole.Length).Where(core => (whole[core / 64] >> (core % 64) & 1) != 0)];
        foreach (int core in (int[])[cores[0], cores[^1]])
        {
            var (bound, only, on, mask) = OnAThread(() => (ThreadAffinity.BindCurrentThread(core), ThreadAffinity.BoundCore(), ThreadAffinity.CurrentCore(), Allowed()));
            Assert.That((bound, only, on), Is.EqualTo((true, core, core)));
            Assert.That(mask.Sum(static word => (int)ulong.PopCount(word)), Is.EqualTo(1));
        }
        Assert.That(OnAThread(ThreadAffinity.BoundCore), Is.EqualTo(cores.Length == 1 ? cores[0] : -1));
        Assert.That(Allowed(), Is.EqualTo(whole));
    }

    [Test, Platform("Linux")]
    public void A_thread_is_placed_by_its_number()
    {
        Assume.That(ThreadAffinity.CanPlace);
        ulong[] whole = Allowed();
        var (placed, only, back, again) = OnAThread(() =>
        {
            int core = ThreadAffinity.CurrentCore();
            ulong[] one = new ulong[ThreadAffinity.MaskWords];
            one[core / 64] = 1ul << (core % 64);
            bool placed = ThreadAffinity.Place(ThreadAffinity.CurrentThread(), one);
            int only = ThreadAffinity.BoundCore();
            return (placed && only == core, only, ThreadAffinity.Place(ThreadAffinity.CurrentThread(), whole), Allowed());
        });
        Assert.That((placed, back), Is.EqualTo((true, true)), $"bound to {only}");
        Assert.That(again, Is.EqualTo(whole));
        Assert.That(OnAThread(() => ThreadAffinity.Place(ThreadAffinity.CurrentThread(), new ulong[ThreadAffinity.MaskWords])), Is.False, "no core at all");
    }

    private static ulong[] Allowed()
    {
        ulong[] mask = new ulong[ThreadAffinity.MaskWords];
        if (OperatingSystem.IsLinux())
            ThreadAffinity.Allowed(mask);
        return mask;
    }

    // What is done to a thread ends with it.
    private static T OnAThread<T>(Func<T> work)
    {
        T result = default!;
        Thread thread = new(() => result = work());
        thread.Start();
        thread.Join();
        return result;
    }
}
