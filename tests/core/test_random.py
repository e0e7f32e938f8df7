"""Random words and normals: uniform, normal, and free of correlation between units, rows and steps."""

from __future__ import annotations

import jax
import numpy as np
import pytest
from scipy import stats

from thalweg.core.random import fold_in, random_bits, split, standard_normal, uniform

STEPS, SHAPE = 64, (128, 256)


@pytest.fixture(scope="module")
def words() -> np.ndarray:
    """Return the words of many steps, keys made as the training loop makes them."""
    key = jax.random.key(3)
    draw = jax.jit(jax.vmap(lambda i: random_bits(fold_in(key, i), SHAPE)))
    return np.asarray(draw(np.arange(STEPS)))


@pytest.mark.parametrize("byte", range(4))
def test_every_byte_is_uniform(words: np.ndarray, byte: int) -> None:
    counts = np.bincount(((words >> (8 * byte)) & 255).ravel(), minlength=256)
    assert stats.chisquare(counts).pvalue > 1e-4


@pytest.mark.parametrize("threshold", [0.1, 0.5, 0.9])
def test_masks_vary_from_row_to_row_and_step_to_step_as_binomials_do(words: np.ndarray, threshold: float) -> None:
    kept = words >= np.uint32(threshold * 2**32)
    p = 1 - threshold
    for axis in (1, 2):  # over the rows of a unit, over the units of a row
        count = kept.sum(axis=axis)
        z = (count - p * SHAPE[axis - 1]) / np.sqrt(p * (1 - p) * SHAPE[axis - 1])
        # The variance of m such z-scores is 1 ± √(2/m).
        assert abs(z.var() - 1) < 5 * np.sqrt(2 / z.size)
        assert abs(z.mean()) < 5 / np.sqrt(z.size)


@pytest.mark.parametrize("shift", [(1, 0, 0), (0, 1, 0), (0, 0, 1), (0, 1, 1), (1, 1, 0), (0, 0, 16), (0, 4, 0)])
def test_neighbors_are_uncorrelated(words: np.ndarray, shift: tuple[int, int, int]) -> None:
    u = words.astype(float) / 2**32 - 0.5
    other = np.roll(u, shift, axis=(0, 1, 2))
    correlation = 12 * np.mean(u * other)
    assert abs(correlation) < 5 / np.sqrt(u.size)


def test_normals_are_normal() -> None:
    z = np.asarray(standard_normal(jax.random.key(1), (500_000,)), float)
    assert stats.kstest(z, "norm").pvalue > 1e-3
    assert np.all(np.isfinite(z))
    assert np.abs(z).max() < 6


def test_uniforms_are_uniform() -> None:
    u = np.asarray(uniform(jax.random.key(1), (500_000,), -3.0, 2.0), float)
    assert stats.kstest(u, "uniform", (-3, 5)).pvalue > 1e-3


def test_a_key_decides_the_words() -> None:
    a, b = jax.random.key(0), jax.random.key(1)
    np.testing.assert_array_equal(random_bits(a, (9,)), random_bits(a, (9,)))
    assert not np.array_equal(random_bits(a, (9,)), random_bits(b, (9,)))


def test_keys_of_keys_are_all_different_and_their_words_uniform() -> None:
    of_steps = fold_in(jax.random.key(0), np.arange(256))
    keys = jax.vmap(lambda key: split(key, 256))(of_steps).reshape(-1)
    words = np.asarray(jax.random.key_data(keys))
    assert len(np.unique(words, axis=0)) == 256 * 256
    for byte in range(4):
        for word in range(2):
            counts = np.bincount((words[:, word] >> (8 * byte)) & 255, minlength=256)
            assert stats.chisquare(counts).pvalue > 1e-4
    assert abs(np.corrcoef(words.T.astype(float))[0, 1]) < 5 / 256


def test_numbers_are_counted_modulo_2_to_the_32() -> None:
    key = jax.random.key(0)
    for number, same in [(2**32 + 5, np.uint32(5)), (2**31, np.uint32(2**31)), (-1, np.int32(-1))]:
        assert fold_in(key, number) == fold_in(key, same)


@pytest.mark.parametrize("bit", [0, 1, 7, 16, 31])
def test_a_bit_of_the_number_or_of_the_key_changes_half_of_the_bits_of_the_key(bit: int) -> None:
    flip = np.uint32(1 << bit)
    numbers = np.arange(8192, dtype=np.uint32)
    numbers = numbers[numbers & flip == 0]  # each pair once
    seeds = jax.vmap(jax.random.key)(numbers)

    def bits(keys: jax.Array) -> np.ndarray:
        return np.unpackbits(np.asarray(jax.random.key_data(keys)).view(np.uint8), axis=1)

    key = jax.random.key(7)
    by_number = bits(fold_in(key, numbers)) != bits(fold_in(key, numbers ^ flip))
    fold = jax.vmap(lambda key: fold_in(key, 3))
    by_key = bits(fold(seeds)) != bits(fold(jax.vmap(jax.random.key)(numbers ^ flip)))
    for changed in (by_number, by_key):
        z = (changed.mean(axis=0) - 0.5) * 2 * np.sqrt(len(numbers))
        assert np.abs(z).max() < 5
        assert abs(changed.mean() - 0.5) < 5 / np.sqrt(changed.size)
