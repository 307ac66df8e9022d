"""Results in plain sentences, one module for each subject."""

from gmm_core.formatting import count
from gmm_core.words.segments import Segment

__all__ = ["Segment", "count"]
