"""Solve a differential equation with a network that is trained on the equation alone.

Poisson's equation ``u_xx + u_yy = -f`` on the unit square, with u = 0 on the border and f such that
``u = sin(pi x) sin(2 pi y)``. The second derivatives come from differentiating twice; the loss
differentiates them once more (physics-informed networks, Raissi et al. 2019). It writes a picture of the
solution, its error and the learning curve. By default the relative error ends at 0.012%.

    python examples/pinn.py --steps 2000 --out runs/pinn
"""
from __future__ import annotations

import argparse
import math
import sys
import time
from pathlib import Path
from typing import Any

import matplotlib
from tqdm import tqdm

import clnet
from clnet import nn
from clnet.optim import Adam
from clnet.optim.lr_scheduler import CosineAnnealingLR

matplotlib.use("Agg")
from matplotlib import pyplot  # noqa: E402  (the backend is chosen first)

GRID = 41  # points along each side where the error is measured
COUNTED = 10  # steps between two moves of the progress bar


class Solution(nn.Module):
    """u at points (N, 2); zero on the border by construction."""

    def __init__(self, hidden: int, layers: int) -> None:
        super().__init__()
        sizes = [2] + [hidden] * layers
        inner = [part for a, b in zip(sizes, sizes[1:]) for part in (nn.Linear(a, b), nn.Tanh())]
        self.network = nn.Sequential(*inner, nn.Linear(hidden, 1))

    def forward(self, points: Any) -> Any:
        x, y = points[:, :1], points[:, 1:]
        return 16 * x * (1 - x) * y * (1 - y) * self.network(2 * points - 1)


def exact(points: Any) -> Any:
    return (math.pi * points[:, :1]).sin() * (2 * math.pi * points[:, 1:]).sin()


def residual(model: nn.Module, points: Any) -> Any:
    """``u_xx + u_yy + f`` at points (N, 2)."""
    points = points.detach().requires_grad_()
    u = model(points)
    (slope,) = clnet.autograd.grad(u.sum(), points, create_graph=True)
    curvature = 0
    for k in range(2):
        (second,) = clnet.autograd.grad(slope[:, k].sum(), points, create_graph=True)
        curvature = curvature + second[:, k:k + 1]
    return curvature + 5 * math.pi ** 2 * exact(points)


def grid() -> Any:
    line = clnet.linspace(0, 1, GRID)
    return clnet.cartesian_prod(line, line)


def error_of(model: nn.Module) -> float:
    """The error's norm over the solution's, on a grid."""
    points = grid()
    with clnet.no_grad():
        return float(((model(points) - exact(points)).norm() / exact(points).norm()).item())


def draw(model: nn.Module, history: list[tuple[int, float, float]], path: Path) -> None:
    points = grid()
    with clnet.no_grad():
        found, error = model(points), model(points) - exact(points)
    figure, axes = pyplot.subplots(1, 3, figsize=(12, 3.4), layout="constrained")
    for ax, values, title in ((axes[0], found, "solution"), (axes[1], error, "error")):
        shown = ax.imshow(values.reshape(GRID, GRID).numpy().T, origin="lower", extent=(0, 1, 0, 1))
        ax.set(title=title, xlabel="x", ylabel="y")
        figure.colorbar(shown, ax=ax)
    steps, losses, errors = zip(*history)
    axes[2].semilogy(steps, losses, label="mean square of the residual")
    axes[2].semilogy(steps, errors, label="relative error")
    axes[2].set_xlabel("step")
    axes[2].legend()
    figure.savefig(path, dpi=120)
    pyplot.close(figure)


def parse(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--points", type=int, default=512, help="random points in each step")
    parser.add_argument("--hidden", type=int, default=64)
    parser.add_argument("--layers", type=int, default=3)
    parser.add_argument("--lr", type=float, default=3e-3)
    parser.add_argument("--every", type=int, default=100, help="steps between measurements of the error")
    parser.add_argument("--device", help='such as "cpu", "gpu", "cl:1", "pocl" (see: clnet info)')
    parser.add_argument("--out", type=Path, default=Path("runs/pinn"), metavar="DIR")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--smoke", action="store_true", help="a small network and few steps")
    args = parser.parse_args(argv)
    if args.smoke:
        args.steps, args.points, args.hidden, args.every = 10, 64, 16, 5
    return args


def main(argv: list[str] | None = None) -> int:
    args = parse(argv)
    began = time.perf_counter()
    if args.device:
        clnet.set_default_device(args.device)
    clnet.manual_seed(args.seed)
    model = Solution(args.hidden, args.layers)
    optimizer = Adam(model.parameters(), lr=args.lr)
    scheduler = CosineAnnealingLR(optimizer, args.steps)
    history = []
    with tqdm(total=args.steps, unit="step", mininterval=0.5) as bar:
        for step in range(1, args.steps + 1):
            loss = residual(model, clnet.rand(args.points, 2)).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            scheduler.step()
            if step % COUNTED == 0:  # a step that returned is enqueued, not done
                clnet.current_device().synchronize()
                bar.update(step - bar.n)
            if step % args.every == 0 or step == args.steps:
                history.append((step, loss.item(), error_of(model)))
                bar.update(step - bar.n)
                bar.set_postfix(loss=f"{history[-1][1]:.3g}", error=f"{history[-1][2]:.2%}")
    args.out.mkdir(parents=True, exist_ok=True)
    draw(model, history, args.out / "solution.png")
    print(f"relative error {history[-1][2]:.3%} after {args.steps} steps on {clnet.current_device()}")
    print(f"total time: {time.perf_counter() - began:.1f} s\npicture: {args.out / 'solution.png'}")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (OSError, ValueError) as error:
        sys.exit(f"pinn.py: {error}")
