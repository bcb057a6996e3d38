"""Groups stay whole, shares are kept, labels are spread, and chance plays no part."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jinbiao.datasets import splits
from jinbiao.datasets.errors import Invalid
from jinbiao.datasets.splits import DEFAULT_FRACTIONS, SPLITS, assign

Groups = dict[str, dict[str, int]]
THIRDS = {"train": 0.34, "validation": 0.33, "test": 0.33}
WITHOUT_VALIDATION = {"train": 0.8, "validation": 0.0, "test": 0.2}

names = st.text("abc甲乙/ ", min_size=1, max_size=6)
counts = st.fixed_dictionaries(
    {"": st.integers(1, 20)},
    optional={label: st.integers(0, 9) for label in ("open", "short", "spur")},
)
any_groups = st.dictionaries(names, counts, max_size=40)
any_fractions = st.sampled_from([DEFAULT_FRACTIONS, THIRDS, WITHOUT_VALIDATION, {"train": 1.0}])


def records(chosen: Mapping[str, str], groups: Groups) -> dict[str, int]:
    """Count the records of each split."""
    found = dict.fromkeys(SPLITS, 0)
    for name, split in chosen.items():
        found[split] += groups[name][""]
    return found


@given(st.integers(0, 2**31 - 1), any_fractions, any_groups)
def test_every_group_is_in_one_split_with_a_share(
    seed: int, fractions: dict[str, float], groups: Groups
) -> None:
    chosen = assign(seed, fractions, groups)
    assert set(chosen) == set(groups)
    assert all(fractions.get(split, 0) > 0 for split in chosen.values())


@given(st.integers(0, 1000), any_fractions, any_groups, st.randoms(use_true_random=False))
def test_the_order_of_the_input_is_irrelevant(
    seed: int, fractions: dict[str, float], groups: Groups, chance: random.Random
) -> None:
    shuffled = list(groups.items())
    chance.shuffle(shuffled)
    turned = {name: dict(reversed(found.items())) for name, found in shuffled}
    assert assign(seed, fractions, turned) == assign(seed, fractions, groups)


@given(st.integers(0, 1000), any_fractions, any_groups)
def test_no_split_with_a_share_stays_empty_when_there_are_groups_enough(
    seed: int, fractions: dict[str, float], groups: Groups
) -> None:
    wanted = {name for name in SPLITS if fractions.get(name, 0) > 0}
    found = set(assign(seed, fractions, groups).values())
    assert len(found) == min(len(wanted), len(groups))


@settings(deadline=None)
@given(
    st.integers(0, 1000),
    any_fractions,
    st.integers(1, 12),
    st.lists(st.dictionaries(st.sampled_from("xyz"), st.integers(0, 5)), min_size=30, max_size=120),
)
def test_shares_are_kept_within_one_group(
    seed: int, fractions: dict[str, float], size: int, labels: list[dict[str, int]]
) -> None:
    groups = {f"g{place}": {"": size, **found} for place, found in enumerate(labels)}
    found = records(assign(seed, fractions, groups), groups)
    total = size * len(groups)
    for name in SPLITS:
        assert abs(found[name] - fractions.get(name, 0) * total) <= size


def test_five_groups_of_eight_fill_all_three_splits() -> None:
    groups = {f"design-{n}": {"": 8, "open": n, "short": 8 - n} for n in range(5)}
    found = records(assign(7, DEFAULT_FRACTIONS, groups), groups)
    assert found == {"train": 24, "validation": 8, "test": 8}


def test_known_answer() -> None:
    """The same arguments give the same answer on every machine, for ever."""
    groups = {f"g{n}": {"": 1, "odd" if n % 2 else "even": 1} for n in range(10)}
    found = assign(42, DEFAULT_FRACTIONS, groups)
    assert "".join(found[f"g{n}"][:2] for n in range(10)) == "trtetetrvatrtrvatrtr"


def test_another_seed_gives_another_division() -> None:
    groups = {f"g{n}": {"": 1} for n in range(60)}
    assert assign(1, DEFAULT_FRACTIONS, groups) != assign(2, DEFAULT_FRACTIONS, groups)


def test_rare_labels_are_spread_better_than_by_chance() -> None:
    """20 of 400 records have a rare label: 14 + 3 + 3, never all in one split."""
    groups = {f"r{n}": {"": 1, **({"rare": 1} if n % 20 == 0 else {})} for n in range(400)}

    def spread(chosen: Mapping[str, str]) -> float:
        found = Counter(chosen[name] for name in groups if "rare" in groups[name])
        return sum(abs(found[name] - 20 * DEFAULT_FRACTIONS[name]) for name in SPLITS)

    ours = [spread(assign(seed, DEFAULT_FRACTIONS, groups)) for seed in range(20)]
    chance = random.Random(1)
    weights = [DEFAULT_FRACTIONS[name] for name in SPLITS]
    by_chance = [
        spread({name: chance.choices(SPLITS, weights)[0] for name in groups}) for _ in range(20)
    ]
    assert max(ours) == 0 < sum(by_chance) / 20


def test_a_hundred_thousand_records_take_seconds() -> None:
    groups = {f"record/{n:064x}": {"": 1, f"label {n % 7}": 2} for n in range(100_000)}
    found = records(assign(0, DEFAULT_FRACTIONS, groups), groups)
    assert found == {"train": 70_000, "validation": 15_000, "test": 15_000}


@pytest.mark.parametrize(
    "fractions",
    [
        {"train": 0.7},
        {"train": 1.5, "test": -0.5},
        {"train": 0.5, "dev": 0.5},
        {"train": float("nan"), "test": 0.5},
        {"train": "1"},
        {"train": True},
    ],
)
def test_fractions_that_cannot_be_used(fractions: dict[str, float]) -> None:
    with pytest.raises(Invalid, match="fractions"):
        splits.check_fractions(fractions)


def test_fractions_are_completed_and_ordered() -> None:
    assert list(splits.check_fractions({"test": 0.2, "train": 0.8}).items()) == [
        ("train", 0.8),
        ("validation", 0.0),
        ("test", 0.2),
    ]
