using System.Numerics;

namespace Acm.Simulator.Execution.Handlers;

// 16-bit registers: the low half of a 32-bit lane, the upper half zero.
internal readonly struct Add16 : IScalar2<uint, uint, uint> { public static uint Do(uint a, uint b) => (ushort)(a + b); }

internal readonly struct Sub16 : IScalar2<uint, uint, uint> { public static uint Do(uint a, uint b) => (ushort)(a - b); }

internal readonly struct Mul16 : IScalar2<uint, uint, uint> { public static uint Do(uint a, uint b) => (ushort)(a * b); }

internal readonly struct MulHiS16 : IScalar2<uint, uint, uint> { public static uint Do(uint a, uint b) => (ushort)(((short)a * (short)b) >> 16); }

internal readonly struct MulHiU16 : IScalar2<uint, uint, uint> { public static uint Do(uint a, uint b) => (ushort)((uint)(ushort)a * (ushort)b >> 16); }

internal readonly struct MulWideS16 : IScalar2<uint, uint, uint> { public static uint Do(uint a, uint b) => (uint)((short)a * (short)b); }

internal readonly struct MulWideU16 : IScalar2<uint, uint, uint> { public static uint Do(uint a, uint b) => (uint)(ushort)a * (ushort)b; }

internal readonly struct Mad16 : IScalar3<uint, uint, uint, uint> { public static uint Do(uint a, uint b, uint c) => (ushort)((a * b) + c); }

internal readonly struct MadHiS16 : IScalar3<uint, uint, uint, uint> { public static uint Do(uint a, uint b, uint c) => (ushort)((((short)a * (short)b) >> 16) + (int)c); }

internal readonly struct MadHiU16 : IScalar3<uint, uint, uint, uint> { public static uint Do(uint a, uint b, uint c) => (ushort)((((uint)(ushort)a * (ushort)b) >> 16) + c); }

internal readonly struct SadS16 : IScalar3<uint, uint, uint, uint> { public static uint Do(uint a, uint b, uint c) => (ushort)(c + (uint)Math.Abs((short)a - (short)b)); }

internal readonly struct SadU16 : IScalar3<uint, uint, uint, uint> { public static uint Do(uint a, uint b, uint c) => (ushort)(c + (uint)Math.Abs((ushort)a - (ushort)b)); }

internal readonly struct MadWideS16 : IScalar3<uint, uint, uint, uint> { public static uint Do(uint a, uint b, uint c) => (uint)((short)a * (short)b) + c; }

internal readonly struct MadWideU16 : IScalar3<uint, uint, uint, uint> { public static uint Do(uint a, uint b, uint c) => ((uint)(ushort)a * (ushort)b) + c; }

internal readonly struct DivS16 : IScalar2<uint, uint, uint> { public static uint Do(uint a, uint b) => (short)b == 0 ? 0xffffu : (ushort)((short)a / (short)b); }

internal readonly struct DivU16 : IScalar2<uint, uint, uint> { public static uint Do(uint a, uint b) => (ushort)b == 0 ? 0xffffu : (uint)(ushort)a / (ushort)b; }

internal readonly struct RemS16 : IScalar2<uint, uint, uint> { public static uint Do(uint a, uint b) => (short)b == 0 ? (uint)(ushort)a : (uint)(ushort)((short)a % (short)b); }

internal readonly struct RemU16 : IScalar2<uint, uint, uint> { public static uint Do(uint a, uint b) => (ushort)b == 0 ? (uint)(ushort)a : (uint)(ushort)a % (ushort)b; }

internal readonly struct MinS16 : IScalar2<uint, uint, uint> { public static uint Do(uint a, uint b) => (ushort)Math.Min((short)a, (short)b); }

internal readonly struct MaxS16 : IScalar2<uint, uint, uint> { public static uint Do(uint a, uint b) => (ushort)Math.Max((short)a, (short)b); }

internal readonly struct MinU16 : IScalar2<uint, uint, uint> { public static uint Do(uint a, uint b) => Math.Min((ushort)a, (ushort)b); }

internal readonly struct MaxU16 : IScalar2<uint, uint, uint> { public static uint Do(uint a, uint b) => Math.Max((ushort)a, (ushort)b); }

internal readonly struct Neg16 : IScalar1<uint, uint> { public static uint Do(uint a) => (ushort)-(int)a; }

