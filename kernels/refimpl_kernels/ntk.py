"""Twin of refimpl.baselines.ntk: the tangent kernel of ReLU, tile by tile as that of refimpl_kernels.random_features."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from refimpl_kernels.random_features import gram, predict

Array = npt.NDArray[np.float64]

SHARE = 1.0
S = (
    -0.22507907903927651, 0.35637520847885223, 0.022038993156200785, 0.004169991853276842,
    0.0011077416334897713, 0.0003477402807243888, 0.00012059010769198087, 4.42669266935239e-05,
    1.9021019384320368e-05, 4.002193947620485e-07, 2.1444074717007223e-05, -3.9010346561498175e-05,
    6.674838640689585e-05, -8.234671213732899e-05, 7.68128775734128e-05, -5.155763949796287e-05,
    2.3851958843267845e-05, -6.798143456727193e-06, 9.239995761887073e-07,
)


def _relu_gram(X: Array, Z: Array | None, bias: bool) -> Array | None:
    """Twin of refimpl.baselines.ntk._relu_gram."""
    return gram(np.array(S), SHARE, X, Z, bias)


def _relu_predict(X: Array, Z: Array, alpha: Array, bias: bool) -> Array | None:
    """Twin of refimpl.baselines.ntk._relu_predict."""
    return predict(np.array(S), SHARE, X, Z, alpha, bias)
