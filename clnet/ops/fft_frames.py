"""Short-time Fourier transforms: spectra of overlapping windows of a signal, and back."""
from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from .comparison import copy
from .complex import real, view_as_real
from .declare import composite
from .fft import fft, ifft, irfft, rfft
from .pad import pad
from .scatter import index_add
from .strided import unfold
from .view import expand, narrow, permute, reshape, squeeze, unsqueeze


def _check_window(name: str, n_fft: int, window: Any, win_length: int) -> None:
    if not 0 < win_length <= n_fft:
        raise RuntimeError(f"{name}(n_fft={n_fft}, win_length={win_length}): expected 0 < win_length <= n_fft, but "
                           f"got win_length={win_length}")
    if window is not None and (window.ndim != 1 or window.shape[0] != win_length):
        raise RuntimeError(f"{name}: expected a 1D window tensor of size equal to win_length={win_length}, but got "
                           f"window with size {list(window.shape)}")


def _centred(window: Any, n_fft: int) -> Any:
    """The window with zeros on both sides up to the length of a frame."""
    missing = n_fft - window.shape[0]
    return pad(window, (missing // 2, missing - missing // 2)) if missing else window


def _stft_samples() -> Any:
    rng = np.random.default_rng(3)
    window = rng.uniform(0.5, 1.5, 6)
    yield (rng.uniform(-1, 1, (2, 20)), 8), {"hop_length": 3, "win_length": 6, "window": window, "return_complex": True}
    yield (rng.uniform(-1, 1, 16), 7), {"center": False, "normalized": True, "onesided": False,
                                        "return_complex": True}


def _np_stft(x: Any, n_fft: int, hop_length: Any = None, win_length: Any = None, window: Any = None,
             center: bool = True, normalized: bool = False, onesided: bool = True, return_complex: bool = True) -> Any:
    hop, length = hop_length or n_fft // 4, win_length or n_fft
    held = np.zeros(n_fft)
    held[(n_fft - length) // 2:][:length] = 1 if window is None else window
    if center:
        x = np.pad(x, [(0, 0)] * (x.ndim - 1) + [(n_fft // 2, n_fft // 2)], mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(x, n_fft, -1)[..., ::hop, :] * held
    spectra = (np.fft.rfft if onesided else np.fft.fft)(frames, axis=-1, norm="ortho" if normalized else None)
    return np.swapaxes(spectra, -1, -2)


@composite("fft", samples=_stft_samples, reference=_np_stft)
def stft(input: Any, n_fft: int, hop_length: int | None = None, win_length: int | None = None, window: Any = None,
         center: bool = True, pad_mode: str = "reflect", normalized: bool = False, onesided: bool | None = None,
         return_complex: bool | None = None, align_to_window: bool | None = None) -> Any:
    """The Fourier transforms of windows of a signal: (..., L) gives (..., frequencies, frames).

    Args:
        n_fft: size of a frame; hop_length: distance of frames (n_fft // 4 by default).
        window: factors of a frame's elements, (win_length,); zeros on both sides fill up a frame.
        center: frame t is centred at t * hop_length; the signal is padded in ``pad_mode``.
        normalized: divide by the root of n_fft.
        onesided: only the first n_fft // 2 + 1 frequencies (the default for real signals).
        return_complex: complex results; else reals with a last dimension of two (deprecated).
        align_to_window: without ``center``, the first frame's window starts at the signal.

    Raises:
        RuntimeError: a signal of other than one or two dimensions or too short, sizes that don't fit.
    """
    hop = n_fft // 4 if hop_length is None else hop_length
    length = n_fft if win_length is None else win_length
    has_complex = input.dtype.is_complex or (window is not None and window.dtype.is_complex)
    if return_complex is None and not has_complex:
        raise RuntimeError("stft requires the return_complex parameter be given for real inputs, and will further "
                           "require that return_complex=True in a future PyTorch release.")
    if return_complex is False:
        warnings.warn("stft with return_complex=False is deprecated. In a future pytorch release, stft will return "
                      "complex tensors for all inputs, and return_complex=False will raise an error.", UserWarning,
                      stacklevel=2)
    if not input.dtype.is_inexact:
        raise RuntimeError("stft expected a tensor of floating point or complex values")
    if input.ndim not in (1, 2):
        raise RuntimeError(f"stft expected a 1D or 2D tensor, but got {input.ndim}D")
    if center and align_to_window is not None:
        raise RuntimeError("stft align_to_window should only be set when center = false")
    x = input if input.ndim == 2 else unsqueeze(input, 0)
    if center:
        amount = n_fft // 2
        x = squeeze(pad(unsqueeze(x, 1), (amount, amount), pad_mode), 1)
    if not 0 < n_fft <= x.shape[1]:
        raise RuntimeError(f"stft input size {list(input.shape)}: expected 0 < n_fft < {x.shape[1]}, but got "
                           f"n_fft={n_fft}")
    if hop <= 0:
        raise RuntimeError(f"stft: expected hop_length > 0, but got hop_length={hop}")
    _check_window("stft", n_fft, window, length)
    if has_complex and onesided:
        raise RuntimeError("Cannot have onesided output if window or input is complex")
    half = not has_complex if onesided is None else onesided
    first = (n_fft - length) // 2
    if align_to_window and not center and first:
        x = pad(x, (first, n_fft - length - first))
    frames = unfold(x, -1, n_fft, hop)
    if window is not None:
        frames = frames * _centred(window, n_fft)
    elif length < n_fft:
        frames = frames * _centred(input.new_ones((length,)), n_fft)
    norm = "ortho" if normalized else None
    spectra = rfft(frames, norm=norm) if half else fft(frames, norm=norm)
    result = permute(spectra, (0, 2, 1))
    result = result if input.ndim == 2 else squeeze(result, 0)
    return view_as_real(result) if return_complex is False else result


def _istft_samples() -> Any:
    rng = np.random.default_rng(4)
    spectra = rng.uniform(-1, 1, (2, 5, 6)) + 1j * rng.uniform(-1, 1, (2, 5, 6))
    yield (spectra, 8), {"hop_length": 2}
    yield (spectra[0], 8), {"hop_length": 3, "normalized": True, "length": 14}


def _np_istft(x: Any, n_fft: int, hop_length: int, window: Any = None, normalized: bool = False,
              length: int | None = None) -> Any:
    frames = np.fft.irfft(np.swapaxes(x, -1, -2), n_fft, axis=-1, norm="ortho" if normalized else None)
    held = np.ones(n_fft) if window is None else window
    count = frames.shape[-2]
    total = np.zeros((*frames.shape[:-2], n_fft + hop_length * (count - 1)))
    weight = np.zeros(total.shape[-1])
    for t in range(count):
        total[..., t * hop_length:][..., :n_fft] += frames[..., t, :] * held
        weight[t * hop_length:][:n_fft] += held ** 2
    end = total.shape[-1] - n_fft // 2 if length is None else n_fft // 2 + length
    return (total / np.where(weight == 0, 1, weight))[..., n_fft // 2:end]


def _overlapped(frames: Any, hop: int) -> Any:
    """Frames (batch, count, n) added up at their places in a signal (batch, n + hop * (count - 1))."""
    batch, count, n = frames.shape
    starts = unsqueeze(frames.new_range(count) * hop, 1)
    places = reshape(starts + frames.new_range(n), (count * n,))
    signal = frames.new_zeros((batch, n + hop * (count - 1)))
    return index_add(signal, 1, places, reshape(frames, (batch, count * n)))


@composite("fft", samples=_istft_samples, reference=_np_istft)
def istft(input: Any, n_fft: int, hop_length: int | None = None, win_length: int | None = None, window: Any = None,
          center: bool = True, normalized: bool = False, onesided: bool | None = None, length: int | None = None,
          return_complex: bool = False) -> Any:
    """The signal whose ``stft`` comes closest: (..., frequencies, frames) complex gives (..., L).

    Args:
        n_fft, hop_length, win_length, window, center, normalized, onesided: as they were given to ``stft``.
        length: of the signal, which is cut or padded with zeros.
        return_complex: the signal is complex; needs all frequencies.

    Raises:
        RuntimeError: shapes and sizes that don't fit, or windows that leave gaps between frames.
    """
    hop = n_fft // 4 if hop_length is None else hop_length
    size = n_fft if win_length is None else win_length
    if not input.dtype.is_complex:
        raise RuntimeError("istft requires a complex-valued input tensor matching the output from stft with "
                           "return_complex=True.")
    if input.ndim not in (2, 3):
        raise RuntimeError(f"istft: expected a tensor with 2 or 3 dimensions, but got {input.ndim}")
    if not input.numel():
        raise RuntimeError("istft: input tensor cannot be empty.")
    x = input if input.ndim == 3 else unsqueeze(input, 0)
    half = (x.shape[1] != n_fft) if onesided is None else onesided
    expected = n_fft // 2 + 1 if half else n_fft
    if x.shape[1] != expected:
        raise RuntimeError(f"istft: expected the frequency dimension (3rd to the last) of the input tensor to match "
                           f"n_fft / 2 + 1 when onesided=True, and n_fft when onesided=False, but got {x.shape[1]}")
    if not 0 < hop <= size:
        raise RuntimeError(f"istft: expected 0 < hop_length <= win_length, but got hop_length={hop}")
    _check_window("istft", n_fft, window, size)
    if return_complex and half:
        raise RuntimeError("cannot have onesided output if window or input is complex")
    if window is not None and window.dtype.is_complex and not return_complex:
        raise RuntimeError("Complex windows are incompatible with return_complex=False")
    norm = "ortho" if normalized else None
    spectra = permute(x, (0, 2, 1))
    if half:
        frames = irfft(spectra, n_fft, norm=norm)
    else:
        frames = ifft(spectra, norm=norm)
        frames = frames if return_complex else real(frames)
    kind = input.dtype.to_real()
    held = input.new_ones((size,), dtype=kind) if window is None else window
    held = _centred(held if held.dtype.is_inexact else copy(held, dtype=kind), n_fft)
    signal = _overlapped(frames * held, hop)
    squares = expand(unsqueeze(held * held, 0), (x.shape[2], n_fft))
    weight = _overlapped(unsqueeze(squares, 0), hop)
    start = n_fft // 2 if center else 0
    total = signal.shape[1]
    end = start + length if length is not None else total - start if center else total
    kept = min(end, total) - start
    signal, weight = narrow(signal, 1, start, kept), narrow(weight, 1, start, kept)
    if bool((weight.detach().abs() < 1e-11).any()):
        raise RuntimeError("istft(...) window overlap add min: the window leaves samples of the signal uncovered "
                           "(NOLA condition)")
    signal = signal / weight
    if end > total:
        warnings.warn("The length of signal is shorter than the length parameter. Result is being padded with zeros "
                      "in the tail. Please check your center and hop_length settings", UserWarning, stacklevel=2)
        signal = pad(signal, (0, end - total))
    return signal if input.ndim == 3 else squeeze(signal, 0)
