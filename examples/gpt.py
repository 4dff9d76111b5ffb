"""Train a transformer to write text character by character, and let it write.

Without --text it learns this repository's licence. It writes a sample, a picture of the learning curve
and one of the attention in its last layer, and a checkpoint that --resume goes on from. By default the
validation loss ends at 2.005, where most words are English (a minute on two CPU cores).

    python examples/gpt.py --text FILE --layers 6 --width 384 --context 128 --steps 1500
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
from clnet.io import Checkpoint
from clnet.nn import functional as F
from clnet.optim import AdamW
from clnet.optim.lr_scheduler import LambdaLR

matplotlib.use("Agg")
from matplotlib import pyplot  # noqa: E402  (the backend is chosen first)

LICENCE = Path(__file__).parents[1] / "LICENSE"
HELD_OUT = 0.1
COUNTED = 10  # steps between two moves of the progress bar
SHOWN = 24  # characters in the picture of the attention


class Block(nn.Module):
    """Causal self-attention and a perceptron, each after a normalization and beside a shortcut."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.attention_norm, self.norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.projections = nn.Linear(width, 3 * width)
        self.mix = nn.Linear(width, width)
        self.perceptron = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width),
                                        nn.Dropout(dropout))

    def split(self, x: Any) -> Any:
        """(N, L, width) to queries, keys and values, each (N, heads, L, width / heads)."""
        n, length, width = x.shape
        parts = self.projections(self.attention_norm(x)).view(n, length, 3, self.heads, width // self.heads)
        return parts.permute(2, 0, 3, 1, 4).unbind(0)

    def forward(self, x: Any) -> Any:
        q, k, v = self.split(x)
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True,
                                           dropout_p=self.dropout if self.training else 0.0)
        x = x + F.dropout(self.mix(y.transpose(1, 2).reshape(x.shape)), self.dropout, self.training)
        return x + self.perceptron(self.norm(x))

    def attention(self, x: Any) -> Any:
        """(heads, L, L): how much each position reads from which, for one text (1, L, width)."""
        q, k, _ = self.split(x)
        scores = q @ k.transpose(2, 3) / math.sqrt(q.shape[-1])
        later = clnet.ones(scores.shape[-2:]).triu(1).bool()
        return scores.masked_fill(later, -math.inf).softmax(-1)[0]


class GPT(nn.Module):
    """Characters (N, L) to scores of the characters that follow (N, L, vocabulary)."""

    def __init__(self, vocabulary: int, args: argparse.Namespace) -> None:
        super().__init__()
        self.context = args.context
        self.characters = nn.Embedding(vocabulary, args.width)
        self.positions = nn.Embedding(args.context, args.width)
        self.dropout = nn.Dropout(args.dropout)
        self.blocks = nn.ModuleList(Block(args.width, args.heads, args.dropout) for _ in range(args.layers))
        self.norm = nn.LayerNorm(args.width)
        self.head = nn.Linear(args.width, vocabulary, bias=False)
        for name, p in self.named_parameters():
            if p.ndim > 1:  # what adds to the shortcut starts smaller, the deeper the network
                last = name.endswith(("mix.weight", "perceptron.2.weight"))
                nn.init.normal_(p, std=0.02 / math.sqrt(2 * args.layers) if last else 0.02)

    def embed(self, tokens: Any) -> Any:
        return self.characters(tokens) + self.positions(clnet.arange(tokens.shape[1]))

    def forward(self, tokens: Any) -> Any:
        x = self.dropout(self.embed(tokens))
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x))

    def write(self, tokens: Any, count: int, temperature: float, bar: Any) -> Any:
        """The tokens (1, L), continued by ``count`` more that are drawn at random."""
        self.eval()
        with clnet.no_grad():
            for _ in range(count):
                scores = self(tokens[:, -self.context:])[:, -1] / temperature
                tokens = clnet.cat([tokens, clnet.multinomial(scores.softmax(-1), 1)], 1)
                bar.update()
        return tokens


def draw_batch(data: Any, size: int, context: int) -> tuple[Any, Any]:
    """Random pieces of the text (N, context), and the same one character later."""
    starts = clnet.randint(len(data) - context, (size, 1))
    at = starts + clnet.arange(context)
    return data[at], data[at + 1]


def loss_of(model: nn.Module, tokens: Any, following: Any) -> Any:
    return F.cross_entropy(model(tokens).flatten(0, 1), following.flatten())


