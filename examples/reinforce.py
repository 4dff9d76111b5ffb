"""Learn to balance a pole on a cart by REINFORCE (Williams 1992).

The environment is built in: Barto, Sutton and Anderson's cart and pole (1983), many at once in NumPy. It
writes a picture of the learning curve and of the last policy's pushes, and prints how long poles stand:
by default all of 200 steps, the mean of 100 test poles, after 100 updates.

    python examples/reinforce.py --updates 100 --out runs/reinforce
"""
from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from tqdm import tqdm

import clnet
from clnet import nn
from clnet.optim import Adam

matplotlib.use("Agg")
from matplotlib import pyplot  # noqa: E402  (the backend is chosen first)

LONGEST = 200  # steps after which an episode ends by itself
TEST_POLES = 100


class Poles:
    """Carts with poles on them: position, speed, angle and its speed, (N, 4)."""

    GRAVITY, FORCE, STEP = 9.8, 10.0, 0.02
    CART, POLE, HALF_LENGTH = 1.0, 0.1, 0.5  # masses in kg, length in m
    MOST_ANGLE, MOST_DISTANCE = 0.2095, 2.4

    def __init__(self, count: int, random: np.random.Generator) -> None:
        self.state = random.uniform(-0.05, 0.05, (count, 4))
        self.standing = np.ones(count, bool)

    def push(self, right: np.ndarray) -> None:
        """Push every cart to the right or left for a moment."""
        _, speed, angle, turning = self.state.T
        force = np.where(right, self.FORCE, -self.FORCE)
        mass = self.CART + self.POLE
        sine, cosine = np.sin(angle), np.cos(angle)
        pulled = (force + self.POLE * self.HALF_LENGTH * turning ** 2 * sine) / mass
        angular = (self.GRAVITY * sine - cosine * pulled) / (
            self.HALF_LENGTH * (4 / 3 - self.POLE * cosine ** 2 / mass))
        linear = pulled - self.POLE * self.HALF_LENGTH * angular * cosine / mass
        change = np.stack([speed, linear, turning, angular], 1)
        self.state = np.where(self.standing[:, None], self.state + self.STEP * change, self.state)
        self.standing &= (abs(self.state[:, 0]) < self.MOST_DISTANCE) & (abs(self.state[:, 2]) < self.MOST_ANGLE)


def build_policy(hidden: int) -> nn.Sequential:
    """States (N, 4) to the scores of pushing left and right (N, 2)."""
    return nn.Sequential(nn.Linear(4, hidden), nn.Tanh(), nn.Linear(hidden, hidden), nn.Tanh(),
                         nn.Linear(hidden, 2))


def play(policy: nn.Module, count: int, random: np.random.Generator, greedy: bool = False) -> list[np.ndarray]:
    """Episodes side by side: states (T, N, 4), pushes to the right (T, N), whether it stood (T, N)."""
    poles = Poles(count, random)
    states, pushes, stood = [], [], []
    with clnet.no_grad():
        for _ in range(LONGEST):
            if not poles.standing.any():
                break
            states.append(poles.state.astype("float32"))
            stood.append(poles.standing.copy())
            chance = policy(clnet.tensor(states[-1])).softmax(1)[:, 1].numpy()
            pushes.append(chance > (0.5 if greedy else random.random(count)))
            poles.push(pushes[-1])
    return [np.stack(parts) for parts in (states, pushes, stood)]


def advantages(stood: np.ndarray, discount: float) -> np.ndarray:
    """How much longer each pole stood than others did from the same step on, (T, N), normalized."""
    returns, to_come = np.zeros(stood.shape), np.zeros(stood.shape[1])
    for t in reversed(range(len(stood))):
        to_come = stood[t] * (1 + discount * to_come)
        returns[t] = to_come
    centred = returns[stood] - returns[stood].mean()
    result = np.zeros(stood.shape, "float32")
    result[stood] = centred / (centred.std() + 1e-6)
    return result


