"""Writes GemmKernels.Wide.cs, .Narrow.cs and .Slim.cs: the register tiles of the matrix product, every accumulator a local of its own.

C# has no way to say "an array of registers": these are loops that must be unrolled by name. The methods are compiled at once and in full
(AggressiveOptimization), so the first call is as fast as the last. Edit here, run with python3, commit all.
"""
COLUMNS = 32
HEAD = """// Written by gemm_kernels.py; do not edit.
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Acm.Runtime.Backends.Cpu;

internal static unsafe partial class GemmKernels
{
"""




def arguments(ahead):
    return "float* a, nint stride, float* b, nint depth, float* c, nint pitch, float* bias" + (", float* ahead" if ahead else "")


def place(pointer, step, row):
    """Rows' addresses, three to a pointer."""
    return [f"{pointer}{row // 3}", f"{pointer}{row // 3} + {step}", f"{pointer}{row // 3} + 2 * {step}"][row % 3]


def kernel(out, name, vector, lanes, rows, columns, ahead):
    """One tile: rows x columns accumulators."""
    vectors = range(columns // lanes)
    groups = range((rows + 2) // 3)
    pointers = lambda name, first, step: "float* " + f"{name}0 = {first}" + "".join(f", {name}{g} = {name}{g - 1} + 3 * {step}" for g in groups[1:]) + ";\n"
    at = lambda pointer, v: pointer + (f" + {v * lanes}" if v else "")
    out.write("    [MethodImpl(MethodImplOptions.AggressiveOptimization)]\n")
    out.write(f"    private static void {name}{rows}({arguments(ahead)})\n    {{\n")
    out.write("        " + pointers("a", "a", "stride"))
    out.write("        " + pointers("to", "c", "pitch"))
    if ahead:
        # What will be stored is asked for now.
        out.write("        if (Sse.IsSupported)\n        {\n")
        for r in range(rows):
            out.write("            " + " ".join(f"Sse.Prefetch0({at(place('to', 'pitch', r), v)});" for v in vectors) + "\n")
        out.write("        }\n")
    for r in range(rows):
        out.write(f"        {vector}<float> " + ", ".join(f"c{r}_{v} = " + (f"c0_{v}" if r else f"{vector}.Load({at('bias', v)})") for v in vectors) + ";\n")
    out.write("        for (; depth > 0; depth--)\n        {\n")
    out.write(f"            {vector}<float> " + ", ".join(f"b{v} = {vector}.Load({at('b', v)})" for v in vectors) + ", x;\n")
    if ahead:
        # A line a step: the next panel is in the second-level cache when its turn comes.
        out.write("            if (Sse.IsSupported)\n                Sse.Prefetch1(ahead);\n")
    for r in range(rows):
        out.write(f"            x = {vector}.Create(*({place('a', 'stride', r)}));\n")
        for v in vectors:
            # The narrow floor must not fall into emulated fused sums where the program was compiled for a processor without them.
            add = "MultiplyAddEstimate" if vector == "Vector128" else "FusedMultiplyAdd"
            out.write(f"            c{r}_{v} = {vector}.{add}(x, b{v}, c{r}_{v});\n")
    out.write("            " + " ".join(f"a{g}++;" for g in groups) + f" b += {COLUMNS};{' ahead += 16;' if ahead else ''}\n        }}\n")
    for r in range(rows):
        out.write("        " + " ".join(f"c{r}_{v}.Store({at(place('to', 'pitch', r), v)});" for v in vectors) + "\n")
    out.write("    }\n\n")


def dispatch(out, name, most, columns, ahead):
    """Tiles of any number of rows; those narrower than a panel go over it in strips."""
    out.write(f"    public static void {name}(int rows, {arguments(ahead)})\n    {{\n")
    indent = "        "
    strips = COLUMNS > columns
    if strips:
        out.write(f"        for (int strip = 0; strip < {COLUMNS}; strip += {columns})\n")
        indent += "    "
    if most < 14:
        out.write(indent + f"for (int row = 0; row < rows; row += {most})\n")
        indent += "    "
    row, strip = " + row" if most < 14 else "", " + strip" if strips else ""
    first, to = ("a + row * stride", "c + row * pitch") if row else ("a", "c")
    out.write(indent + f"switch ({'rows - row' if row else 'rows'})\n{indent}{{\n")
    for n in range(1, most + 1):
        case = f"case {n}" if n < most else "default"
        out.write(indent + f"    {case}: {name}{n}({first}, stride, b{strip}, depth, {to}{strip}, pitch, bias{strip}{', ahead' if ahead else ''}); break;\n")
    out.write(indent + "}\n    }\n\n")


for name, vector, lanes, most, columns, ahead in [("Wide", "Vector512", 16, 14, 32, True), ("Narrow", "Vector256", 8, 6, 16, False), ("Slim", "Vector128", 4, 4, 8, False)]:
    with open(f"GemmKernels.{name}.cs", "w") as out:
        out.write(HEAD if ahead else HEAD.replace("using System.Runtime.Intrinsics.X86;\n", ""))
        dispatch(out, name, most, columns, ahead)
        for rows in range(1, most + 1):
            kernel(out, name, vector, lanes, rows, columns, ahead)
        out.seek(out.tell() - 1)
        out.write("}\n")
