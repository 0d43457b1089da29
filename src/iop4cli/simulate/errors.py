"""The errors of the simulator."""


class SimulationError(ValueError):
    """A night that cannot be simulated as asked; the message says why."""
