"""Writes GemmKernels.Wide.cs and GemmKernels.Narrow.cs: the register tiles of the matrix product, every accumulator a local of its own.

The first call is as fast as the last (AggressiveOptimization). C# has no way to say "an array of registers": these are loops that must be unrolled by name. Edit here, run with python3, commit both.
"""
HEAD = """// Written by gemm_kernels.py; do not edit.
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Acm.Runtime.Backends.Cpu;

internal static unsafe partial class GemmKernels
{
"""

def kernel(out, suffix, vector, lanes, rows):
    vectors = 32 // lanes
    out.write("    [MethodImpl(MethodImplOptions.AggressiveOptimization)]\n")
    out.write(f"    private static void {suffix}{rows}(float* a, nint stride, float* b, nint depth, float* tile)\n    {{\n")
    names = [[f"c{r}_{v}" for v in range(vectors)] for r in range(rows)]
    out.write(f"        {vector}<float> " + ", ".join(f"{n} = {vector}<float>.Zero" for row in names for n in row).replace(", ", ",\n            ") + ";\n")
    groups = [range(g, min(g + 3, rows)) for g in range(0, rows, 3)]
    out.write("        nint twice = 2 * stride;\n" if rows > 2 else "")
    out.write("        float* a0 = a" + "".join(f", a{i} = a{i - 1} + 3 * stride" for i in range(1, len(groups))) + ";\n")
    out.write("        for (; depth > 0; depth--)\n        {\n")
    for v in range(vectors):
        offset = f" + {v * lanes}" if v else ""
        out.write(f"            {vector}<float> b{v} = {vector}.Load(b{offset});\n")
    for g, group in enumerate(groups):
        for r in group:
            place = ["*a%d" % g, "a%d[stride]" % g, "a%d[twice]" % g][r - group[0]]
            out.write(f"            {vector}<float> x{r} = {vector}.Create({place});\n")
            for v in range(vectors):
                out.write(f"            {names[r][v]} = {vector}.FusedMultiplyAdd(x{r}, b{v}, {names[r][v]});\n")
    out.write("            " + " ".join(f"a{i}++;" for i in range(len(groups))) + "\n            b += 32;\n        }\n")
    for r in range(rows):
        for v in range(vectors):
            out.write(f"        {names[r][v]}.Store(tile + {r * 32 + v * lanes});\n")
    out.write("    }\n\n")

def dispatch(out, suffix, sizes):
    out.write(f"    private static int {suffix}(float* a, nint stride, int rows, float* b, nint depth, float* tile)\n    {{\n")
    for n in sizes:
        test = f"if (rows >= {n})\n        " if n > 1 else ""
        out.write(f"        {test}{{\n            {suffix}{n}(a, stride, b, depth, tile);\n            return {n};\n        }}\n")
    out.write("    }\n\n")

for name, vector, lanes, sizes in [("Wide", "Vector512", 16, [14, 7, 4, 2, 1]), ("Narrow", "Vector256", 8, [3, 2, 1])]:
    with open(f"GemmKernels.{name}.cs", "w") as out:
        out.write(HEAD)
        dispatch(out, name, sizes)
        for rows in sizes:
            kernel(out, name, vector, lanes, rows)
        out.seek(out.tell() - 1)
        out.write("}\n")
