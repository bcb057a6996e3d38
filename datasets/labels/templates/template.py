"""Say what a template is, and in which groups templates are offered."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from ..parsing import parse
from ..samples import sample_task

SAMPLES = "/static/samples"
# name -> (Chinese, English), in the order of the gallery.
GROUPS: dict[str, tuple[str, str]] = {
    "defects": ("缺陷检测", "Defect inspection"),
    "reading": ("字符与仪表", "Characters and meters"),
    "pictures": ("图片与安全", "Pictures and safety"),
    "text": ("文本与知识", "Texts and knowledge"),
    "corpus": ("大模型语料", "Language model corpora"),
    "sound": ("语音与声音", "Speech and sound"),
    "series": ("时序与视频", "Series and video"),
}


@dataclass(frozen=True)
class Template:
    """A configuration to begin with, titled in Chinese and English.

    `sample` are those data of one task that show it at its best.
    """

    name: str
    group: str
    title_zh: str
    title_en: str
    about_zh: str
    about_en: str
    config: str
    sample: dict[str, Any] = field(default_factory=dict, compare=False)

    @property
    def group_zh(self) -> str:
        """Name the group in Chinese."""
        return GROUPS[self.group][0]

    @property
    def group_en(self) -> str:
        """Name the group in English."""
        return GROUPS[self.group][1]

    @cached_property
    def data(self) -> dict[str, Any]:
        """Make up the data of a whole task."""
        return {**sample_task(parse(self.config)), **self.sample}

    @property
    def image(self) -> str:
        """Say where a picture for the gallery lies."""
        return f"{SAMPLES}/group_{self.group}.svg"
