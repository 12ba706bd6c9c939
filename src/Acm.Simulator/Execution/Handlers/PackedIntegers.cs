using System.Runtime.Intrinsics;

namespace Acm.Simulator.Execution.Handlers;

// Pairs of 16-bit integers in a register (sm_90), and the minimum and maximum that negative results leave as 0.
internal readonly struct Add16x2 : IVector2 { public static Vector512<uint> Do(Vector512<uint> a, Vector512<uint> b) => (a.AsUInt16() + b.AsUInt16()).AsUInt32(); }

internal readonly struct MinU16x2 : IVector2 { public static Vector512<uint> Do(Vector512<uint> a, Vector512<uint> b) => Vector512.Min(a.AsUInt16(), b.AsUInt16()).AsUInt32(); }

internal readonly struct MaxU16x2 : IVector2 { public static Vector512<uint> Do(Vector512<uint> a, Vector512<uint> b) => Vector512.Max(a.AsUInt16(), b.AsUInt16()).AsUInt32(); }

internal readonly struct MinS16x2 : IVector2 { public static Vector512<uint> Do(Vector512<uint> a, Vector512<uint> b) => Vector512.Min(a.AsInt16(), b.AsInt16()).AsUInt32(); }

internal readonly struct MaxS16x2 : IVector2 { public static Vector512<uint> Do(Vector512<uint> a, Vector512<uint> b) => Vector512.Max(a.AsInt16(), b.AsInt16()).AsUInt32(); }

internal readonly struct MinReluS16x2 : IVector2 { public static Vector512<uint> Do(Vector512<uint> a, Vector512<uint> b) => MaxS16x2.Do(MinS16x2.Do(a, b), Vector512<uint>.Zero); }

internal readonly struct MaxReluS16x2 : IVector2 { public static Vector512<uint> Do(Vector512<uint> a, Vector512<uint> b) => MaxS16x2.Do(MaxS16x2.Do(a, b), Vector512<uint>.Zero); }

internal readonly struct MinReluS32 : IVector2 { public static Vector512<uint> Do(Vector512<uint> a, Vector512<uint> b) => MaxS32.Do(MinS32.Do(a, b), Vector512<uint>.Zero); }

internal readonly struct MaxReluS32 : IVector2 { public static Vector512<uint> Do(Vector512<uint> a, Vector512<uint> b) => MaxS32.Do(MaxS32.Do(a, b), Vector512<uint>.Zero); }
