"""Several hosts on one machine, with real ssh, ZFS, Docker and PostgreSQL. `labkit.bring_up` is the way
in for Python; `lab/lab` is the same on the command line."""

from .api import RunningHost, RunningLab, bring_up, bring_up_anew, open_lab  # noqa: F401
from .run import LabError  # noqa: F401
