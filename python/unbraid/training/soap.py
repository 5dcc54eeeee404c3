"""SOAP: Adam in the eigenbasis of Shampoo's preconditioner.

After Vyas et al., "SOAP: Improving and stabilizing Shampoo using Adam", ICLR 2025, algorithm 3. The gradients of a
matrix have one covariance over its rows and one over its columns; turned into the eigenbases of both, they are scaled
entry by entry, as Adam does. Where the loss is steep some way and flat another, along whatever axes, this takes fewer
steps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

MAX_SIZE = 1024  # of a side; a longer one stays as it is

State = dict[str, Any]


class Soap(torch.optim.Optimizer):
    """Parameters of more than one axis are matrices of their first axis by all others; the rest get AdamW's steps.

    Args: `betas` of gradients and of their squares; `covariance_beta` of their covariances, whose eigenbases are
    renewed every `renewal_steps`; `weight_decay` apart from the gradients, as in AdamW.
    """

    def __init__(
        self,
        parameters: Iterable[Tensor],
        lr: float,
        betas: tuple[float, float] = (0.9, 0.99),
        covariance_beta: float = 0.98,
        renewal_steps: int = 10,
        weight_decay: float = 0.0,
        eps: float = 1e-8,
    ) -> None:
        defaults = {
            "lr": lr,
            "betas": betas,
            "covariance_beta": covariance_beta,
            "renewal_steps": renewal_steps,
            "weight_decay": weight_decay,
            "eps": eps,
        }
        super().__init__(parameters, defaults)

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        loss = closure() if closure else None
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    self._update(parameter, group)
        return loss

    def _update(self, parameter: Tensor, group: dict[str, Any]) -> None:
        gradient = parameter.grad.flatten(1) if parameter.ndim > 1 else parameter.grad.reshape(-1, 1)
        state: State = self.state[parameter]
        if not state:
            state |= {"step": 0, "mean": torch.zeros_like(gradient), "square": torch.zeros_like(gradient)}
            for side, size in enumerate(gradient.shape if parameter.ndim > 1 else ()):
                if 1 < size <= MAX_SIZE:
                    state[f"covariance{side}"] = gradient.new_zeros(size, size)
            _follow(state, gradient, 0.0)
            _find_bases(state)
        state["step"] += 1
        step, (beta, square_beta) = state["step"], group["betas"]
        state["mean"].lerp_(gradient, 1 - beta)
        state["square"].lerp_(_turn(gradient, state).square(), 1 - square_beta)
        scale = (state["square"] / (1 - square_beta**step)).sqrt_().add_(group["eps"])
        change = _turn_back(_turn(state["mean"], state) / (1 - beta**step) / scale, state)
        parameter.mul_(1 - group["lr"] * group["weight_decay"])
        parameter.sub_(group["lr"] * change.reshape(parameter.shape))
        _follow(state, gradient, group["covariance_beta"])
        if step % group["renewal_steps"] == 0:
            _renew_bases(state)


def _follow(state: State, gradient: Tensor, beta: float) -> None:
    for side, matrix in enumerate((gradient, gradient.T)):
        if f"covariance{side}" in state:
            state[f"covariance{side}"].lerp_(matrix @ matrix.T, 1 - beta)


def _find_bases(state: State) -> None:
    for side in (0, 1):
        if f"covariance{side}" in state:
            state[f"basis{side}"] = torch.linalg.eigh(state[f"covariance{side}"]).eigenvectors


def _renew_bases(state: State) -> None:
    """A step of the power iteration, as the covariances change little; the largest directions first."""
    for side in (0, 1):
        if f"covariance{side}" in state:
            basis = state[f"basis{side}"]
            powered = state[f"covariance{side}"] @ basis
            order = torch.argsort((basis * powered).sum(0), descending=True)
            state["square"] = state["square"].index_select(side, order)
            state[f"basis{side}"] = torch.linalg.qr(powered[:, order]).Q


def _turn(matrix: Tensor, state: State) -> Tensor:
    if "basis0" in state:
        matrix = state["basis0"].T @ matrix
    return matrix @ state["basis1"] if "basis1" in state else matrix


def _turn_back(matrix: Tensor, state: State) -> Tensor:
    if "basis0" in state:
        matrix = state["basis0"] @ matrix
    return matrix @ state["basis1"].T if "basis1" in state else matrix