internal readonly struct Abs16 : IScalar1<uint, uint> { public static uint Do(uint a) => (ushort)((short)a < 0 ? -(int)a : (int)a); }

internal readonly struct Not16 : IScalar1<uint, uint> { public static uint Do(uint a) => (ushort)~a; }

internal readonly struct CNot16 : IScalar1<uint, uint> { public static uint Do(uint a) => (ushort)a == 0 ? 1u : 0; }

internal readonly struct Shl16 : IScalar2<uint, uint, uint> { public static uint Do(uint a, uint b) => b > 15 ? 0u : (ushort)(a << (int)b); }

internal readonly struct ShrU16 : IScalar2<uint, uint, uint> { public static uint Do(uint a, uint b) => b > 15 ? 0 : (uint)(ushort)a >> (int)b; }

internal readonly struct ShrS16 : IScalar2<uint, uint, uint> { public static uint Do(uint a, uint b) => (ushort)((short)a >> (int)Math.Min(b, 15)); }

// 32 bits.
internal readonly struct AddSat32 : IScalar2<int, int, int> { public static int Do(int a, int b) => (int)Math.Clamp((long)a + b, int.MinValue, int.MaxValue); }

internal readonly struct SubSat32 : IScalar2<int, int, int> { public static int Do(int a, int b) => (int)Math.Clamp((long)a - b, int.MinValue, int.MaxValue); }

internal readonly struct MulHiS32 : IScalar2<int, int, int> { public static int Do(int a, int b) => (int)(((long)a * b) >> 32); }

internal readonly struct MulHiU32 : IScalar2<uint, uint, uint> { public static uint Do(uint a, uint b) => (uint)(((ulong)a * b) >> 32); }

internal readonly struct MadHiS32 : IScalar3<int, int, int, int> { public static int Do(int a, int b, int c) => (int)(((long)a * b) >> 32) + c; }

internal readonly struct MadHiSatS32 : IScalar3<int, int, int, int> { public static int Do(int a, int b, int c) => (int)Math.Clamp((((long)a * b) >> 32) + c, int.MinValue, int.MaxValue); }

internal readonly struct MadHiU32 : IScalar3<uint, uint, uint, uint> { public static uint Do(uint a, uint b, uint c) => (uint)(((ulong)a * b) >> 32) + c; }

internal readonly struct MulWideS32 : IScalar2<int, int, long> { public static long Do(int a, int b) => (long)a * b; }

internal readonly struct MulWideU32 : IScalar2<uint, uint, ulong> { public static ulong Do(uint a, uint b) => (ulong)a * b; }

internal readonly struct MadWideS32 : IScalar3<int, int, long, long> { public static long Do(int a, int b, long c) => ((long)a * b) + c; }

internal readonly struct MadWideU32 : IScalar3<uint, uint, ulong, ulong> { public static ulong Do(uint a, uint b, ulong c) => ((ulong)a * b) + c; }

internal readonly struct Mul24LoS : IScalar2<int, int, int> { public static int Do(int a, int b) => (int)(((long)(a << 8 >> 8) * (b << 8 >> 8)) & 0xffffffff); }

internal readonly struct Mul24LoU : IScalar2<uint, uint, uint> { public static uint Do(uint a, uint b) => (uint)((ulong)(a & 0xffffff) * (b & 0xffffff)); }

internal readonly struct Mul24HiS : IScalar2<int, int, int> { public static int Do(int a, int b) => (int)(((long)(a << 8 >> 8) * (b << 8 >> 8)) >> 16); }

internal readonly struct Mul24HiU : IScalar2<uint, uint, uint> { public static uint Do(uint a, uint b) => (uint)(((ulong)(a & 0xffffff) * (b & 0xffffff)) >> 16); }

internal readonly struct Mad24LoS : IScalar3<int, int, int, int> { public static int Do(int a, int b, int c) => Mul24LoS.Do(a, b) + c; }

internal readonly struct Mad24LoU : IScalar3<uint, uint, uint, uint> { public static uint Do(uint a, uint b, uint c) => Mul24LoU.Do(a, b) + c; }

internal readonly struct Mad24HiS : IScalar3<int, int, int, int> { public static int Do(int a, int b, int c) => Mul24HiS.Do(a, b) + c; }

internal readonly struct Mad24HiU : IScalar3<uint, uint, uint, uint> { public static uint Do(uint a, uint b, uint c) => Mul24HiU.Do(a, b) + c; }

