r"""Algorithm 1: preprocess, one step on the hidden weights, new biases, then descent on the head alone.

What is printed, what the authors' published script runs (github.com/adamian98/COLT2022, main.py), and the option here:

    printed                               the authors' script                        option
    b = 0 in the step, b ~ N(0, 1) after  b ~ N(0, 1) before the step, kept          Variant(biases="redrawn" | "kept")
    W = -eta_1 grad, eta_1 = O~(sqrt d)   W = -grad / rms_j |grad_j|                 Variant(step="eta_1" | "normalised")
    noise +-varsigma                      Gaussian noise                             of the data: draw y as you like
    T - 1 steps of descent on a           exact ridge, their wd = lam / 2            Variant(head="descent" | "ridge")
    lam exists                            best of a grid on 10 000 further labels    lam a grid, holdout=(X, y); ``labels_used`` counts them
    risk E|f - y| - varsigma              E(f - y)^2 - sigma^2                       of the report, not of the training

``PRINTED`` and ``AUTHORS`` are the two columns. Neurons j and m + 1 - j are mirrored at the start, so f_theta = 0 there, the residuals are the
labels, and half of the neurons carry the whole first gradient. Samples are read in blocks: memory is O(block d + m^2) for ReLU, O(block m + m^2) for
other activations, whatever n is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from refimpl._samples import BLOCK, Progress, Samples, dimension, source_of
from refimpl._twins import decided
from refimpl.activations import RELU, Activation
from refimpl.errors import Array, DomainError, DtypeError, ShapeError, Shapes, count, finite, number, points
from refimpl.feature_sums import _work as _sums_work
from refimpl.feature_sums import relu_sums
from refimpl.head import Decomposition, Moments, accumulate, gcv, gradient_descent_path, ridge
from refimpl.head_spectrum import _total
from refimpl.initial import symmetric
from refimpl.masks import _affine, _work, masked_sums
from refimpl.network import AT_ONCE, Network
from refimpl.rng import Seed, generator

PAPER = "DLS22, Algorithm 1"
CHOICES = {"biases": ("redrawn", "kept"), "step": ("eta_1", "normalised"), "head": ("descent", "ridge")}


@dataclass(frozen=True)
class Variant:
    """Which form of Algorithm 1 is run; the defaults are the printed ones. See the table at the head of this module.

    Source
    ------
    DLS22, Algorithm 1, and the authors' script; audited by ``DLS22/alg-1`` and ``DLS22/alg-1-authors``.

    Parameters
    ----------
    biases : "redrawn" from N(0, 1) after the first step, or "kept": N(0, 1), mirrored, before it
    step : "eta_1", or "normalised": divided by the root mean square of the rows' norms
    head : "descent", or "ridge", its limit

    Units
    -----
    None.

    Errors
    ------
    DomainError   for any other word.
    """

    biases: str = "redrawn"
    step: str = "eta_1"
    head: str = "descent"

    def __post_init__(self) -> None:
        for name, words in CHOICES.items():
            if getattr(self, name) not in words:
                raise DomainError(f"{name} = {getattr(self, name)!r}; it must be {' or '.join(map(repr, words))}")


PRINTED = Variant()
AUTHORS = Variant(biases="kept", step="normalised", head="ridge")


@dataclass(frozen=True, eq=False)
class Trained:
    r"""What Algorithm 1 returns, with the moments of its features: other lam, eta and T cost no further pass over the samples.

    .. math:: x \to \alpha + \beta \cdot x + a^T \sigma(Wx + b)

    Source
    ------
    DLS22, Algorithm 1, last line; audited by ``DLS22/alg-1``.

    Parameters
    ----------
    network : W^(1), the biases, and the last a
    alpha, beta : float, (d,)   the removed mean and slope
    decomposition : of the moments of sigma(W^(1) x_i + b) and of the labels less alpha + beta.x_i
    a_0, first : (m,), int   where the descent on the head starts: a^(first) = a_0
    variant : Variant
    lam : that of the head; None where ``with_head`` has set it
    labels_used : int   labels that the result depends on, those of a hold-out included

    Returns
    -------
    an object with ``predict``, ``mean_squares``, ``refit`` and ``with_head``

    Units
    -----
    Those of the labels.

    Errors
    ------
    As :func:`train`.
    """

    network: Network
    alpha: float
    beta: Array
    decomposition: Decomposition
    a_0: Array
    first: int
    variant: Variant
    lam: float | None
    labels_used: int

    @property
    def moments(self) -> Moments:
        """Those of the samples that fitted the head."""
        return self.decomposition.moments

    def predict(self, X: object) -> Array:
        """alpha + beta.x_i + f_theta(x_i), shape (n,), for X of shape (n, d); see ``Network.predict`` for its rounding."""
        sizes = Shapes(PAPER)
        sizes("W", self.network.W, "m", "d")
        X = sizes("X", X, "n", "d")
        with np.errstate(over="ignore", invalid="ignore"):
            return finite("the prediction", self.alpha + X @ self.beta + self.network.predict(X))

    def with_head(self, a: Array) -> Trained:
        """The same features, alpha and beta under another head a (m,)."""
        return replace(self, network=replace(self.network, a=a), lam=None)

    def refit(self, *, lam: object, eta: float | None = None, T: int | None = None, holdout: tuple[Any, Any] | None = None) -> Trained:
        """The head a^(T) at another lam, eta and T (ridge: lam alone). ``lam``: a number; or a grid (L,) from which the generalised cross
        validation of the ridge chooses, without further labels; or with ``holdout`` = (X, y) the mean square there, whose labels are counted."""
        lams = _head_settings(self.variant, lam, eta, T, holdout, least=self.first)
        heads = self._heads(lams, eta, T, once=holdout is not None)             # (m,) or (L, m)
        if lams.ndim == 0:
            return replace(self.with_head(heads), lam=float(lams))
        scores, labels = (gcv(self.decomposition, lams), 0) if holdout is None else self.mean_squares(heads, *holdout)
        best = int(np.argmin(scores))
        return replace(self.with_head(heads[best]), lam=float(lams[best]), labels_used=self.labels_used + labels)

    def _heads(self, lam: Array, eta: float | None, T: int | None, *, once: bool) -> Array:
        if self.variant.head == "ridge":
            return ridge(self.moments if once else self.decomposition, lam)     # a path that a hold-out decides needs no eigenvectors
        return gradient_descent_path(self.decomposition, eta=number("eta", eta), lam=lam, T=count("T", T, least=0) - self.first, a_0=self.a_0)

    def mean_squares(self, heads: Array, X: object, y: object = None) -> tuple[Array, int]:
        """(1/N) sum_i (y_i - f_a(x_i))^2 for each head a of (L, m), shape (L,), over N further samples; and N. X and y as for ``algorithm_1``."""
        sizes = Shapes(PAPER)
        sizes("W", self.network.W, "m", "d")
        heads = sizes("heads", heads, "L", "m")
        data, n, squares = Samples(source_of(X, y), self.network.d, block=max(1, AT_ONCE // self.network.m)), 0, np.zeros(len(heads))
        for Phi, r in _features(data, "hold-out", self.network, self.alpha, self.beta):
            n += len(r)
            with np.errstate(over="ignore", invalid="ignore"):
                squares += np.sum((Phi @ heads.T - r[:, None]) ** 2, axis=0)
        return finite("the mean square", squares / n), n


def algorithm_1(X: object, y: object = None, *, m: int, lam: object, rng: Seed, eta_1: float | None = None, lam_1: float | None = None,
                eta: float | None = None, T: int | None = None, holdout: tuple[Any, Any] | None = None, variant: Variant = PRINTED,
                forget: bool = True, split: bool | float = False, allow_n_below_d: bool = False, block: int = BLOCK,
                progress: Progress | None = None) -> Trained:
    r"""Algorithm 1 from a mirrored start that is drawn here.

    .. math:: \alpha = \frac{1}{n} \sum_i y_i, \quad \beta = \frac{1}{n} \sum_i y_i x_i, \qquad
              W^{(1)} = W^{(0)} - \eta_1 [\nabla_W L(\theta) + \lambda_1 W^{(0)}], \qquad b_j \sim N(0, 1), \qquad
              a^{(t)} = a^{(t-1)} - \eta [\nabla_a L(\theta^{(t-1)}) + \lambda a^{(t-1)}], \quad t = 2, \dots, T

    Source
    ------
    DLS22, Algorithm 1; audited by ``DLS22/alg-1``, ``DLS22/alg-1-forget``, ``DLS22/alg-1-authors`` and ``DLS22/alg-1-streaming``.

    Parameters
    ----------
    X, y : (n, d), (n,)   arrays (memory maps are read in blocks); or X alone, a function that returns a new iterator over the same pairs
        (X_block, y_block) whenever it is called
    m : even int >= 2
    eta_1, lam_1 : float   the first step; lam_1 is 1 / eta_1 where not given. Not for step="normalised"
    eta, T : float, int >= 1   the descent on the head: T - 1 steps, from a^(1) = a^(0). Not for head="ridge"
    lam, holdout : see ``Trained.refit``
    rng : Generator, SeedSequence or int   draws a and W as ``initial.symmetric`` does, then b
    variant : PRINTED, AUTHORS or any other Variant
    forget : False permits any lam_1, so that (1 - eta_1 lam_1) W^(0) remains
    split : True or a share in (0, 1): the first half, or share, of the samples preprocesses and makes the step; the others, less the same
        alpha + beta.x, fit the head (the remark below Theorem 1: resampled, so that the features do not depend on the head's samples)
    allow_n_below_d : train on fewer than d samples all the same
    block, progress : samples at a time; function of the stage and of the samples seen in it, called after each block

    Returns
    -------
    Trained

    Units
    -----
    Square loss without 1/2. W^(1) is linear in y where lam_1 forgets, and of degree 0 in W^(0) where the first biases are 0.

    Errors
    ------
    DomainError   for eta_1 lam_1 other than 1 without ``forget=False``, n < d, m odd, and steps too long for the head to converge.
    ShapeError, DtypeError, NonFiniteError   for samples that are not finite float64 arrays of these shapes, and blocks that are empty.
    Rounding   W^(1) within (2 n + d + 12) eps of 2 eta_1 |a_j| (1/n) sum_i (|y_i| + mean|y| + |x_i|.mean|y x|) |x_i|, where no w_j.x_i + b_j is
    within its own rounding of the kink; the head, given its moments, as :func:`refimpl.head.gradient_descent_path` and ``ridge`` say. The size
    of a block moves the order of the sums over n only, so the same bounds hold between any two.
    """
    rng = generator(rng)
    samples = source_of(X, y)
    start = symmetric(m, dimension(samples), rng=rng)
    b = rng.standard_normal(start.m)
    if variant.biases == "kept":
        b = np.concatenate([b[:start.m // 2], b[:start.m // 2][::-1]])
        start = replace(start, b=b)
    return train(samples, None, start, b, eta_1=eta_1, lam_1=lam_1, lam=lam, eta=eta, T=T, holdout=holdout, variant=variant, forget=forget,
                 split=split, allow_n_below_d=allow_n_below_d, block=block, progress=progress)


def train(X: object, y: object, start: Network, b: Array, *, lam: object, eta_1: float | None = None, lam_1: float | None = None,
          eta: float | None = None, T: int | None = None, holdout: tuple[Any, Any] | None = None, variant: Variant = PRINTED,
          forget: bool = True, split: bool | float = False, allow_n_below_d: bool = False, block: int = BLOCK,
          progress: Progress | None = None) -> Trained:
    """Algorithm 1 from a given mirrored ``start`` and with given biases ``b`` (m,) after the first step: nothing is drawn.

    The rest as :func:`algorithm_1`; of ``variant`` it is ``step`` and ``head`` that count here.
    """
    start, block, step = _mirrored(start), count("block", block, least=1), _step_settings(variant, eta_1, lam_1, forget=forget)
    _head_settings(variant, lam, eta, T, holdout, least=1)
    before, after = Samples(source_of(X, y), start.d, block, progress).parts(split)
    # lines 1-2: alpha, beta
    n, alpha, beta = _preprocess(before)
    before = replace(before, n=n)
    if n < start.d and not allow_n_below_d:
        raise DomainError(f"n = {n} is below d = {start.d}: beta in R^d would be an average of fewer samples than it has entries; Theorem 1 wants "
                          f"n >= d^2 (DLS22, section 3), and allow_n_below_d=True trains all the same")
    # line 3: W
    W = _stepped(start.W, _first_gradient(before, alpha, beta, start), *step)
    network = Network(start.a, W, b, start.activation)                          # line 4: b
    # lines 5-7: a
    head = Decomposition(_moments(after if split else before, network, alpha, beta))
    labels = n + head.moments.n if split else n
    return Trained(network, alpha, beta, head, start.a, 1, variant, None, labels).refit(lam=lam, eta=eta, T=T, holdout=holdout)


def transfer(trained: Trained, X: object, y: object = None, *, lam: object, eta: float | None = None, T: int | None = None,
             holdout: tuple[Any, Any] | None = None, variant: Variant | None = None, start: str = "zeros", preprocess: bool = False,
             block: int = BLOCK, progress: Progress | None = None) -> Trained:
    r"""Another target on the learned features: W^(1) and b stay, the head is fitted to N samples of g*.

    .. math:: g_a(x) = a^T \sigma(W^{(1)} x + b), \qquad a^{(t)} = a^{(t-1)} - \eta [\nabla_a L(a^{(t-1)}) + \lambda a^{(t-1)}], \quad t = 1, \dots, T

    Source
    ------
    DLS22, Theorem 3, with the sigma that its display loses; audited by ``DLS22/thm-3-head``.

    Parameters
    ----------
    trained : what was learned on the other target
    X, y : (N, d), (N,), or a function of blocks, as for :func:`algorithm_1`
    lam, eta, T, holdout : see ``Trained.refit``; here T steps
    variant : PRINTED, AUTHORS, ...; that of ``trained`` where not given. Only its head counts
    start : a^(0) = 0 ("zeros") or the head of ``trained`` ("pretrained"). The paper says neither: at T = O~(1 / (eta lam)) it is forgotten
    preprocess : whether alpha + beta.x of the new samples is removed first and added again; the theorem's g_a has no such part
    block, progress : as for :func:`algorithm_1`

    Returns
    -------
    Trained   ``labels_used`` counts the labels of g* and of its hold-out, not those of the pretraining

    Units
    -----
    Square loss without 1/2.

    Errors
    ------
    As :func:`algorithm_1`; DomainError for another ``start``.
    """
    if not isinstance(trained, Trained):
        raise DtypeError(f"trained is of type {type(trained).__name__}; it must be what algorithm_1 returns")
    if start not in ("zeros", "pretrained"):
        raise DomainError(f"start = {start!r}; it must be 'zeros' or 'pretrained'")
    network, variant = trained.network, variant or trained.variant
    _head_settings(variant, lam, eta, T, holdout, least=0)
    data = Samples(source_of(X, y), network.d, count("block", block, least=1), progress, n=len(X) if isinstance(X, np.ndarray) else None)
    alpha, beta = _preprocess(data)[1:] if preprocess else (0.0, np.zeros(network.d))
    head = Decomposition(_moments(data, network, alpha, beta))
    a_0 = network.a if start == "pretrained" else np.zeros(network.m)
    fresh = Trained(network, alpha, beta, head, a_0, 0, variant, None, head.moments.n)
    return fresh.refit(lam=lam, eta=eta, T=T, holdout=holdout)


# ---- the lines of the algorithm

def _preprocess(data: Samples) -> tuple[int, float, Array]:
    """n, alpha and beta."""
    n, total, slope = 0, 0.0, np.zeros(data.d)
    with np.errstate(over="ignore", invalid="ignore"):
        for X, y in data.blocks("preprocess"):
            n += len(y)
            total += float(y.sum())
            slope += y @ X
        return n, float(finite("alpha", np.asarray(total / n))), finite("beta", slope / n)


@np.errstate(over="ignore", invalid="ignore")
def _first_gradient(data: Samples, alpha: float, beta: Array, start: Network) -> Array:
    """grad_W L where f_theta = 0: -(2 / n) a_j sum_i (y_i - alpha - beta.x_i) sigma'(w_j.x_i + b_j) x_i, mirrored with a minus."""
    half = start.m // 2
    a, W, b = start.a[:half], start.W[:half], start.b[:half]
    n, S, slope_sums = 0, np.zeros_like(W), _slope_sums(start.activation)       # (m/2, d)
    with decided(_work(data.n or 0, *W.shape)):
        for X, y in data.blocks("step"):
            n += len(y)
            S += slope_sums(X, finite("y - alpha - beta.x", y - alpha - X @ beta), W, b)
    dW = -2 / n * a[:, None] * S
    return finite("grad_W L", np.concatenate([dW, -dW[::-1]]))


def _slope_sums(sigma: Activation) -> Callable[[Array, Array, Array, Array], Array]:
    """sum_i r_i sigma'(w_j.x_i + b_j) x_i as a function of X, r, W and b: that of ReLU is the mask product."""
    def of_any(X: Array, r: Array, W: Array, b: Array) -> Array:
        D = sigma.dsigma(X @ W.T + b)                                           # (block, m/2)
        D *= r[:, None]
        return D.T @ X                                                          # (m/2, d)

    return {RELU: lambda X, r, W, b: masked_sums(X, r, W, b)[0]}.get(sigma, of_any)


@np.errstate(over="ignore", invalid="ignore")
def _stepped(W: Array, dW: Array, eta_1: float | None, kept: float) -> Array:
    """W - eta_1 (dW + lam_1 W), of which lam_1 keeps that share of W; eta_1 is 1 / rms_j |dW_j| where it is None."""
    if eta_1 is not None:
        return finite("W^(1)", kept * W - eta_1 * dW)
    size = math.sqrt(np.mean(np.sum(dW**2, axis=1)))
    if size == 0:
        raise DomainError(f"the first gradient is 0, so it cannot be normalised (step='normalised'; {PAPER}, has eta_1)")
    return finite("W^(1)", -dW / size)


def _moments(data: Samples, network: Network, alpha: float, beta: Array) -> Moments:
    """Those of sigma(W x_i + b) and y_i - alpha - beta.x_i."""
    if network.activation is not RELU:
        return accumulate(_features(data, "head", network, alpha, beta))

    def of_block(X: Array, r: Array) -> tuple[tuple[Array, Array, float], int]:
        return (*relu_sums(X, finite("y - alpha - beta.x", r), network.W, network.b), float(r @ r)), len(r)

    with decided(_sums_work(data.n or 0, *network.W.shape)), np.errstate(over="ignore", invalid="ignore"):
        return _total(of_block(X, y - alpha - X @ beta) for X, y in data.blocks("head"))


def _features(data: Samples, stage: str, network: Network, alpha: float, beta: Array) -> Iterator[tuple[Array, Array]]:
    """sigma(W x_i + b) and y_i - alpha - beta.x_i, block by block."""
    for X, y in data.blocks(stage):
        with np.errstate(over="ignore", invalid="ignore"):
            yield network.activation.sigma(_affine(X, network.W, network.b)), y - alpha - X @ beta


# ---- arguments

def _step_settings(variant: Variant, eta_1: float | None, lam_1: float | None, *, forget: bool) -> tuple[float | None, float]:
    """eta_1, None where the step is normalised, and the share of W that lam_1 keeps: 0 where it forgets, to the last bit."""
    if not isinstance(variant, Variant):
        raise DtypeError(f"variant = {variant!r} is of type {type(variant).__name__}; it must be PRINTED, AUTHORS or another Variant")
    if variant.step == "normalised":
        if eta_1 is not None or lam_1 is not None or not forget:
            raise DomainError(f"eta_1 = {eta_1}, lam_1 = {lam_1} and forget = {forget}; step='normalised' sets eta_1 = 1 / rms_j |grad_j| and forgets W(0)")
        return None, 0.0
    eta_1 = number("eta_1", eta_1)
    if eta_1 <= 0:
        raise DomainError(f"eta_1 = {eta_1}; a step size must be above 0 ({PAPER})")
    lam_1 = 1 / eta_1 if lam_1 is None else number("lam_1", lam_1)
    if forget and lam_1 != 1 / eta_1 and eta_1 * lam_1 != 1:
        raise DomainError(f"eta[1] * lam[1] = {eta_1 * lam_1}; Algorithm 1 takes lam[1] = 1/eta[1] so that W(0) is forgotten (forget=False keeps the rest of it)")
    return eta_1, 0.0 if forget else 1 - eta_1 * lam_1


def _head_settings(variant: Variant, lam: object, eta: object, T: object, holdout: object, *, least: int) -> Array:
    """lam as an array, if all of them go together."""
    if variant.head == "descent":
        number("eta", eta)
        count("T", T, least=least, why=f"a^({least}) is where the head starts, {PAPER}")
    elif eta is not None or T is not None:
        raise DomainError(f"eta = {eta} and T = {T}; head='ridge' is the limit of the descent and takes lam alone")
    if holdout is not None and (not isinstance(holdout, tuple) or len(holdout) != 2):
        raise DtypeError(f"holdout is of type {type(holdout).__name__}; it must be a pair (X, y) of further samples")
    lams = points("lam", lam)
    if lams.ndim > 1 or lams.size == 0 or (lams.ndim == 0 and holdout is not None):
        raise ShapeError(f"lam has shape {lams.shape}; it must be a number, or a grid (L,) to choose from, with or without holdout=(X, y)")
    return lams


def _mirrored(start: object) -> Network:
    if not isinstance(start, Network):
        raise DtypeError(f"start is of type {type(start).__name__}; it must be a Network such as refimpl.initial.symmetric draws")
    if start.m % 2 or not all(np.array_equal(x, y[::-1]) for x, y in ((start.a, -start.a), (start.W, start.W), (start.b, start.b))):
        raise DomainError("start is not mirrored, so f_theta is not 0; neurons j and m + 1 - j must have w and b in common and opposite a (DLS22, section 2)")
    return start
