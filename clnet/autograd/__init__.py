"""Derivatives: recorded graphs, reverse and forward mode, custom functions."""
from .engine import backward, grad
from .function import Function
from .mode import (detect_anomaly, enable_grad, inference_mode, is_anomaly_enabled, no_grad,
                   set_detect_anomaly, set_grad_enabled)

__all__ = ["Function", "backward", "detect_anomaly", "enable_grad", "grad", "inference_mode",
           "is_anomaly_enabled", "no_grad", "set_detect_anomaly", "set_grad_enabled"]