internal readonly struct DivS32 : IScalar2<int, int, int> { public static int Do(int a, int b) => b == 0 ? -1 : b == -1 ? -a : a / b; }

internal readonly struct DivU32 : IScalar2<uint, uint, uint> { public static uint Do(uint a, uint b) => b == 0 ? uint.MaxValue : a / b; }

internal readonly struct RemS32 : IScalar2<int, int, int> { public static int Do(int a, int b) => b == 0 ? a : b == -1 ? 0 : a % b; }

internal readonly struct RemU32 : IScalar2<uint, uint, uint> { public static uint Do(uint a, uint b) => b == 0 ? a : a % b; }

internal readonly struct Abs32 : IScalar1<int, int> { public static int Do(int a) => a < 0 ? -a : a; }

internal readonly struct CNot32 : IScalar1<uint, uint> { public static uint Do(uint a) => a == 0 ? 1u : 0; }

internal readonly struct Shl32 : IScalar2<uint, uint, uint> { public static uint Do(uint a, uint b) => b > 31 ? 0 : a << (int)b; }

internal readonly struct ShrU32 : IScalar2<uint, uint, uint> { public static uint Do(uint a, uint b) => b > 31 ? 0 : a >> (int)b; }

internal readonly struct ShrS32 : IScalar2<int, uint, int> { public static int Do(int a, uint b) => a >> (int)Math.Min(b, 31); }

internal readonly struct SadS32 : IScalar3<int, int, uint, uint> { public static uint Do(int a, int b, uint c) => c + (uint)(a < b ? b - a : a - b); }

internal readonly struct SadU32 : IScalar3<uint, uint, uint, uint> { public static uint Do(uint a, uint b, uint c) => c + (a < b ? b - a : a - b); }

internal readonly struct Popc32 : IScalar1<uint, uint> { public static uint Do(uint a) => (uint)BitOperations.PopCount(a); }

internal readonly struct Clz32 : IScalar1<uint, uint> { public static uint Do(uint a) => (uint)BitOperations.LeadingZeroCount(a); }

internal readonly struct Brev32 : IScalar1<uint, uint> { public static uint Do(uint a) => Bits.Reverse(a); }

internal readonly struct BfindU32 : IScalar1<uint, uint> { public static uint Do(uint a) => a == 0 ? uint.MaxValue : 31 - (uint)BitOperations.LeadingZeroCount(a); }

internal readonly struct BfindS32 : IScalar1<int, uint> { public static uint Do(int a) => BfindU32.Do((uint)(a < 0 ? ~a : a)); }

internal readonly struct BfindShiftU32 : IScalar1<uint, uint> { public static uint Do(uint a) => a == 0 ? uint.MaxValue : (uint)BitOperations.LeadingZeroCount(a); }

internal readonly struct BfindShiftS32 : IScalar1<int, uint> { public static uint Do(int a) => BfindShiftU32.Do((uint)(a < 0 ? ~a : a)); }

internal readonly struct BfeU32 : IScalar3<uint, uint, uint, uint> { public static uint Do(uint a, uint b, uint c) => (uint)Bits.ExtractU(a, b & 255, c & 255, 32); }

internal readonly struct BfeS32 : IScalar3<int, uint, uint, uint> { public static uint Do(int a, uint b, uint c) => (uint)Bits.ExtractS(a, b & 255, c & 255, 32); }

internal readonly struct BmskClamp : IScalar2<uint, uint, uint> { public static uint Do(uint a, uint b) => Bits.Mask(a, b, true); }

internal readonly struct BmskWrap : IScalar2<uint, uint, uint> { public static uint Do(uint a, uint b) => Bits.Mask(a & 31, b & 31, false); }

internal readonly struct SzextClampU : IScalar2<uint, uint, uint> { public static uint Do(uint a, uint b) => b > 31 ? a : a & ((1u << (int)b) - 1); }

internal readonly struct SzextClampS : IScalar2<uint, uint, uint> { public static uint Do(uint a, uint b) => b > 31 ? a : b == 0 ? 0 : (uint)((int)(a << (int)(32 - b)) >> (int)(32 - b)); }

internal readonly struct SzextWrapU : IScalar2<uint, uint, uint> { public static uint Do(uint a, uint b) => SzextClampU.Do(a, b & 31); }

internal readonly struct SzextWrapS : IScalar2<uint, uint, uint> { public static uint Do(uint a, uint b) => SzextClampS.Do(a, b & 31); }

