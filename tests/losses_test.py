"""Losses by hand, and at the points where they have to vanish."""

import numpy as np
import pytest

from tfgan_zoo import losses

REAL = np.array([[2.0], [0.0]], "float32")
FAKE = np.array([[-3.0], [1.0]], "float32")


def softplus(x):
    return np.log1p(np.exp(x))


@pytest.mark.parametrize(
    "loss, expected_discriminator, expected_generator",
    [
        (losses.HINGE, (0 + 1) / 2 + (0 + 2) / 2, 1.0),
        (
            losses.NON_SATURATING,
            (softplus(-2) + softplus(0)) / 2 + (softplus(-3) + softplus(1)) / 2,
            (softplus(3) + softplus(-1)) / 2,
        ),
        (losses.LEAST_SQUARES, 0.5 * ((1 + 1) / 2 + (9 + 1) / 2), 0.5 * (16 + 0) / 2),
        (losses.PEARSON, 0.5 * ((1 + 1) / 2 + (4 + 4) / 2), 0.5 * (9 + 1) / 2),
        (
            losses.MINIMAX,
            (softplus(-2) + softplus(0)) / 2 + (softplus(-3) + softplus(1)) / 2,
            -(softplus(-3) + softplus(1)) / 2,
        ),
        (losses.REVERSED_LEAST_SQUARES, (4 + 0) / 2 + 0.1 * (16 + 0) / 2, (9 + 1) / 2),
        (losses.WASSERSTEIN, -1 - 1, 1.0),
    ],
)
def test_by_hand(loss, expected_discriminator, expected_generator):
    np.testing.assert_allclose(loss.discriminator(REAL, FAKE), expected_discriminator, rtol=1e-6)
    np.testing.assert_allclose(loss.generator(FAKE), expected_generator, rtol=1e-6)


def test_hinge_of_an_undecided_discriminator():
    zeros = np.zeros((4, 1), "float32")
    assert float(losses.HINGE.discriminator(zeros, zeros)) == 2.0
    assert float(losses.HINGE.generator(zeros)) == 0.0


@pytest.mark.parametrize(
    "name, real, fake",
    [
        ("hinge", 1.0, -1.0),
        ("least_squares", 1.0, 0.0),
        ("minimax", 50.0, -50.0),
        ("non_saturating", 50.0, -50.0),
        ("pearson", 1.0, -1.0),
        ("reversed_least_squares", 0.0, 1.0),
    ],
)
def test_perfect_is_what_a_perfect_discriminator_reaches(name, real, fake):
    loss = losses.LOSSES[name]
    reached = loss.discriminator(np.full((3, 1), real, "f"), np.full((3, 1), fake, "f"))
    np.testing.assert_allclose(reached, loss.perfect, atol=1e-6)


def test_only_wasserstein_has_no_perfect_value():
    assert [name for name, loss in losses.LOSSES.items() if loss.perfect is None] == ["wasserstein"]
