"""Writes CanonicalDecomposition.Data.cs: what Unicode's canonical decomposition leaves of a character without its nonspacing marks.

.NET normalises strings through ICU, which globalization-invariant services (and this repo's own programs) run without.
Run here with python3; the data are Python's unicodedata.
"""
import sys
import unicodedata

pairs = []
for code in range(0xC0, 0x30000):
    if 0xD800 <= code < 0xE000 or 0xAC00 <= code <= 0xD7A3:  # surrogates; Hangul is arithmetic
        continue
    char = chr(code)
    full = unicodedata.normalize("NFD", char)
    rest = "".join(c for c in full if unicodedata.category(c) != "Mn")
    if full != char and rest != char:
        pairs.append((char, rest))

def escape(text):
    units = text.encode("utf-16-be")
    return "".join("\\u%02X%02X" % (units[i], units[i + 1]) for i in range(0, len(units), 2))

with open("CanonicalDecomposition.Data.cs", "w", encoding="utf-8") as out:
    out.write("// Written by decompositions.py from Unicode %s; do not edit.\n" % unicodedata.unidata_version)
    out.write("namespace Acm.Runtime;\n\ninternal static partial class CanonicalDecomposition\n{\n")
    out.write("    // character, what is left of it, a NUL; and so on\n    private const string Data =\n")
    lines = []
    for i in range(0, len(pairs), 8):
        lines.append('        "' + "".join(escape(c) + escape(rest) + "\\u0000" for c, rest in pairs[i:i + 8]) + '"')
    out.write(" +\n".join(lines) + ";\n}\n")
print(len(pairs), "characters", file=sys.stderr)