internal readonly struct Fns32 : IScalar3<uint, uint, int, uint> { public static uint Do(uint a, uint b, int c) => Bits.FindNth(a, b, c); }

internal readonly struct ShfLWrap : IScalar3<uint, uint, uint, uint> { public static uint Do(uint a, uint b, uint c) => (uint)(((((ulong)b << 32) | a) << (int)(c & 31)) >> 32); }

internal readonly struct ShfLClamp : IScalar3<uint, uint, uint, uint> { public static uint Do(uint a, uint b, uint c) => (uint)(((((ulong)b << 32) | a) << (int)Math.Min(c, 32)) >> 32); }

internal readonly struct ShfRWrap : IScalar3<uint, uint, uint, uint> { public static uint Do(uint a, uint b, uint c) => (uint)((((ulong)b << 32) | a) >> (int)(c & 31)); }

internal readonly struct ShfRClamp : IScalar3<uint, uint, uint, uint> { public static uint Do(uint a, uint b, uint c) => (uint)((((ulong)b << 32) | a) >> (int)Math.Min(c, 32)); }

internal readonly struct PrmtGeneric : IScalar3<uint, uint, uint, uint> { public static uint Do(uint a, uint b, uint c) => Bits.Permute(a, b, c); }

internal readonly struct PrmtF4e : IScalar3<uint, uint, uint, uint> { public static uint Do(uint a, uint b, uint c) => (uint)((((ulong)b << 32) | a) >> (int)(8 * (c & 3))); }

internal readonly struct PrmtB4e : IScalar3<uint, uint, uint, uint> { public static uint Do(uint a, uint b, uint c) => Bits.Permute(a, b, (c & 3) switch { 0 => 0x5670u, 1 => 0x6701u, 2 => 0x7012u, _ => 0x0123u }); }

internal readonly struct PrmtRc8 : IScalar3<uint, uint, uint, uint> { public static uint Do(uint a, uint b, uint c) => (a >> (int)(8 * (c & 3)) & 255) * 0x01010101u; }

internal readonly struct PrmtEcl : IScalar3<uint, uint, uint, uint> { public static uint Do(uint a, uint b, uint c) => Bits.Permute(a, b, (c & 3) switch { 0 => 0x3210u, 1 => 0x3211u, 2 => 0x3222u, _ => 0x3333u }); }

internal readonly struct PrmtEcr : IScalar3<uint, uint, uint, uint> { public static uint Do(uint a, uint b, uint c) => Bits.Permute(a, b, (c & 3) switch { 0 => 0x0000u, 1 => 0x1110u, 2 => 0x2210u, _ => 0x3210u }); }

internal readonly struct PrmtRc16 : IScalar3<uint, uint, uint, uint> { public static uint Do(uint a, uint b, uint c) => (a >> (int)(16 * (c & 1)) & 0xffff) * 0x00010001u; }

internal readonly struct Dp4aSS : IScalar3<uint, uint, uint, uint> { public static uint Do(uint a, uint b, uint c) => Bits.Dot4(a, b, c, true, true); }

internal readonly struct Dp4aSU : IScalar3<uint, uint, uint, uint> { public static uint Do(uint a, uint b, uint c) => Bits.Dot4(a, b, c, true, false); }

internal readonly struct Dp4aUS : IScalar3<uint, uint, uint, uint> { public static uint Do(uint a, uint b, uint c) => Bits.Dot4(a, b, c, false, true); }

internal readonly struct Dp4aUU : IScalar3<uint, uint, uint, uint> { public static uint Do(uint a, uint b, uint c) => Bits.Dot4(a, b, c, false, false); }

// 64 bits.
internal readonly struct MulHiS64 : IScalar2<long, long, long> { public static long Do(long a, long b) => Math.BigMul(a, b, out _); }

internal readonly struct MulHiU64 : IScalar2<ulong, ulong, ulong> { public static ulong Do(ulong a, ulong b) => Math.BigMul(a, b, out _); }

internal readonly struct MadHiS64 : IScalar3<long, long, long, long> { public static long Do(long a, long b, long c) => Math.BigMul(a, b, out _) + c; }

internal readonly struct MadHiU64 : IScalar3<ulong, ulong, ulong, ulong> { public static ulong Do(ulong a, ulong b, ulong c) => Math.BigMul(a, b, out _) + c; }

