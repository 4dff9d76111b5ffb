"""Special functions under PyTorch's path ``torch.special``."""
from .tensor import exported

# Names here that are functions of the top level: name -> the function's name there.
_TOP_LEVEL = {
    "digamma": "digamma", "psi": "digamma", "gammaln": "lgamma", "polygamma": "polygamma",
    "multigammaln": "mvlgamma", "gammainc": "igamma", "gammaincc": "igammac", "erf": "erf", "erfc": "erfc",
    "erfinv": "erfinv", "i0": "i0", "expit": "sigmoid", "logit": "logit", "sinc": "sinc", "xlogy": "xlogy",
    "exp2": "exp2", "expm1": "expm1", "log1p": "log1p", "round": "round", "logsumexp": "logsumexp",
    "softmax": "softmax", "log_softmax": "log_softmax",
}
_functions = exported()
globals().update({name: _functions[top] for name, top in _TOP_LEVEL.items()})
globals().update(exported("special"))
