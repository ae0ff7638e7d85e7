"""Hypothesis profiles, chosen by HYPOTHESIS_PROFILE: dev draws anew at every run, ci is the same run every time, nightly is long."""

import os

from hypothesis import HealthCheck, settings

# deadline=None: a first call may load scipy or compile. too_slow judges the machine, not the code.
COMMON = {"deadline": None, "database": None, "suppress_health_check": [HealthCheck.too_slow]}

settings.register_profile("dev", max_examples=25, **COMMON)
settings.register_profile("ci", max_examples=50, derandomize=True, print_blob=True, **COMMON)
settings.register_profile("nightly", max_examples=2000, print_blob=True, **COMMON)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))
