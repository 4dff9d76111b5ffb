"""``python -m clnet`` is the command ``clnet``."""
from .cli import main

raise SystemExit(main())
