"""Models that pre-label, one file each: fit, predict, card."""

from __future__ import annotations

from .few_shot_brush import FewShotBrush
from .golden_difference import GoldenDifference
from .image_classes import ImageClasses
from .interface import Model
from .language_model import LanguageModel
from .ocr import Ocr
from .onnx_model import OnnxModel
from .open_inference import OpenInference, OpenInferenceText
from .sequence_tagger import SequenceTagger
from .speech_segments import SpeechSegments
from .text_classifier import TextClassifier

MODELS: dict[str, Model] = {
    model.name: model
    for model in (
        GoldenDifference(),
        FewShotBrush(),
        ImageClasses(),
        Ocr(),
        SpeechSegments(),
        SequenceTagger(),
        TextClassifier(),
        OnnxModel(),
        OpenInference(),
        OpenInferenceText(),
        LanguageModel(),
        LanguageModel(sees=True),
    )
}
