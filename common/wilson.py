"""Where the true share may lie, given some of it was seen: Wilson's interval.

E. B. Wilson, Probable inference, the law of succession, and statistical inference (1927); good for few and
for shares near 0 and 1, where the textbook's interval is not.
"""

import math

Z = 1.959964  # 95 %


def interval(part: int, whole: int) -> tuple[float, float] | None:
    """Wilson's 95 % interval of a share, between 0 and 1; None for a share of nothing."""
    if not whole:
        return None
    share = part / whole
    middle = share + Z * Z / (2 * whole)
    reach = Z * math.sqrt(share * (1 - share) / whole + Z * Z / (4 * whole * whole))
    widest = 1 + Z * Z / whole
    return max(0.0, (middle - reach) / widest), min(1.0, (middle + reach) / widest)
