"""Know units of measurement as people write them behind numbers: what they measure, and how much.

Factors to the first unit of each quantity: SI brochure, 9th edition; inch 25.4 mm, psi 6894.757 Pa,
bar 100 kPa. Temperatures have an offset as well.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Unit:
    """A unit: its usual sign, the quantity, and value · factor + offset in the first unit."""

    sign: str
    quantity: str
    factor: float
    offset: float = 0.0


_TABLE: dict[str, tuple[tuple[str, float, str], ...]] = {
    "length": (
        *(("m", 1.0, "米"), ("μm", 1e-6, "um µm 微米"), ("mm", 1e-3, "毫米"), ("cm", 1e-2, "厘米")),
        *(("dm", 0.1, "分米"), ("km", 1e3, "千米 公里"), ("in", 0.0254, "inch 英寸")),
    ),
    "mass": (
        *(("kg", 1.0, "千克 公斤"), ("mg", 1e-6, "毫克"), ("g", 1e-3, "克"), ("t", 1e3, "吨")),
    ),
    "pressure": (
        *(("Pa", 1.0, "帕"), ("kPa", 1e3, "千帕"), ("MPa", 1e6, "兆帕"), ("bar", 1e5, "巴")),
        ("psi", 6894.757, ""),
    ),
    "share": (("%", 0.01, "％"), ("‰", 1e-3, ""), ("ppm", 1e-6, "")),
    "time": (
        *(("s", 1.0, "秒 sec"), ("ms", 1e-3, "毫秒"), ("min", 60.0, "分钟"), ("h", 3600.0, "小时")),
    ),
    "speed": (("m/s", 1.0, "米/秒"), ("km/h", 1 / 3.6, "公里/小时"), ("mm/s", 1e-3, "")),
    "turning": (("r/min", 1.0, "rpm 转/分"), ("r/s", 60.0, "")),
    "voltage": (("V", 1.0, "伏"), ("mV", 1e-3, ""), ("kV", 1e3, "千伏")),
    "current": (("A", 1.0, "安"), ("mA", 1e-3, "毫安")),
    "power": (("W", 1.0, "瓦"), ("kW", 1e3, "千瓦"), ("MW", 1e6, "兆瓦")),
    "energy": (("J", 1.0, "焦"), ("kJ", 1e3, ""), ("kWh", 3.6e6, "度 千瓦时")),
    "volume": (("L", 1.0, "l 升"), ("mL", 1e-3, "ml 毫升"), ("m³", 1e3, "m3 立方米")),
    "frequency": (("Hz", 1.0, "赫兹"), ("kHz", 1e3, ""), ("MHz", 1e6, "")),
}
UNITS: dict[str, Unit] = {
    spelt: Unit(sign, quantity, factor)
    for quantity, rows in _TABLE.items()
    for sign, factor, others in rows
    for spelt in (sign, *others.split())
}
UNITS |= {spelt: Unit("℃", "temperature", 1.0) for spelt in ("℃", "°C", "摄氏度")}
UNITS |= {spelt: Unit("℉", "temperature", 5 / 9, -160 / 9) for spelt in ("℉", "°F", "华氏度")}
UNITS |= {"K": Unit("K", "temperature", 1.0, -273.15)}

NUMBER = r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?"
SPELT = "|".join(re.escape(spelt) for spelt in sorted(UNITS, key=len, reverse=True))
# For arrow's and Python's regular expressions alike.
WITH_UNIT = rf"^\s*(?P<number>{NUMBER})\s*(?P<unit>{SPELT})\s*$"
_IN_NAME = re.compile(rf"[(（\[/]\s*({SPELT})\s*[)）\]]?\s*$")


def named(column: str) -> Unit | None:
    """Return the unit that a column's name ends with, as in 长度(mm)."""
    found = _IN_NAME.search(column)
    return UNITS[found[1]] if found else None


def converted(value: float, one: Unit, other: Unit) -> float:
    """Return a value in another unit of the same quantity."""
    return (value * one.factor + one.offset - other.offset) / other.factor
