"""Functions over batches of arguments (``vmap``) and functions made of derivatives (``grad``, ``vjp``, …)."""
from .transforms import grad, grad_and_value, hessian, jacfwd, jacrev, jvp, linearize, vjp
from .vmap import stack_module_state, vmap

__all__ = ["grad", "grad_and_value", "hessian", "jacfwd", "jacrev", "jvp", "linearize", "stack_module_state",
           "vjp", "vmap"]
