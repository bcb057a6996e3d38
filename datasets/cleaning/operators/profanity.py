"""Leave out texts with abusive and obscene words, by a list that comes with the platform.

The list holds words that hardly stand for anything else: a corpus loses no text about hybrid
crops, veterinary medicine or a mother's things. What is only coarse is apart, since novels and
chats are full of it. Whoever needs more gives words, whoever needs less leaves some out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from ...errors import _
from .contract import SAME, Operator, Option, Outcome, Record
from .filters import searcher

# Written for this project; homophones and abbreviations that are used for them stand beside.
STRONG = tuple(
    "操你妈 操你大爷 操他妈 草泥马 艹你 肏 日你妈 日你娘 干你娘 干你妈 去你妈的 你妈逼 你妈比 "
    "妈了个逼 妈逼 马勒戈壁 玛勒戈壁 傻逼 傻屄 傻比东西 煞笔东西 狗日的 狗娘养 狗杂种 婊子 臭婊 "
    "贱人 贱货 骚货 骚逼 荡妇 鸡巴 屄 屌你 王八蛋 龟孙子 死全家 全家死光 断子绝孙 操逼 艹逼 约炮 "
    "乳交 肛交 轮奸你 强奸你 裸聊".split()
)
# Some of them are also said without malice, or mean what they say: “他妈的身体”.
COARSE = tuple(
    "他妈的 你他妈 卧槽 我操 我艹 窝草 牛逼 牛屄 装逼 逼样 苦逼 屌丝 放你的屁 放狗屁 狗屁不通 "
    "滚蛋 滚犊子 混蛋 混账东西 操蛋 扯淡 老不死 死鬼 去死吧 窝囊废 "
    "脑残 白痴 蠢货 蠢猪 猪脑子 变态狂".split()
)
# Latin words stand alone: nobody means the middle of “Scunthorpe” or “classes”.
STRONG_LATIN = tuple(
    "fuck fucks fucked fucker fuckers fucking fuckin motherfucker motherfuckers motherfucking "
    "cunt cunts asshole assholes arsehole arseholes bitch bitches sonofabitch cocksucker "
    "cocksuckers dickhead dickheads wanker wankers whore whores slut sluts blowjob blowjobs "
    "bukkake nmsl cnmb wcnm rnmb".split()
)
COARSE_LATIN = tuple(
    "shit shits shitty bullshit crap crappy bastard bastards piss pissed damn goddamn wtf stfu "
    "bollocks tmd nmd".split()
)


@lru_cache(maxsize=32)
def _looking(
    which: str, more: tuple[str, ...], without: tuple[str, ...]
) -> tuple[re.Pattern[str] | None, re.Pattern[str] | None]:
    """Return what finds words without spaces between them, and what finds those that stand alone.

    The words that people give are of the first kind where they are no Latin letters.
    """
    words = set(STRONG if which == "strong" else STRONG + COARSE)
    latin = set(STRONG_LATIN if which == "strong" else STRONG_LATIN + COARSE_LATIN)
    for word in more:
        (latin if word.isascii() else words).add(word.lower())
    left_out = {word.lower() for word in without}
    words, latin = words - left_out, latin - left_out
    alone = "|".join(sorted(map(re.escape, latin)))
    return (
        searcher(tuple(sorted(words)), True) if words else None,
        re.compile(rf"(?<![a-z0-9])(?:{alone})(?![a-z0-9])", re.IGNORECASE) if latin else None,
    )


def _hits(text: str, looking: Sequence[re.Pattern[str] | None], enough: int) -> int:
    hits = 0
    for pattern in looking:
        for _found in pattern.finditer(text) if pattern else ():
            hits += 1
            if hits >= enough:
                return hits
    return hits


def _filter_profanity(records: Sequence[Record], options: Mapping[str, Any]) -> list[Outcome]:
    looking = _looking(options["which"], tuple(options["words"]), tuple(options["without"]))
    least, dropped = options["least"], Outcome(reason="profanity")
    return [
        dropped if _hits(record.text or "", looking, least) >= least else SAME for record in records
    ]


FILTER_PROFANITY = Operator(
    name="text.filter_profanity",
    version=1,
    kind="text",
    title=_("Abusive and obscene words"),
    does="drop",
    apply=_filter_profanity,
    options=(
        Option(
            "which",
            "choice",
            "strong",
            _("Which words: strong ones, or coarse ones too"),
            choices=("strong", "all"),
        ),
        Option("words", "words", [], _("Further words")),
        Option("without", "words", [], _("Words of the list to pass by")),
        Option("least", "whole", 1, _("From so many hits on"), least=1, most=1000),
    ),
    reasons={"profanity": _("contains abusive or obscene words")},
)
