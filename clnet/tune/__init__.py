"""Autotuner: measures what planners may choose, and keeps what is best for a device and a problem."""
from .journal import Journal
from .problem import Problem
from .space import Space
from .store import export_entries, import_entries, save_entries
from .strategy import STRATEGIES
from .tuner import Outcome, Record, tune

__all__ = ["STRATEGIES", "Journal", "Outcome", "Problem", "Record", "Space", "export_entries", "import_entries",
           "save_entries", "tune"]
