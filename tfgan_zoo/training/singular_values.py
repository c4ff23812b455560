"""The largest singular values of matrices and of networks' weights, without full decompositions."""

from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

# Measured on random matrices and slowly decaying spectra: 30 err by up to 1.5 %, 50 by 0.4 %.
ITERATIONS = 50
# Twice as many powers of a matrix as 2^16 tell values apart that differ by 1e-4 of themselves.
SQUARINGS = 16
# What is left of a vector is round-off below this share of the matrix's norm.
NEGLIGIBLE = 1e-5
TINY = 1e-30


def leading(
    matrix: tf.Tensor, count: int = 3, iterations: int = ITERATIONS
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """The largest singular values of a matrix, and their vectors; none of them has a gradient.

    Golub-Kahan-Lanczos bidiagonalisation with full reorthogonalisation: exact if `iterations`
    reach the shorter side, else a little low. It starts from `count` vectors, so that it sees equal
    values as often as they are there, and always from the same, so that replicas agree. Where a
    sequence ends early (low rank, equal values) another direction is taken.
    Reference: Golub and Kahan, 1965, https://doi.org/10.1137/0702016; what it is for: Brock et
    al., 2019, https://arxiv.org/abs/1809.11096, section 4.

    Args:
        matrix: [rows, columns], of static size.
        count: How many values; there are fewer if the matrix has fewer.
        iterations: Products with the matrix, and as many with its transpose.

    Returns:
        s [count], descending, u [rows, count] and v [columns, count], float32. The vectors of
        values that are 0 but for round-off mean nothing. All is NaN if the matrix is not finite.
    """
    rows, columns = matrix.shape
    if rows < columns:
        s, u, v = leading(tf.transpose(matrix), count, iterations)
        return s, v, u
    matrix = tf.cast(matrix, tf.float32)
    # So that squares of exploding weights are finite.
    scale = tf.maximum(tf.reduce_max(tf.abs(matrix)), TINY)
    count = min(count, columns)
    steps = min(max(iterations, count), columns)
    us, vs, middle = _bidiagonalised(matrix / scale, steps, count)
    s, p, q = _decomposed(middle, count)
    u, v = tf.matmul(us, p, transpose_a=True), tf.matmul(vs, q, transpose_a=True)
    return tf.stop_gradient(s * scale), tf.stop_gradient(u), tf.stop_gradient(v)


def spectra(network: keras.Model, count: int = 3) -> Callable[[], dict[str, tf.Tensor]]:
    """A compiled function without arguments that looks at a network's raw weights.

    It returns {weight's path: its largest singular values [count], float32, descending} of the
    trainable weights with two or more axes, embeddings among them, each seen as [everything else,
    units]. There are fewer values if the matrix has fewer.
    """
    weights = [weight for weight in network.trainable_variables if len(weight.shape) > 1]
    shapes = {weight.path: tuple(as_matrix(weight).shape) for weight in weights}
    # Traced once for each size: for each weight it would take as long as tracing the step does.
    looks = {
        shape: tf.function(
            lambda matrix: leading(matrix, count)[0],
            [tf.TensorSpec(shape, tf.float32)],
            autograph=False,
        )
        for shape in set(shapes.values())
    }
    return lambda: {w.path: looks[shapes[w.path]](as_matrix(w)) for w in weights}


def as_matrix(weight: keras.Variable) -> tf.Tensor:
    """A weight of two or more axes as [everything else, units]."""
    return tf.reshape(weight, [-1, weight.shape[-1]])


def check_one_positive(**values: float | None) -> None:
    """Raises a `ValueError` unless one of the values is a positive number and the others None."""
    given = [value for value in values.values() if value is not None]
    if len(given) != 1 or not given[0] > 0:
        names = " or ".join(f"`{name}`" for name in values)
        received = ", ".join(f"{name}={value}" for name, value in values.items())
        raise ValueError(f"Give a positive {names}, not both. Received: {received}.")


def _bidiagonalised(matrix, steps, starts):
    """us [steps, rows], vs [steps, columns], b with matrix @ vs^T = us^T @ b; orthonormal rows.

    There are `starts` sequences, which take turns.
    """
    rows, columns = matrix.shape
    negligible = NEGLIGIBLE * tf.norm(matrix)
    # The directions to start in are windows of one sequence.
    fresh = tf.constant(np.random.RandomState(0).normal(size=rows + steps), tf.float32)

    def step(i, us, vs, b):
        # A row of zeros in the first turn.
        last = tf.gather(us, (i - starts) % steps)
        along = tf.linalg.matvec(matrix, last, transpose_a=True)
        v, _, _ = _next(along, tf.slice(fresh, [i], [columns]), vs, negligible)
        along = tf.linalg.matvec(matrix, v)
        u, length, shares = _next(along, tf.slice(fresh, [i], [rows]), us, negligible)
        here = tf.one_hot(i, steps)
        us, vs = us + here[:, None] * u, vs + here[:, None] * v
        b += (shares + length * here)[:, None] * here
        return i + 1, us, vs, b

    zeros = [tf.zeros(shape) for shape in ([steps, rows], [steps, columns], [steps, steps])]
    return tf.while_loop(
        lambda i, *_: i < steps, step, (tf.constant(0), *zeros), maximum_iterations=steps
    )[1:]


def _next(vector, fresh, basis, negligible):
    """The direction of what is orthogonal to `basis`, its length, and the shares of `basis`.

    The direction is that of `fresh`, the length 0, if `vector` has only round-off to offer.
    """
    both = tf.stack([vector, fresh])
    shares = tf.zeros([2, basis.shape[0]])
    # Twice, because the first pass leaves round-off that is large next to a small remainder.
    for _ in range(2):
        found = tf.matmul(both, basis, transpose_b=True)
        both -= tf.matmul(found, basis)
        shares += found
    lengths = tf.norm(both, axis=1)
    directions = both / tf.maximum(lengths, TINY)[:, None]
    ended = lengths[0] <= negligible
    return (
        tf.where(ended, directions[1], directions[0]),
        tf.where(ended, 0.0, lengths[0]),
        shares[0],
    )


def _decomposed(small, count):
    """What `tf.linalg.svd` says of a small matrix, but for the first `count` values only.

    Under XLA on a CPU it takes a thirtieth of the time, and a third of that to compile.
    """
    found = []
    for _ in range(count):
        power = _high_power(tf.matmul(small, small, transpose_a=True))
        # All its rows are multiples of the first vector, or of some if their values are equal.
        v = tf.gather(power, tf.argmax(tf.linalg.diag_part(power)))
        v /= tf.maximum(tf.norm(v), TINY)
        along = tf.linalg.matvec(small, v)
        s = tf.norm(along)
        found.append((s, along / tf.maximum(s, TINY), v))
        small -= along[:, None] * v
    s, u, v = zip(*found, strict=True)
    return tf.stack(s), tf.stack(u, axis=1), tf.stack(v, axis=1)


def _high_power(gram):
    """gram^(2^SQUARINGS) of a symmetric matrix without negative eigenvalues, at trace 1."""

    def square(i, power):
        return i + 1, tf.matmul(power, power) / tf.maximum(tf.reduce_sum(power**2), TINY)

    start = gram / tf.maximum(tf.linalg.trace(gram), TINY)
    return tf.while_loop(
        lambda i, _: i < SQUARINGS, square, (tf.constant(0), start), maximum_iterations=SQUARINGS
    )[1]
