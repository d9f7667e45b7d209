"""The installation's quota in sixteen parts: never more than its cap, and never less than it has room for."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from holdall.quotas.model import (
    SHARDS,
    EffectiveQuota,
    InstallationLimit,
    QuotaUsage,
    Shard,
    UsageBreakdown,
    allocate,
    single_shard_reservation,
    to_response,
)

LIMITS = st.builds(InstallationLimit, bytes=st.integers(0, 200), files=st.integers(0, 40))
SHARD_NUMBERS = st.integers(0, SHARDS - 1)


@given(LIMITS)
def test_the_shares_make_up_the_cap(cap: InstallationLimit) -> None:
    shares = [cap.shard_limit(part) for part in range(SHARDS)]

    assert (sum(share.bytes for share in shares), sum(share.files for share in shares)) == (cap.bytes, cap.files)
    assert max(share.bytes for share in shares) - min(share.bytes for share in shares) <= 1


@given(
    LIMITS,
    st.lists(st.tuples(st.integers(-30, 30), st.integers(-5, 5)), min_size=16, max_size=16),
    SHARD_NUMBERS,
    st.integers(0, 99),
)
def test_an_original_is_spread_where_there_is_room_in_all(
    cap: InstallationLimit, held: list[tuple[int, int]], first: int, size: int
) -> None:
    parts = [Shard(QuotaUsage(*each), cap.version) for each in held]
    place = allocate(cap, parts, first, size)

    bytes_, files = sum(each[0] for each in held), sum(each[1] for each in held)
    assert (place is not None) == (bytes_ + size <= cap.bytes and files + 1 <= cap.files)
    if place is not None:
        assert sum(move.bytes for move in place.changes.values()) == size
        assert sum(move.files for move in place.changes.values()) == 1
        for number, move in place.changes.items():
            assert held[number][0] + move.bytes <= cap.shard_limit(number).bytes
            assert held[number][1] + move.files <= cap.shard_limit(number).files


def test_a_part_that_has_room_is_moved_alone() -> None:
    cap = InstallationLimit(1600, 160)
    place = allocate(cap, [Shard(QuotaUsage(), cap.version)] * SHARDS, 5, 100)

    assert place == single_shard_reservation(cap, 5, 100)


@pytest.mark.parametrize("within", [None, "1600 161"])
def test_one_part_that_was_not_fitted_fits_all(within: str | None) -> None:
    cap = InstallationLimit(1600, 160)
    parts = [Shard(QuotaUsage(), cap.version)] * (SHARDS - 1) + [Shard(QuotaUsage(), within)]
    place = allocate(cap, parts, 5, 100)

    assert place is not None
    assert place.rebalances
    assert set(place.changes) == set(range(SHARDS))


class InstallationQuotaMachine(RuleBasedStateMachine):
    """The parts as the table keeps them, moved as a transaction moves them: all conditions together, or not at all."""

    @initialize(cap=LIMITS)
    def start(self, cap: InstallationLimit) -> None:
        self.limit = cap
        self.shards = [Shard() for _ in range(SHARDS)]
        self.reserved_sizes: list[int] = []
        self.is_over_limit = False  # whether the cap was lowered below what was held, and nothing came in since

    @rule(first=SHARD_NUMBERS, size=st.integers(0, 60))
    def reserve(self, first: int, size: int) -> None:
        usual = single_shard_reservation(self.limit, first, size)
        fits = sum(self.reserved_sizes) + size <= self.limit.bytes and len(self.reserved_sizes) + 1 <= self.limit.files
        if self._try_reserve(usual.changes, fits=False):
            assert fits
        else:
            place = allocate(self.limit, self.shards, first, size)
            assert (place is not None) == fits
            if place is not None:
                assert self._try_reserve(place.changes, fits=place.rebalances)
        if fits:
            self.reserved_sizes.append(size)
            self.is_over_limit = False

    @rule(part=SHARD_NUMBERS, data=st.data())
    def release(self, part: int, data: st.DataObject) -> None:
        if self.reserved_sizes:
            size = self.reserved_sizes.pop(data.draw(st.integers(0, len(self.reserved_sizes) - 1)))
            self._apply(part, QuotaUsage(-size, -1))

    @rule(cap=LIMITS)
    def change_limit(self, cap: InstallationLimit) -> None:
        self.limit = cap
        self.is_over_limit = sum(self.reserved_sizes) > cap.bytes or len(self.reserved_sizes) > cap.files

    @invariant()
    def sum_is_exact_and_within_limit(self) -> None:
        if not hasattr(self, "parts"):
            return
        held = sum(part.usage.bytes for part in self.shards), sum(part.usage.files for part in self.shards)
        assert held == (sum(self.reserved_sizes), len(self.reserved_sizes))
        assert self.is_over_limit or (held[0] <= self.limit.bytes and held[1] <= self.limit.files)

    def _try_reserve(self, moves: dict[int, QuotaUsage], *, fits: bool) -> bool:
        for number, move in moves.items():
            part, share = self.shards[number], self.limit.shard_limit(number)
            if not fits and part.limit_version != self.limit.version:
                return False
            if part.usage.bytes + move.bytes > share.bytes or part.usage.files + move.files > share.files:
                return False
        for number, move in moves.items():
            self._apply(number, move)
            if fits:
                self.shards[number] = replace(self.shards[number], limit_version=self.limit.version)
        return True

    def _apply(self, number: int, move: QuotaUsage) -> None:
        held = self.shards[number].usage
        moved = QuotaUsage(held.bytes + move.bytes, held.files + move.files)
        self.shards[number] = replace(self.shards[number], usage=moved)


TestInstallationQuota = InstallationQuotaMachine.TestCase


def test_a_commit_between_two_readings_makes_no_less_than_nothing() -> None:
    shown = to_response(QuotaUsage(5, 1), UsageBreakdown(file_bytes=7, files=2), EffectiveQuota(10, 10, 10))

    assert (shown.open_uploads.bytes, shown.open_uploads.files) == (0, 0)
