"""Judge identity cards, social credit codes and bank cards; python-stdnum has the check digits."""

from __future__ import annotations

import datetime as dt
from functools import lru_cache

from stdnum import luhn
from stdnum.cn import ric, uscc

# The first two digits: provinces as GB/T 2260 codes them.
PROVINCES = dict(
    zip(
        "11 12 13 14 15 21 22 23 31 32 33 34 35 36 37 41 42 43 44 45 46 50 51 52 53 54"
        " 61 62 63 64 65 71 81 82 83".split(),
        "北京 天津 河北 山西 内蒙古 辽宁 吉林 黑龙江 上海 江苏 浙江 安徽 福建 江西 山东 河南 湖北"
        " 湖南 广东 广西 海南 重庆 四川 贵州 云南 西藏 陕西 甘肃 青海 宁夏 新疆 台湾 香港 澳门"
        " 台湾".split(),
        strict=True,
    )
)
# GB 32100-2015: no I, O, S, V, Z.
USCC_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
# Registering department, and kind of organisation: what the first two characters may be.
_USCC_KINDS = frozenset(
    "11 12 13 19 21 29 31 32 33 34 35 39 41 49 51 52 53 54 59 61 62 69 71 72 79 81 89 91 92 93"
    " A1 A9 N1 N2 N3 N9 Y1".split()
)
# GB 11714-1997.
_ORGANISATION_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)


def id_digit(number: str) -> str:
    """Return the check digit of the first 17 digits of an identity card number (GB 11643)."""
    return ric.calc_check_digit(number[:17] + "0")


def is_id(number: str) -> bool:
    """Tell whether 18 characters are an identity card number: province, date, check digit."""
    return (
        number[:2] in PROVINCES
        and _is_birthday(number[6:14])
        and number[14:17] != "000"
        and number[17] == id_digit(number)
    )


def is_foreign_id(number: str) -> bool:
    """Tell whether 18 characters are of a foreigner's permanent residence card, as since 2023.

    A 9, province and country (ISO 3166-1) in two and three digits; then as identity cards have it.
    """
    return (
        number[0] == "9"
        and number[1:3] in PROVINCES
        and number[3:6] not in ("000", "156")
        and _is_birthday(number[6:14])
        and number[14:17] != "000"
        and number[17] == id_digit(number)
    )


def is_old_id(number: str) -> bool:
    """Tell whether 15 digits may be an identity card number of before 1999."""
    return number[:2] in PROVINCES and _is_birthday("19" + number[6:12]) and number[12:] != "000"


def _is_birthday(date: str) -> bool:
    if not "1880" <= date[:4] <= "2099":
        return False
    try:
        day = dt.date(int(date[:4]), int(date[4:6]), int(date[6:]))
    except ValueError:
        return False
    return day <= _today()


@lru_cache(maxsize=1)
def _today() -> dt.date:
    # Once a process is enough, and a search should depend on its text alone; a day more
    # allows for time zones.
    return dt.datetime.now(dt.UTC).date() + dt.timedelta(days=1)


def uscc_digit(number: str) -> str:
    """Return the check character of the first 17 characters of a social credit code."""
    return uscc.calc_check_digit(number)


def organisation_digit(code: str) -> str:
    """Return the check character of the first 8 characters of an organisation code."""
    total = sum(
        _USCC_ORDINALS[letter] * weight
        for letter, weight in zip(code, _ORGANISATION_WEIGHTS, strict=False)
    )
    rest = 11 - total % 11
    return "X" if rest == 10 else "0" if rest == 11 else str(rest)


_USCC_ORDINALS = {
    letter: value for value, letter in enumerate("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ")
}


def is_uscc(number: str) -> bool:
    """Tell whether 18 characters are a social credit code, with the organisation code in it."""
    return (
        number[:2] in _USCC_KINDS
        and number[2:8].isdigit()
        and (number[2:4] in PROVINCES or number[2:8] == "100000")
        and all(letter in USCC_ALPHABET for letter in number)
        and number[16] == organisation_digit(number[8:16])
        and number[17] == uscc_digit(number)
    )


def luhn_digit(number: str) -> str:
    """Return the check digit that ISO/IEC 7812-1 puts behind these digits."""
    return luhn.calc_check_digit(number)


# ISO/IEC 7812-1: every second digit from the right counts twice, by the sum of its digits.
_TWICE = str.maketrans("0123456789", "0246813579")


def is_luhn(number: str) -> bool:
    """Tell whether the last of these ASCII digits is the check digit of those before it.

    This is asked of every long run of digits: python-stdnum, which the tests hold it against,
    takes several times as long.
    """
    return (
        sum(map(int, number[-1::-2])) + sum(map(int, number[-2::-2].translate(_TWICE)))
    ) % 10 == 0
