"""Whole numbers in, varints out (Protocol Buffers, wire format), all at once; and what else arrays of uneven parts need."""

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


def sizes_of(numbers: Ints) -> Ints:
    """Tell how many bytes each number, from 0 to below 2^35, takes as a varint."""
    sizes = np.ones(numbers.shape, dtype=np.int64)
    most = numbers.max(initial=0)
    for bits in (7, 14, 21, 28):
        if most >> bits == 0:
            break
        sizes += numbers >> bits > 0
    return sizes


def varints(numbers: Ints, sizes: Ints) -> bytes:
    """Write numbers (n) one after another, seven bits a byte, the lowest first; `sizes` are those of `sizes_of`."""
    ends = sizes.cumsum()
    starts = ends - sizes
    out = np.empty(int(ends[-1]) if len(ends) else 0, dtype=np.uint8)
    out[starts] = numbers & 127 | (sizes > 1) << 7
    for at in range(1, int(sizes.max(initial=0))):
        longer = (sizes > at).nonzero()[0]
        starts, sizes, numbers = starts[longer], sizes[longer], numbers[longer]
        out[starts + at] = numbers >> 7 * at & 127 | (sizes > at + 1) << 7
    return out.tobytes()


def varint(number: int) -> bytes:
    """Write one number."""
    parts = []
    while number > 127:
        parts.append(number & 127 | 128)
        number >>= 7
    return bytes((*parts, number))


def zigzag(numbers: Ints) -> Ints:
    """Fold numbers so that small ones are small, below nothing or not."""
    return numbers << 1 ^ numbers >> 63


def starts_of(sizes: Ints) -> Ints:
    """Tell where parts of these sizes begin, one after another."""
    starts: Ints = sizes.cumsum() - sizes
    return starts


def slices(whole: bytes, starts: Ints, ends: Ints) -> list[bytes]:
    """Cut parts out of bytes."""
    return [whole[start:end] for start, end in zip(starts.tolist(), ends.tolist(), strict=True)]
