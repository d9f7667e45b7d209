"""The arithmetic of quotas and usage."""

from dataclasses import dataclass, field

import pytest

from holdall.quotas.model import (
    QuotaLimits,
    QuotaUsage,
    UsageBreakdown,
    to_response,
    variant_usage,
    version_usage,
)

LIMITS = QuotaLimits(max_bytes=10, max_files=10, max_file_bytes=10)


@dataclass(frozen=True)
class FakeVariant:
    status: str
    size: int | None


@dataclass(frozen=True)
class FakeVersion:
    id: str = "id"
    kind: str = "image"
    size: int = 100
    owns_original: bool = True
    variants: list[FakeVariant] = field(default_factory=list)


def test_usage_is_added_field_by_field() -> None:
    assert QuotaUsage(1, 2, 3) + QuotaUsage(10, 20, 30) == QuotaUsage(11, 22, 33)


def test_usage_is_zero_after_the_same_change_in_both_directions() -> None:
    usage = version_usage(FakeVersion(variants=[FakeVariant("ready", 7)]))

    assert usage + -usage == UsageBreakdown()


def test_only_ready_variants_count() -> None:
    variants = [
        FakeVariant("ready", 7),
        FakeVariant("ready", 5),
        FakeVariant("processing", None),
        FakeVariant("failed", 9),
    ]

    assert variant_usage(FakeVersion(variants=variants)) == UsageBreakdown(variant_bytes=12, variants=2)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("image", UsageBreakdown(image_bytes=100, images=1, variant_bytes=7, variants=1)),
        ("file", UsageBreakdown(file_bytes=100, files=1, variant_bytes=7, variants=1)),
    ],
)
def test_version_counts_by_kind_with_its_variants(kind: str, expected: UsageBreakdown) -> None:
    assert version_usage(FakeVersion(kind=kind, variants=[FakeVariant("ready", 7)])) == expected


def test_open_uploads_are_in_the_total_and_not_in_the_breakdown() -> None:
    usage = to_response(
        QuotaUsage(15, 3), UsageBreakdown(image_bytes=6, images=1, file_bytes=4, files=1), LIMITS, LIMITS
    )

    assert (usage.open_uploads.bytes, usage.open_uploads.files) == (5, 1)


def test_commit_between_the_reads_makes_no_negative_usage() -> None:
    usage = to_response(QuotaUsage(5, 1), UsageBreakdown(file_bytes=7, files=2), LIMITS, LIMITS)

    assert (usage.open_uploads.bytes, usage.open_uploads.files) == (0, 0)
