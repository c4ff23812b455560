"""Mean and covariance of features, accumulated chunk by chunk."""

import numpy as np

CHUNK = 1024  # rows that are held in float64 at once


def check_rows(argument: str, rows) -> np.ndarray:
    """Returns `rows` as an array of finite numbers [rows, columns], or raises ValueError."""
    rows = np.asarray(rows)
    if rows.ndim != 2 or rows.shape[1] == 0:
        raise ValueError(
            f"`{argument}` must be an array [samples, dimensions]: flatten or pool it first. "
            f"Received: shape {rows.shape}."
        )
    bad = np.count_nonzero(~np.isfinite(rows))
    if bad:
        raise ValueError(
            f"`{argument}` must be finite: look for the samples that make its network overflow. "
            f"Received: {bad} of {rows.size} values NaN or infinite."
        )
    return rows


class Moments:
    """Count, mean and covariance, in float64, of feature rows that arrive in pieces.

    Rows are taken relative to the first one, and every chunk is centred on its own mean before it
    is squared, so large means cost no digits. Memory does not grow with the number of rows. Order
    and size of the pieces change the results by round-off only.
    Reference: Chan, Golub, LeVeque, 1983, "Algorithms for Computing the Sample Variance", eq. 2.1.
    """

    def __init__(self):
        self.count = 0
        self._origin = None  # the first row
        self._mean = None  # relative to the origin
        self._scatter = None  # sum over the rows of (row - mean)(row - mean)^T

    def update(self, features) -> None:
        """Adds the rows of `features`.

        Args:
            features: array [samples, dimensions] of any real dtype, finite. The first call sets
                the number of dimensions.

        Raises:
            ValueError: if it has another rank or width, or is not finite. Nothing is added then.
        """
        features = check_rows("features", features)
        if self.count == 0:
            self._mean = np.zeros(features.shape[1])
            self._scatter = np.zeros((features.shape[1],) * 2)
        if features.shape[1] != len(self._mean):
            raise ValueError(
                f"`features` must have {len(self._mean)} dimensions, like those before; other "
                f"features need another Moments. Received: shape {features.shape}."
            )
        for start in range(0, len(features), CHUNK):
            self._add(features[start : start + CHUNK].astype(np.float64))

    def _add(self, chunk: np.ndarray) -> None:
        if self.count == 0:
            self._origin = chunk[0].copy()
        chunk = chunk - self._origin
        mean = chunk.mean(axis=0)
        centred = chunk - mean
        shift = mean - self._mean
        share = len(chunk) / (self.count + len(chunk))
        self._scatter += centred.T @ centred
        self._scatter += np.outer(shift, shift) * (self.count * share)
        self._mean += shift * share
        self.count += len(chunk)

    @property
    def mean(self) -> np.ndarray:
        """Mean [dimensions] of all rows; ValueError before the first."""
        self._require(1)
        return self._origin + self._mean

    @property
    def covariance(self) -> np.ndarray:
        """Unbiased covariance [dimensions, dimensions]; ValueError below two rows."""
        self._require(2)
        return self._scatter / (self.count - 1)

    def _require(self, rows: int) -> None:
        if self.count < rows:
            raise ValueError(
                f"Moments must hold {rows} or more samples here: call `update` with more features "
                f"first. Received: {self.count}."
            )