internal readonly struct DivS64 : IScalar2<long, long, long> { public static long Do(long a, long b) => b == 0 ? -1 : b == -1 ? -a : a / b; }

internal readonly struct DivU64 : IScalar2<ulong, ulong, ulong> { public static ulong Do(ulong a, ulong b) => b == 0 ? ulong.MaxValue : a / b; }

internal readonly struct RemS64 : IScalar2<long, long, long> { public static long Do(long a, long b) => b == 0 ? a : b == -1 ? 0 : a % b; }

internal readonly struct RemU64 : IScalar2<ulong, ulong, ulong> { public static ulong Do(ulong a, ulong b) => b == 0 ? a : a % b; }

internal readonly struct MinS64 : IScalar2<long, long, long> { public static long Do(long a, long b) => Math.Min(a, b); }

internal readonly struct MaxS64 : IScalar2<long, long, long> { public static long Do(long a, long b) => Math.Max(a, b); }

internal readonly struct MinU64 : IScalar2<ulong, ulong, ulong> { public static ulong Do(ulong a, ulong b) => Math.Min(a, b); }

internal readonly struct MaxU64 : IScalar2<ulong, ulong, ulong> { public static ulong Do(ulong a, ulong b) => Math.Max(a, b); }

internal readonly struct Neg64 : IScalar1<long, long> { public static long Do(long a) => -a; }

internal readonly struct Abs64 : IScalar1<long, long> { public static long Do(long a) => a < 0 ? -a : a; }

internal readonly struct Not64 : IScalar1<ulong, ulong> { public static ulong Do(ulong a) => ~a; }

internal readonly struct CNot64 : IScalar1<ulong, ulong> { public static ulong Do(ulong a) => a == 0 ? 1ul : 0; }

internal readonly struct Shl64 : IScalar2<ulong, uint, ulong> { public static ulong Do(ulong a, uint b) => b > 63 ? 0 : a << (int)b; }

internal readonly struct ShrU64 : IScalar2<ulong, uint, ulong> { public static ulong Do(ulong a, uint b) => b > 63 ? 0 : a >> (int)b; }

internal readonly struct ShrS64 : IScalar2<long, uint, long> { public static long Do(long a, uint b) => a >> (int)Math.Min(b, 63); }

internal readonly struct SadS64 : IScalar3<long, long, ulong, ulong> { public static ulong Do(long a, long b, ulong c) => c + (ulong)(a < b ? b - a : a - b); }

internal readonly struct SadU64 : IScalar3<ulong, ulong, ulong, ulong> { public static ulong Do(ulong a, ulong b, ulong c) => c + (a < b ? b - a : a - b); }

internal readonly struct Popc64 : IScalar1<ulong, uint> { public static uint Do(ulong a) => (uint)BitOperations.PopCount(a); }

internal readonly struct Clz64 : IScalar1<ulong, uint> { public static uint Do(ulong a) => (uint)BitOperations.LeadingZeroCount(a); }

internal readonly struct Brev64 : IScalar1<ulong, ulong> { public static ulong Do(ulong a) => ((ulong)Bits.Reverse((uint)a) << 32) | Bits.Reverse((uint)(a >> 32)); }

internal readonly struct BfindU64 : IScalar1<ulong, uint> { public static uint Do(ulong a) => a == 0 ? uint.MaxValue : 63 - (uint)BitOperations.LeadingZeroCount(a); }

internal readonly struct BfindS64 : IScalar1<long, uint> { public static uint Do(long a) => BfindU64.Do((ulong)(a < 0 ? ~a : a)); }

internal readonly struct BfindShiftU64 : IScalar1<ulong, uint> { public static uint Do(ulong a) => a == 0 ? uint.MaxValue : (uint)BitOperations.LeadingZeroCount(a); }

internal readonly struct BfindShiftS64 : IScalar1<long, uint> { public static uint Do(long a) => BfindShiftU64.Do((ulong)(a < 0 ? ~a : a)); }

internal readonly struct BfeU64 : IScalar3<ulong, uint, uint, ulong> { public static ulong Do(ulong a, uint b, uint c) => Bits.ExtractU(a, b & 255, c & 255, 64); }

internal readonly struct BfeS64 : IScalar3<long, uint, uint, ulong> { public static ulong Do(long a, uint b, uint c) => (ulong)Bits.ExtractS(a, b & 255, c & 255, 64); }
