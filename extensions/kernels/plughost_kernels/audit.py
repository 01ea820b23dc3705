"""Who did what to which kernel, for whoever keeps that: nothing of code or outputs."""

import logging

audit = logging.getLogger("plughost.audit")
