"""Smoke runs of the examples: each works, prints what it reached, and leaves its pictures and samples."""
from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

import clnet

EXAMPLES = Path(__file__).parents[2] / "examples"

pytest.importorskip("matplotlib")
pytest.importorskip("sklearn")

# What each prints, and the files it leaves.
RESULTS = {
    "gpt": (r"validation loss \d+\.\d+ after 6 steps", ("learning_curve.png", "attention.png", "sample.txt", "gpt.pt")),
    "vae": (r"test bound \d+\.\d+ nats", ("digits.png", "vae.pt")),
    "pinn": (r"relative error \d+\.\d+% after 10 steps", ("solution.png",)),
    "reinforce": (r"poles stand \d+\.\d of 200 steps", ("balance.png",)),
    "dcgan": (r"losses \d+\.\d+ \(generator\)", ("drawn.png", "losses.png", "generator.pt")),
    "resnet": (r"test accuracy \d+\.\d+% of 18 images", ("learning_curve.png", "images.png", "resnet.pt")),
    "finetune": (r"fine-tuned, .* new: head.weight, head.bias", ("accuracy.png", "base.pt", "finetuned.pt")),
    "lstm": (r"test accuracy \d+\.\d% of 16 waves", ("waves.png",)),
}


def _load(name):
    spec = importlib.util.spec_from_file_location(f"{name}_example", EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", RESULTS)
def test_smoke(name, tmp_path, capsys):
    assert _load(name).main(["--smoke", "--out", str(tmp_path)]) == 0
    reached, files = RESULTS[name]
    assert re.search(reached, capsys.readouterr().out)
    for file in files:
        content = (tmp_path / file).read_bytes()
        assert content and (not file.endswith(".png") or content.startswith(b"\x89PNG"))


def test_every_example_is_tested():
    assert {path.stem for path in EXAMPLES.glob("*.py")} == {*RESULTS, "digits"}


def test_gpt_learns_any_text_and_resumes(tmp_path):
    gpt = _load("gpt")
    text = tmp_path / "text.txt"
    text.write_text("abcde " * 100)
    whole, parts = str(tmp_path / "whole"), str(tmp_path / "parts")
    options = ["--smoke", "--text", str(text), "--out"]
    gpt.main([*options, whole])
    save, saved = gpt.Checkpoint.save, []

    def interrupted(self, **progress):
        save(self, **progress)
        saved.append(progress["step"])
        raise KeyboardInterrupt

    gpt.Checkpoint.save = interrupted
    try:
        with pytest.raises(KeyboardInterrupt):
            gpt.main([*options, parts])
    finally:
        gpt.Checkpoint.save = save
    assert saved == [3]
    gpt.main([*options, parts, "--resume"])
    models = [clnet.load(f"{folder}/gpt.pt")["objects"]["model"] for folder in (whole, parts)]
    for key, value in models[0].items():
        assert value.tolist() == models[1][key].tolist(), key
    assert (tmp_path / "whole" / "sample.txt").read_text() == (tmp_path / "parts" / "sample.txt").read_text()
    text.write_text("short")
    with pytest.raises(ValueError, match="too short"):
        gpt.main([*options, whole])


def test_finetune_starts_from_files_and_names_bad_ones(tmp_path):
    finetune = _load("finetune")
    model = finetune.build_network(4, 7)
    clnet.save(dict(model.state_dict()), tmp_path / "given.safetensors")
    options = ["--smoke", "--out", str(tmp_path), "--weights"]
    assert finetune.main([*options, str(tmp_path / "given.safetensors")]) == 0
    for name, content in (("other", {"weight": clnet.ones(2)}), ("list", [clnet.ones(2)])):
        clnet.save(content, tmp_path / f"{name}.pt")
        with pytest.raises(ValueError, match=f"{name}.pt can't be used"):
            finetune.main([*options, str(tmp_path / f"{name}.pt")])


def test_resnet_reads_cifars_files(tmp_path):
    resnet = _load("resnet")
    images, labels = resnet.make_stripes(24, 0)
    records = b"".join(bytes([label]) + (image * 255).astype("uint8").tobytes()
                       for image, label in zip(images, labels))
    for name in ("data_batch_1.bin", "test_batch.bin"):
        (tmp_path / name).write_bytes(records)
    read, found = resnet.read_cifar(tmp_path, "data_batch_*.bin")
    assert found.tolist() == labels.tolist() and abs(read - images).max() <= 1 / 255
    (tmp_path / "test_batch.bin").write_bytes(records[:-1])
    with pytest.raises(ValueError, match="test_batch.bin"):
        resnet.main(["--smoke", "--data", str(tmp_path), "--out", str(tmp_path / "out")])
    with pytest.raises(FileNotFoundError, match="data_batch"):
        resnet.main(["--smoke", "--data", str(tmp_path / "out")])
