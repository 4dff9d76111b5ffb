"""Where time and memory go: PyTorch's ``torch.profiler``, and summaries of models."""
from .averages import Averages, EventAverage
from .profile import ProfilerActivity, profile, record_function, supported_activities, tensorboard_trace_handler
from .recorder import AllocRecord, Event, KernelRecord
from .schedule import ProfilerAction, schedule
from .summary import ModuleRow, Summary, summary

__all__ = ["AllocRecord", "Averages", "Event", "EventAverage", "KernelRecord", "ModuleRow", "ProfilerAction",
           "ProfilerActivity", "Summary", "profile", "record_function", "schedule", "summary",
           "supported_activities", "tensorboard_trace_handler"]
