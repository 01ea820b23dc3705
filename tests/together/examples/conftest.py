"""The examples are found as if they were installed."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent))
