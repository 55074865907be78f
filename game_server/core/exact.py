"""Arithmetic whose last bit is the same in Python and in JavaScript: what predicted rules may use.

The platforms' own sin, cos, round, % and ** differ between languages or versions. Here are replacements made only of +,
-, * and floor in a fixed order, which IEEE 754 makes the same everywhere. (sqrt and division need no replacement: the
standard requires both to be correctly rounded.) `static/client/exact.js` is made from this file (`make rules`), and
`tests/vectors/exact.json` binds the two.

Knows nothing of games or fields.
"""

from math import floor

PI = 3.141592653589793
TAU = 6.283185307179586

_QUARTERS_PER_RADIAN = 0.6366197723675814
# pi/2 in two parts (fdlibm's pio2_1 and the rest of the double), so that the reduced angle keeps its digits
_QUARTER_HIGH = 1.5707963267341256
_QUARTER_LOW = 6.077100506506192e-11


def sin_cos(angle: float) -> tuple[float, float]:
    """Return (sine, cosine) of an angle in radians, each within 1e-10 for |angle| < 1e5.

    Taylor polynomials of degree 11 and 12 on [-pi/4, pi/4], in Horner form, after reduction by quarter turns.
    """
    quarters = floor(angle * _QUARTERS_PER_RADIAN + 0.5)
    r = angle - quarters * _QUARTER_HIGH - quarters * _QUARTER_LOW
    z = r * r
    sine = r + r * z * (
        -0.16666666666666666
        + z
        * (
            0.008333333333333333
            + z * (-0.0001984126984126984 + z * (2.7557319223985893e-06 + z * -2.505210838544172e-08))
        )
    )
    cosine = 1.0 + z * (
        -0.5
        + z
        * (
            0.041666666666666664
            + z
            * (
                -0.001388888888888889
                + z * (2.48015873015873e-05 + z * (-2.755731922398589e-07 + z * 2.08767569878681e-09))
            )
        )
    )
    quadrant = quarters & 3
    if quadrant == 0:
        return sine, cosine
    if quadrant == 1:
        return cosine, -sine
    if quadrant == 2:
        return -sine, -cosine
    return -cosine, sine


def on_grid(value: float, low: float, step: float, inverse: float, count: int) -> float:
    """Return `value` on the wire grid of a `fixed` field: low + q * step with 0 <= q < count."""
    quantised = floor((value - low) * inverse + 0.5)
    if quantised < 0:
        quantised = 0
    elif quantised >= count:
        quantised = count - 1
    return low + quantised * step


def turn_on_grid(angle: float, step: float, inverse: float, count: int) -> float:
    """Return `angle` on the wire grid of an `angle` field of `count` steps a turn: in [0, 2 pi)."""
    quantised = floor(angle * inverse + 0.5)
    return (quantised - float(count) * floor(quantised / count)) * step
