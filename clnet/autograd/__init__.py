"""Derivatives: recorded graphs, reverse and forward mode, custom functions."""
from . import checkpoint, forward_ad, functional
from .engine import backward, grad
from .function import Function
from .gradcheck import GradcheckError, gradcheck, gradgradcheck
from .inference import inference_mode
from .mode import detect_anomaly, enable_grad, is_anomaly_enabled, no_grad, set_detect_anomaly, set_grad_enabled

__all__ = ["Function", "GradcheckError", "backward", "checkpoint", "detect_anomaly", "enable_grad", "forward_ad",
           "functional", "grad", "gradcheck", "gradgradcheck", "inference_mode", "is_anomaly_enabled",
           "no_grad", "set_detect_anomaly", "set_grad_enabled"]
