"""Inception Score: Salimans et al., 2016, https://arxiv.org/abs/1606.03498, Section 4."""

import numpy as np

from tfgan_zoo.metrics.moments import check_rows


def inception_score(logits, splits: int = 10) -> tuple[float, float]:
    """Returns mean and population standard deviation of exp(E KL(p(y|x) || p(y))) over the splits.

    Split s holds the rows from s N / splits to (s + 1) N / splits. Nothing is shuffled here:
    shuffle rows that are ordered by class first, or every split's p(y) is wrong. The score grows
    with the rows in a split, so compare equal numbers of rows and splits only.

    Args:
        logits: array [samples, classes], before the softmax, finite.
        splits: parts of the samples, scored one by one.
    """
    logits = check_rows("logits", logits)
    if not 1 <= splits <= len(logits):
        raise ValueError(
            "`splits` must lie between 1 and the number of samples: pass fewer splits or more "
            f"logits. Received: splits={splits} and {len(logits)} samples."
        )
    bounds = [part * len(logits) // splits for part in range(splits + 1)]
    scores = [
        _score(logits[start:stop].astype(np.float64)) for start, stop in zip(bounds, bounds[1:])
    ]
    return float(np.mean(scores)), float(np.std(scores))


def _score(logits: np.ndarray) -> float:
    # In log-space: the logarithm of a softmax that underflowed would be infinite.
    logits = logits - logits.max(axis=1, keepdims=True)
    log_p = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    p = np.exp(log_p)
    marginal = p.mean(axis=0)
    # Where the marginal underflows to 0 all p are 0: such classes must add 0, not 0 * inf.
    log_marginal = np.log(marginal, where=marginal > 0.0, out=np.zeros_like(marginal))
    return np.exp(np.mean(np.sum(p * (log_p - log_marginal), axis=1)))
