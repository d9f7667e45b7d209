"""The installation's quota in sixteen parts: never more than its cap, and never less than it has room for."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from holdall.quotas.model import PARTS, Bounds, Cap, Held, Part, Usage, spread, usual_place, view

CAPS = st.builds(Cap, bytes=st.integers(0, 200), files=st.integers(0, 40))
FIRST = st.integers(0, PARTS - 1)


@given(CAPS)
def test_the_shares_make_up_the_cap(cap: Cap) -> None:
    shares = [cap.share(part) for part in range(PARTS)]

    assert (sum(share.bytes for share in shares), sum(share.files for share in shares)) == (cap.bytes, cap.files)
    assert max(share.bytes for share in shares) - min(share.bytes for share in shares) <= 1


@given(
    CAPS,
    st.lists(st.tuples(st.integers(-30, 30), st.integers(-5, 5)), min_size=16, max_size=16),
    FIRST,
    st.integers(0, 99),
)
def test_an_original_is_spread_where_there_is_room_in_all(
    cap: Cap, held: list[tuple[int, int]], first: int, size: int
) -> None:
    parts = [Part(Held(*each), cap.name) for each in held]
    place = spread(cap, parts, first, size)

    bytes_, files = sum(each[0] for each in held), sum(each[1] for each in held)
    assert (place is not None) == (bytes_ + size <= cap.bytes and files + 1 <= cap.files)
    if place is not None:
        assert sum(move.bytes for move in place.moves.values()) == size
        assert sum(move.files for move in place.moves.values()) == 1
        for number, move in place.moves.items():
            assert held[number][0] + move.bytes <= cap.share(number).bytes
            assert held[number][1] + move.files <= cap.share(number).files


def test_a_part_that_has_room_is_moved_alone() -> None:
    cap = Cap(1600, 160)
    place = spread(cap, [Part(Held(), cap.name)] * PARTS, 5, 100)

    assert place == usual_place(cap, 5, 100)


@pytest.mark.parametrize("within", [None, "1600 161"])
def test_one_part_that_was_not_fitted_fits_all(within: str | None) -> None:
    cap = Cap(1600, 160)
    parts = [Part(Held(), cap.name)] * (PARTS - 1) + [Part(Held(), within)]
    place = spread(cap, parts, 5, 100)

    assert place is not None
    assert place.fits
    assert set(place.moves) == set(range(PARTS))


class Installation(RuleBasedStateMachine):
    """The parts as the table keeps them, moved as a transaction moves them: all conditions together, or not at all."""

    @initialize(cap=CAPS)
    def begin(self, cap: Cap) -> None:
        self.cap = cap
        self.parts = [Part() for _ in range(PARTS)]
        self.taken: list[int] = []
        self.over = False  # whether the cap was lowered below what was held, and nothing came in since

    @rule(first=FIRST, size=st.integers(0, 60))
    def reserve(self, first: int, size: int) -> None:
        usual = usual_place(self.cap, first, size)
        fits = sum(self.taken) + size <= self.cap.bytes and len(self.taken) + 1 <= self.cap.files
        if self._take(usual.moves, fits=False):
            assert fits
        else:
            place = spread(self.cap, self.parts, first, size)
            assert (place is not None) == fits
            if place is not None:
                assert self._take(place.moves, fits=place.fits)
        if fits:
            self.taken.append(size)
            self.over = False

    @rule(part=FIRST, data=st.data())
    def give_back(self, part: int, data: st.DataObject) -> None:
        if self.taken:
            size = self.taken.pop(data.draw(st.integers(0, len(self.taken) - 1)))
            self._move(part, Held(-size, -1))

    @rule(cap=CAPS)
    def another_cap(self, cap: Cap) -> None:
        self.cap = cap
        self.over = sum(self.taken) > cap.bytes or len(self.taken) > cap.files

    @invariant()
    def the_sum_is_exact_and_below_the_cap(self) -> None:
        if not hasattr(self, "parts"):
            return
        held = sum(part.held.bytes for part in self.parts), sum(part.held.files for part in self.parts)
        assert held == (sum(self.taken), len(self.taken))
        assert self.over or (held[0] <= self.cap.bytes and held[1] <= self.cap.files)

    def _take(self, moves: dict[int, Held], *, fits: bool) -> bool:
        for number, move in moves.items():
            part, share = self.parts[number], self.cap.share(number)
            if not fits and part.within != self.cap.name:
                return False
            if part.held.bytes + move.bytes > share.bytes or part.held.files + move.files > share.files:
                return False
        for number, move in moves.items():
            self._move(number, move)
            if fits:
                self.parts[number] = replace(self.parts[number], within=self.cap.name)
        return True

    def _move(self, number: int, move: Held) -> None:
        held = self.parts[number].held
        moved = Held(held.bytes + move.bytes, held.files + move.files)
        self.parts[number] = replace(self.parts[number], held=moved)


TestInstallation = Installation.TestCase


def test_a_commit_between_two_readings_makes_no_less_than_nothing() -> None:
    shown = view(Held(5, 1), Usage(file_bytes=7, files=2), Bounds(10, 10, 10))

    assert (shown.open_uploads.bytes, shown.open_uploads.files) == (0, 0)
