"""Give the values of the catalogue's facets, and the national facts, their words."""

from __future__ import annotations

from flask_babel import gettext

from . import facts


def facet(name: str) -> str:
    """Return what a facet is called."""
    return gettext(_FACETS.get(name, name))


def value(name: str, facet_name: str = "") -> str:
    """Return the word for a value of a facet; names of formats and tasks may stay as they are."""
    return gettext(_VALUES.get(facet_name, {}).get(name, name))


def client(name: str) -> str:
    """Return what a protocol that files are downloaded by is called."""
    return gettext(_CLIENTS.get(name, name))


def _(message: str) -> str:
    return message


_FACETS = {
    "domain": _("Domain"),
    "openness": _("Openness"),
    "licence": _("Licence"),
    "format": _("Format"),
    "task": _("Task"),
    "organisation": _("Publisher"),
    "class": _("Class"),
    "lang": _("Language"),
}
_VALUES: dict[str, dict[str, str]] = {
    "openness": facts.WORDS["openness"],
    "domain": facts.WORDS["domain"],
    "level": facts.WORDS["data_level"],
    "basis": facts.WORDS["rights_basis"],
    "cycle": facts.WORDS["update_cycle"],
    "licence": {"other": _("Other")},
    "class": facts.WORDS["dataset_class"],
    "format": {
        "parquet": "Parquet",
        "jsonl": "JSONL",
        "coco": "COCO",
        "yolo": "YOLO",
        "voc": "Pascal VOC",
        "conll": "CoNLL",
        "webdataset": "WebDataset",
        "label_studio": "Label Studio",
        "tc609": "TC609-5-2025-02",
    },
    "task": {
        "object-detection": _("Object detection"),
        "image-classification": _("Image classification"),
        "image-segmentation": _("Image segmentation"),
        "text-classification": _("Text classification"),
        "token-classification": _("Entities in texts"),
        "automatic-speech-recognition": _("Speech recognition"),
        "audio-classification": _("Audio classification"),
        "image-to-text": _("Text in pictures"),
        "text-generation": _("Text generation"),
        "question-answering": _("Question answering"),
        "translation": _("Translation"),
        "summarization": _("Summaries"),
    },
    "lang": {"zh": _("Chinese"), "en": _("English")},
}
_CLIENTS = {
    "archive": _("ZIP from the page"),
    "hub": _("Hugging Face clients and plain addresses"),
    "modelscope": _("ModelScope"),
    "ckan": "CKAN",
    "bag": "BagIt",
}