def validate(model: nn.Module, data: Any, context: int, batches: int, size: int) -> float:
    """The mean loss over evenly spread pieces of the text that was held out."""
    model.eval()
    count = min(batches * size, max((len(data) - 1) // context, 1))
    starts = clnet.linspace(0, len(data) - context - 1, count).long()[:, None] + clnet.arange(context)
    with clnet.no_grad():
        total = sum(loss_of(model, data[at], data[at + 1]).item() * len(at) for at in starts.split(size))
    model.train()
    return float(total) / count


def draw_curves(history: list[tuple[int, float, float]], path: Path) -> None:
    figure, ax = pyplot.subplots(figsize=(6, 3.5), layout="constrained")
    steps, training, held_out = zip(*history)
    ax.plot(steps, training, marker=".", label="training")
    ax.plot(steps, held_out, marker=".", label="validation")
    ax.set(xlabel="step", ylabel="cross entropy")
    ax.grid(alpha=0.3)
    ax.legend()
    figure.savefig(path, dpi=120)
    pyplot.close(figure)


def draw_attention(model: GPT, tokens: Any, text: str, path: Path) -> None:
    """Which characters (columns) the last layer's heads read at each character (rows)."""
    model.eval()
    with clnet.no_grad():
        x = model.embed(tokens)
        for block in model.blocks[:-1]:
            x = block(x)
        weights = model.blocks[-1].attention(x).numpy()
    figure, axes = pyplot.subplots(1, len(weights), figsize=(3 * len(weights), 3.2), squeeze=False,
                                   layout="constrained")
    for head, (ax, shown) in enumerate(zip(axes[0], weights)):
        ax.imshow(shown, vmin=0)
        ax.set_title(f"head {head + 1}")
        ax.set_xticks(range(len(text)), [repr(c)[1:-1] for c in text], fontsize=5)
        ax.set_yticks(range(len(text)), [repr(c)[1:-1] for c in text], fontsize=5)
    figure.savefig(path, dpi=120)
    pyplot.close(figure)


def parse(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("--text", type=Path, default=LICENCE, metavar="FILE", help="what to learn")
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--context", type=int, default=64, help="characters that it sees")
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--heads", type=int, default=4)
    parser.add_argument("--width", type=int, default=128)
    parser.add_argument("--dropout", type=float, default=0.1)
    parser.add_argument("--lr", type=float, default=2e-3, help="highest learning rate (default %(default)s)")
    parser.add_argument("--sample", type=int, default=400, help="characters to write at the end")
    parser.add_argument("--temperature", type=float, default=0.8)
    parser.add_argument("--every", type=int, default=100, help="steps between validations and checkpoints")
    parser.add_argument("--device", help='such as "cpu", "gpu", "cl:1", "pocl" (see: clnet info)')
    parser.add_argument("--out", type=Path, default=Path("runs/gpt"), metavar="DIR")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--resume", action="store_true", help="go on from the checkpoint in --out")
    parser.add_argument("--smoke", action="store_true", help="a tiny model and few steps, to see that it works")
    args = parser.parse_args(argv)
    if args.smoke:
        args.steps, args.batch_size, args.context, args.layers, args.heads, args.width = 6, 4, 32, 2, 2, 32
        args.sample, args.every = 20, 3
    if args.width % args.heads:
        parser.error("--width must be a multiple of --heads")
    return args


def main(argv: list[str] | None = None) -> int:
    args = parse(argv)
    began = time.perf_counter()
    if args.device:
        clnet.set_default_device(args.device)
    clnet.manual_seed(args.seed)
    text = args.text.read_text(encoding="utf-8", errors="replace")
    alphabet = sorted(set(text))
    number = {c: i for i, c in enumerate(alphabet)}
    data = clnet.tensor([number[c] for c in text])
    border = len(text) - max(int(len(text) * HELD_OUT), args.context + 2)
    if border < args.context + 2:
        raise ValueError(f"{args.text} is too short for a context of {args.context} characters")
    train, held_out = data[:border], data[border:]
    model = GPT(len(alphabet), args)
    matrices = [p for p in model.parameters() if p.ndim > 1]
    vectors = [p for p in model.parameters() if p.ndim < 2]
    optimizer = AdamW([{"params": matrices, "weight_decay": 0.1}, {"params": vectors, "weight_decay": 0.0}],
                      lr=args.lr, betas=(0.9, 0.99))
    warmup = max(args.steps // 20, 1)
    scheduler = LambdaLR(optimizer, lambda step: min(
        (step + 1) / warmup, 0.55 + 0.45 * math.cos(math.pi * min(step / args.steps, 1))))
    args.out.mkdir(parents=True, exist_ok=True)
    checkpoint = Checkpoint(args.out / "gpt.pt", model=model, optimizer=optimizer, scheduler=scheduler)
    progress = (checkpoint.load() if args.resume else None) or {"step": 0, "history": []}
    history = progress["history"]
    model.train()
    total, since = clnet.zeros(()), 0
    with tqdm(total=args.steps, initial=progress["step"], unit="step", mininterval=0.5) as bar:
        for step in range(progress["step"] + 1, args.steps + 1):
            loss = loss_of(model, *draw_batch(train, args.batch_size, args.context))
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            scheduler.step()
            total, since = total + loss.detach(), since + 1
            if step % COUNTED == 0:  # a step that returned is enqueued, not done
                clnet.current_device().synchronize()
                bar.update(step - bar.n)
            if step % args.every == 0 or step == args.steps:
                held = validate(model, held_out, args.context, 8, args.batch_size)
                history.append((step, total.item() / since, held))
                total, since = clnet.zeros(()), 0
                bar.update(step - bar.n)
                bar.set_postfix(loss=f"{history[-1][1]:.3f}", validation=f"{held:.3f}")
                checkpoint.save(step=step, history=history)
    draw_curves(history, args.out / "learning_curve.png")
    start = train[None, :SHOWN]
    draw_attention(model, start, text[:SHOWN], args.out / "attention.png")
    with tqdm(total=args.sample, unit="char", desc="writing") as bar:
        written = model.write(train[None, :1], args.sample, args.temperature, bar)[0].tolist()
    sample = "".join(alphabet[i] for i in written)
    (args.out / "sample.txt").write_text(sample, encoding="utf-8")
    print(sample)
    print(f"validation loss {history[-1][2]:.3f} after {args.steps} steps on {clnet.current_device()}, "
          f"{sum(p.numel() for p in model.parameters()):,} parameters")
    print(f"total time: {time.perf_counter() - began:.1f} s\nresults: {args.out}")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (OSError, ValueError) as error:
        sys.exit(f"gpt.py: {error}")
