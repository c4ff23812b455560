"""Bytes of multi-resolution TFRecords, put together by hand from the formats' definitions.

TFRecord: length, uint64; masked CRC-32C of it; the record; masked CRC-32C of the record. Example:
protobuf's tags and lengths. Nothing here is TensorFlow's, or ours.
"""

import functools

import numpy as np


@functools.cache
def crc_table():
    """CRC-32C of each byte: polynomial 0x1EDC6F41, reflected."""
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
        table.append(byte)
    return table


def masked_crc(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc_table()[(crc ^ byte) & 0xFF] ^ crc >> 8
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8 & 0xFFFFFFFF).to_bytes(4, "little")


def varint(number):
    *high, last = [number >> shift & 0x7F for shift in range(0, max(number.bit_length(), 1), 7)]
    return bytes([*(byte | 0x80 for byte in high), last])


def field(number, content):
    """A field of protobuf of a variable length."""
    return bytes([number << 3 | 2]) + varint(len(content)) + content


def example(planes):
    """An Example of uint8 [C, H, W]."""
    shape = b"".join(map(varint, planes.shape))
    int64_list = field(3, field(1, shape))
    bytes_list = field(1, field(1, planes.tobytes()))
    features = [
        field(1, field(1, name) + field(2, feature))
        for name, feature in ((b"data", bytes_list), (b"shape", int64_list))
    ]
    return field(1, b"".join(features))


def record(content):
    length = len(content).to_bytes(8, "little")
    return length + masked_crc(length) + content + masked_crc(content)


def labels(hot):
    """A .npy file as NumPy wrote it in 2018: with a header of 80 bytes."""
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {hot.shape}, }}"
    header = header.ljust(80 - 10 - 1) + "\n"
    return (
        b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode() + hot.tobytes()
    )


def levels(images):
    """[N, R, R, C] of each level down to 4x4, largest first, rounded means in double precision."""
    count, side, _, channels = images.shape
    while side >= 4:
        blocks = images.reshape(count, side, images.shape[1] // side, side, -1, channels)
        yield np.rint(blocks.mean(axis=(2, 4))).astype(np.uint8)
        side //= 2


def write(folder, name, images, hot=None):
    """Writes images [N, R, R, C] in the order that they have."""
    folder.mkdir(parents=True, exist_ok=True)
    for level in levels(images):
        content = b"".join(record(example(planes)) for planes in np.moveaxis(level, -1, 1))
        power = level.shape[1].bit_length() - 1
        (folder / f"{name}-r{power:02}.tfrecords").write_bytes(content)
    if hot is not None:
        (folder / f"{name}-rxx.labels").write_bytes(labels(hot))