def loss_of(policy: nn.Module, states: Any, pushes: Any, weights: Any, bonus: float) -> Any:
    """Score-function estimate of the negative return, less a bonus for undecided policies."""
    logs = policy(states).log_softmax(1)
    taken = logs.gather(1, pushes[:, None])[:, 0]
    entropy = -(logs.exp() * logs).sum(1).mean()
    return -(taken * weights).mean() - bonus * entropy


def draw(policy: nn.Module, history: list[float], path: Path) -> None:
    angle, turning = np.meshgrid(np.linspace(-0.2, 0.2, 41), np.linspace(-2, 2, 41))
    states = np.zeros((angle.size, 4), "float32")
    states[:, 2], states[:, 3] = angle.ravel(), turning.ravel()
    with clnet.no_grad():
        chance = policy(clnet.tensor(states)).softmax(1)[:, 1].numpy()
    figure, axes = pyplot.subplots(1, 2, figsize=(10, 3.8), layout="constrained")
    axes[0].plot(range(1, len(history) + 1), history)
    axes[0].set(xlabel="update", ylabel="mean steps that poles stand")
    axes[0].grid(alpha=0.3)
    shown = axes[1].pcolormesh(angle, turning, chance.reshape(angle.shape), cmap="coolwarm", vmin=0, vmax=1)
    axes[1].set(title="chance of a push to the right", xlabel="angle", ylabel="angular speed")
    figure.colorbar(shown, ax=axes[1])
    figure.savefig(path, dpi=120)
    pyplot.close(figure)


def parse(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("--updates", type=int, default=100)
    parser.add_argument("--poles", type=int, default=32, help="episodes per update")
    parser.add_argument("--hidden", type=int, default=32)
    parser.add_argument("--lr", type=float, default=1e-2)
    parser.add_argument("--discount", type=float, default=0.98)
    parser.add_argument("--bonus", type=float, default=0.01, help="weight of the policy's entropy")
    parser.add_argument("--device", help='such as "cpu", "gpu", "cl:1", "pocl" (see: clnet info)')
    parser.add_argument("--out", type=Path, default=Path("runs/reinforce"), metavar="DIR")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--smoke", action="store_true", help="two updates from four poles")
    args = parser.parse_args(argv)
    if args.smoke:
        args.updates, args.poles = 2, 4
    return args


def main(argv: list[str] | None = None) -> int:
    args = parse(argv)
    began = time.perf_counter()
    if args.device:
        clnet.set_default_device(args.device)
    clnet.manual_seed(args.seed)
    random = np.random.default_rng(args.seed)
    policy = build_policy(args.hidden)
    optimizer = Adam(policy.parameters(), lr=args.lr)
    history = []
    with tqdm(total=args.updates, unit="update", mininterval=0.5) as bar:
        for _ in range(args.updates):
            states, pushes, stood = play(policy, args.poles, random)
            weights = advantages(stood, args.discount)
            # All steps of all poles are one batch; those of fallen ones weigh nothing.
            loss = loss_of(policy, clnet.tensor(states.reshape(-1, 4)), clnet.tensor(pushes.ravel().astype("int64")),
                           clnet.tensor(weights.ravel()), args.bonus)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            history.append(float(stood.sum(0).mean()))
            bar.update()
            bar.set_postfix(steps=f"{history[-1]:.0f}", refresh=False)
    lengths = play(policy, 8 if args.smoke else TEST_POLES, random, greedy=True)[2].sum(0)
    args.out.mkdir(parents=True, exist_ok=True)
    draw(policy, history, args.out / "balance.png")
    print(f"poles stand {lengths.mean():.1f} of {LONGEST} steps after {args.updates} updates on "
          f"{clnet.current_device()}")
    print(f"total time: {time.perf_counter() - began:.1f} s\npicture: {args.out / 'balance.png'}")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (OSError, ValueError) as error:
        sys.exit(f"reinforce.py: {error}")
