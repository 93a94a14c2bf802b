"""dcmon measures what a data centre promises: it polls, judges, proves and pages."""

__version__ = "0.1.0"
