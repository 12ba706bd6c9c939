#!/usr/bin/env python3
"""Makes the PTX, the inputs and the expected outputs of the varied kernels: make.py FOLDER-OF-NVRTC-13.0. Needs g++ and clang 14."""
import ctypes, glob, json, os, random, re, struct, subprocess, sys, tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
THREADS, WORDS = 128, 4

def nvrtc(folder, source, headers, options):
    for path in glob.glob(folder + "/libnvrtc-builtins.so.*"):
        ctypes.CDLL(path, ctypes.RTLD_GLOBAL)
    lib = ctypes.CDLL(sorted(glob.glob(folder + "/libnvrtc.so.*"))[0])
    program, size = ctypes.c_void_p(), ctypes.c_size_t()
    strings = lambda items: (ctypes.c_char_p * len(items))(*[i.encode() for i in items])
    lib.nvrtcCreateProgram(ctypes.byref(program), source.encode(), b"varied.cu", len(headers), strings(list(headers.values())), strings(list(headers)))
    code = lib.nvrtcCompileProgram(program, len(options), strings(options))
    lib.nvrtcGetProgramLogSize(program, ctypes.byref(size))
    log = ctypes.create_string_buffer(size.value)
    lib.nvrtcGetProgramLog(program, log)
    if code:
        raise SystemExit(log.value.decode())
    lib.nvrtcGetPTXSize(program, ctypes.byref(size))
    ptx = ctypes.create_string_buffer(size.value)
    lib.nvrtcGetPTX(program, ptx)
    return ptx.value.decode()

def clang(path, *options):
    with tempfile.NamedTemporaryFile(suffix=".ptx") as out:
        subprocess.run(["clang-14", "-x", "cuda", "--cuda-device-only", "-nocudainc", "-nocudalib", "--cuda-gpu-arch=sm_80", "-Xclang", "-target-feature",
                        "-Xclang", "+ptx75", "-std=c++17", "-ffp-contract=off", "-S", *options, path, "-o", out.name], check=True)
        return open(out.name).read()

def without_debug(ptx):
    """Line tables, debug sections and comments are not what is tried here, and large."""
    lines, depth = [], 0
    for line in ptx.split("\n"):
        s = line.strip()
        if depth or s.startswith(".section"):
            depth += s.count("{") - s.count("}")
            if s.startswith(".section") and "{" not in s:
                depth = 1
            elif s == "{" and depth == 2:
                depth = 1
            continue
        if s and not re.match(r"//|\.(loc|file)\s", s) and not re.fullmatch(r"\$L__(debug|info|func_(begin|end)|tmp|pc|section).*:", s):
            lines.append(line)
    return "\n".join(lines) + "\n"

def safetensors(path, tensors):
    header, data = {}, b""
    for name, words in tensors.items():
        body = struct.pack(f"<{len(words)}I", *words)
        header[name] = {"dtype": "U32", "shape": [len(words)], "data_offsets": [len(data), len(data) + len(body)]}
        data += body
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    open(path, "wb").write(struct.pack("<Q", len(text)) + text + data)

def main():
    os.chdir(HERE)
    source, headers = open("varied.cu").read(), {"target.h": open("target.h").read()}
    draw = random.Random(4)
    special = [0, 1, 2, 0xffffffff, 0x80000000, 0x7fffffff, 0x3f800000, 0x00ff00ff]
    words = [draw.choice(special) if draw.random() < 0.1 else draw.getrandbits(32) for _ in range(THREADS * WORDS)]
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["g++", "-x", "c++", "-std=c++17", "-O1", "-DHOST", "-ffp-contract=off", "-fno-strict-aliasing", "-w", "-pthread", "varied.cu", "-o", folder + "/host"], check=True)
        open(folder + "/in", "wb").write(struct.pack(f"<{len(words)}I", *words))
        names = subprocess.run([folder + "/host", folder + "/in", folder + "/out"], check=True, capture_output=True, text=True).stdout.split()
        want = struct.unpack(f"<{len(names) * len(words)}I", open(folder + "/out", "rb").read())
    tensors = {"in": words}
    for i, name in enumerate(names):
        tensors["out." + name] = want[i * len(words):(i + 1) * len(words)]
    safetensors("varied.safetensors", tensors)
    builds = {
        "nvrtc": nvrtc(sys.argv[1], source, headers, ["--gpu-architecture=compute_80", "--fmad=false", "-default-device"]),
        "nvrtc-debug": nvrtc(sys.argv[1], source, headers, ["--gpu-architecture=compute_80", "--fmad=false", "-default-device", "-G"]),
        "clang-O0": clang("varied.cu", "-O0"),
        "clang-O3": clang("varied.cu", "-O3"),
    }
    for build, ptx in builds.items():
        ptx = without_debug(ptx)
        open(f"varied-{build}.ptx", "w").write(ptx)
        buffer = lambda name, role, key, tensor: {"kind": "buffer", "ptx_type": "u64", "name": name, "dtype": "u32", "shape": [len(words)], "role": role, key: tensor}
        launches = [{"ptx": f"varied-{build}.ptx", "entry": name, "grid": [2, 1, 1], "block": [64, 1, 1], "shared_dynamic_bytes": 1024 if "dynamic" in name else 0,
                     "params": [buffer("in", "in", "input", "in"), buffer(name, "out", "expected", "out." + name), {"kind": "scalar", "ptx_type": "u32", "name": "n", "type": "i32", "value": THREADS}]}
                    for name in names]
        json.dump({"name": f"varied-{build}", "tensors": "varied.safetensors", "launches": launches}, open(f"varied-{build}.json", "w"), indent=0)

main()
