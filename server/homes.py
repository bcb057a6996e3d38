"""Give what is known of organisations its words: kinds, sections of industry, districts."""

from __future__ import annotations

import flask
from flask_babel import gettext


def register(app: flask.Flask) -> None:
    """Make the words known to the templates."""
    app.jinja_env.filters.update(home_kind=home_kind, industry=industry, district=district)
    app.jinja_env.globals.update(districts=DISTRICTS, industries=[*INDUSTRIES])


def home_kind(value: str) -> str:
    """Return the words for what an organisation is there for."""
    return gettext(KINDS.get(value, value))


def industry(value: str) -> str:
    """Return the section of GB/T 4754-2017 behind its letter."""
    return f"{value} {gettext(INDUSTRIES[value])}" if value in INDUSTRIES else "—"


def district(value: str) -> str:
    """Return the name of a district of the city, the digits of any other place."""
    return gettext(DISTRICTS.get(value, value)) if value else "—"


def _(message: str) -> str:
    return message


KINDS = {
    "": _("Not said yet"),
    "requester": _("Requester"),
    "vendor": _("Annotation company"),
    "builder": _("Model builder"),
    "bureau": _("Bureau"),
    "platform": _("Platform"),
}
INDUSTRIES = {
    "A": _("Agriculture, forestry, animal husbandry and fishery"),
    "B": _("Mining"),
    "C": _("Manufacturing"),
    "D": _("Electricity, heat, gas and water"),
    "E": _("Construction"),
    "F": _("Wholesale and retail"),
    "G": _("Transport, storage and post"),
    "H": _("Hotels and catering"),
    "I": _("Information transmission, software and information technology"),
    "J": _("Finance"),
    "K": _("Real estate"),
    "L": _("Leasing and business services"),
    "M": _("Scientific research and technical services"),
    "N": _("Water, environment and public facilities"),
    "O": _("Services to households, repair and other services"),
    "P": _("Education"),
    "Q": _("Health and social work"),
    "R": _("Culture, sports and entertainment"),
    "S": _("Public administration, social security and organisations"),
    "T": _("International organisations"),
}
# The districts of Tianjin by GB/T 2260.
DISTRICTS = {
    "120101": _("Heping"),
    "120102": _("Hedong"),
    "120103": _("Hexi"),
    "120104": _("Nankai"),
    "120105": _("Hebei District"),
    "120106": _("Hongqiao"),
    "120110": _("Dongli"),
    "120111": _("Xiqing"),
    "120112": _("Jinnan"),
    "120113": _("Beichen"),
    "120114": _("Wuqing"),
    "120115": _("Baodi"),
    "120116": _("Binhai New Area"),
    "120117": _("Ninghe"),
    "120118": _("Jinghai"),
    "120119": _("Jizhou"),
}
