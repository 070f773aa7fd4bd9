"""A hash table in NumPy arrays, which looks up thousands of keys in a few operations."""

import numpy as np
from numpy.typing import NDArray

MULTIPLIERS = np.array([pow(0x9E3779B97F4A7C15, power, 2**64) for power in range(256)], np.uint64)
"""uint64 (256,): odd numbers without a pattern, the powers of 2^64 divided by the golden ratio."""


class HashTable:
    """A map from keys to columns, by "hash and displace" (Belazzougui et al., 2009).

    The first bits of a key are its bucket. Each bucket has a multiplier, or none if it contains no key; that array is
    small enough to stay in the cache. The first bits of the product of key and multiplier are the slot. Its entry is
    the column plus the product's other bits, moved to the left of the column. So if subtracting those bits from the
    entry leaves more than a column, the key is unknown. This takes one access to the large array per key.

    With 100,000 terms, those are 46 bits, so an unknown sequence of tokens is taken for a term with a probability of
    less than 2^-46. Anyone can make up words with the key of a term. That changes the results of reviews with these
    words, and of no others.

    Args:
        keys: uint64 (terms,).
        columns: int32 (terms,), not negative.

    Attributes:
        unplaced: intp (some,), the indices of keys for which there is no slot, because two in the bucket are equal.
    """

    def __init__(self, keys: NDArray[np.uint64], columns: NDArray[np.int32]) -> None:
        bits = (2 * len(keys) + 1).bit_length()  # at most half of the slots are taken, and a quarter of the buckets
        self._bucket_shift = np.array(63 - bits, np.uint64)
        self._slot_shift = np.array(64 - bits, np.uint64)
        self._column_shift = np.array(int(columns.max(initial=0)).bit_length(), np.uint64)
        self._limit = np.array(1, np.uint64) << self._column_shift
        self._choices = np.zeros(2 ** (bits + 1), np.uint8)  # (buckets,), which multiplier, or 0
        self._entries = np.zeros(2**bits, np.uint64)  # (slots,)
        self._entries[0] = 2**64 - 1  # the slot of 0 is empty, and 0 is not found
        free = np.arange(2**bits) > 0  # (slots,)
        owners = np.zeros(2**bits, np.intp)  # (slots,), the index of a key that could be there
        buckets = (keys >> self._bucket_shift).astype(np.intp)  # (terms,)
        # The keys of large buckets come last, as the last of several keys gets the slot.
        unplaced = np.bincount(buckets, minlength=1)[buckets].argsort(kind="stable")
        for choice in range(1, len(MULTIPLIERS)):  # about 20 are needed
            if not len(unplaced):
                break
            products = keys[unplaced] * MULTIPLIERS[choice]
            slots = (products >> self._slot_shift).astype(np.intp)
            owners[slots] = unplaced
            fits = free[slots] & (owners[slots] == unplaced)
            full = np.zeros(len(self._choices), np.bool_)  # (buckets,), whether some of a bucket's keys do not fit
            full[buckets[unplaced[~fits]]] = True
            fits = ~full[buckets[unplaced]]
            placed, slots = unplaced[fits], slots[fits]
            self._choices[buckets[placed]] = choice
            self._entries[slots] = (products[fits] << self._column_shift) + columns[placed].astype(np.uint64)
            free[slots] = False
            unplaced = unplaced[~fits]
        self.unplaced = unplaced

    def find(self, keys: NDArray[np.uint64]) -> tuple[NDArray[np.intp], NDArray[np.int32]]:
        """Look up keys, (n,).

        Returns:
            The indices of the keys that are in the table, and their columns.
        """
        # `take` with "clip" is faster than indexing; no index is out of range.
        choices = self._choices.take((keys >> self._bucket_shift).view(np.int64), mode="clip")
        candidates = choices.astype(np.bool_).nonzero()[0]
        products = keys.take(candidates) * MULTIPLIERS.take(choices.take(candidates))
        entries = self._entries.take((products >> self._slot_shift).view(np.int64), mode="clip")
        columns = entries - (products << self._column_shift)
        hits = (columns < self._limit).nonzero()[0]
        return candidates.take(hits), columns.take(hits).astype(np.int32)
