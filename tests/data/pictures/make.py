# Made with Pillow 9.4 (Debian 12: python3-pil): what Image.resize gives, and pictures whose decoding has more than one answer.
# usage: /usr/bin/python3 make.py        (in this folder)
import json, struct
import numpy as np
from PIL import Image, ImageOps

rng = np.random.default_rng(7)
tensors = {}

def picture(width, height):
    x, y = np.meshgrid(np.linspace(0, 9, width), np.linspace(0, 7, height))
    waves = np.stack([np.sin(x + c) * np.cos(y * (1 + c / 2)) for c in range(3)], -1) * 120 + 128
    return np.clip(waves + rng.normal(0, 40, waves.shape), 0, 255).astype(np.uint8)

sizes = [(97, 41, 33, 14), (40, 30, 96, 72), (31, 64, 31, 20), (64, 31, 20, 31), (50, 50, 49, 49), (7, 5, 1, 1), (1, 1, 5, 4), (120, 9, 11, 96), (3, 2, 40, 3)]
for width, height, to_width, to_height in sizes:
    source = picture(width, height)
    key = f"{width}x{height}.{to_width}x{to_height}"
    tensors[f"source.{key}"] = source
    for name, resample in (("bilinear", Image.Resampling.BILINEAR), ("bicubic", Image.Resampling.BICUBIC)):
        tensors[f"{name}.{key}"] = np.asarray(Image.fromarray(source).resize((to_width, to_height), resample))

def over_white(image):
    rgba = image.convert("RGBA")
    white = Image.new("RGBA", rgba.size, (255, 255, 255, 255))
    return np.asarray(Image.alpha_composite(white, rgba).convert("RGB"))

def keep(name, image, expected, **how):
    image.save(name, **how)
    tensors[f"decoded.{name}"] = np.ascontiguousarray(expected)

base = Image.fromarray(picture(21, 13))
keep("rgb.png", base, np.asarray(base))
gray = base.convert("L")
keep("gray.png", gray, np.asarray(gray.convert("RGB")))
palette = base.quantize(16)
keep("palette.png", palette, np.asarray(palette.convert("RGB")))
alpha = Image.fromarray(np.dstack([np.asarray(base), rng.integers(0, 256, (13, 21), dtype=np.uint8)]), "RGBA")
keep("alpha.png", alpha, over_white(alpha))
gray_alpha = alpha.convert("LA")
keep("gray-alpha.png", gray_alpha, over_white(gray_alpha))
keep("rgb.bmp", base, np.asarray(base))
keep("rgb.webp", base, np.asarray(base), lossless=True, exact=True)

# Flat 16 x 16 blocks survive JPEG nearly unchanged.
blocks = Image.fromarray(np.kron(rng.integers(30, 226, (2, 3, 3), dtype=np.uint8), np.ones((16, 16, 1), np.uint8)))
for orientation in range(1, 9):
    exif = Image.Exif()
    exif[0x0112] = orientation
    name = f"exif-{orientation}.jpg"
    blocks.save(name, quality=100, subsampling=0, exif=exif)
    tensors[f"decoded.{name}"] = np.ascontiguousarray(np.asarray(ImageOps.exif_transpose(Image.open(name)).convert("RGB")))

header, offset = {}, 0
for name, values in sorted(tensors.items()):
    assert values.dtype == np.uint8
    header[name] = {"dtype": "U8", "shape": list(values.shape), "data_offsets": [offset, offset + values.nbytes]}
    offset += values.nbytes
text = json.dumps(header, separators=(",", ":")).encode()
text += b" " * (-len(text) % 8)
with open("pillow.safetensors", "wb") as out:
    out.write(struct.pack("<Q", len(text)) + text)
    for _, values in sorted(tensors.items()):
        out.write(np.ascontiguousarray(values).tobytes())
