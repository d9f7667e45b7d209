"""The parts of multipart uploads: their plan, and the requests and responses about them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Self

from pydantic import Field, model_validator

from holdall.platform.errors import Conflict, ValidationFailed
from holdall.platform.schemas import RequestModel, ResponseModel, Sha256, UniqueItems

MAX_MULTIPART_BYTES = 5 * 1024**4  # 1024 parts of 5 GiB, the largest that S3 accepts
_MIB = 1024**2
_MIN_PLANNED_BYTES = 16 * _MIB  # of a part: a gigabyte has 64 parts, so one request gets all their URLs
_MAX_PLANNED_PARTS = 1024
_MAX_LISTED = 10  # missing parts in the detail of an error


class NotMultipart(Conflict):
    """The upload has no parts, or its client decides their sizes and uses the routes for Uppy."""

    code, detail = "wrong_state", "This is not a multipart upload. Send the file to the URL of its init, then commit."


class AlreadyAssembled(Conflict):
    """S3 has assembled the parts, but the response was lost, or the commit failed."""

    code, detail = "already_assembled", "The parts are assembled already. Complete the upload."


class PartsMissing(Conflict):
    """Some parts are not uploaded yet."""

    code, detail = "parts_missing", "Some parts are missing. Upload them, then complete the upload."


class PartMismatch(Conflict):
    """A part has another size than its URL was signed for."""

    code, detail = "part_mismatch", "The size of a part is wrong. Upload it again."


class PartOutOfRange(ValidationFailed):
    """The upload has no part of this number."""

    code, detail = "part_out_of_range", "The upload has no part with this number."


class ChecksumsRequired(ValidationFailed):
    """The upload was initiated with checksums of its parts."""

    code = "checksums_required"
    detail = (
        "This upload has `partChecksums`. Send the SHA-256 of each part in `checksums`, in the order of `partNumbers`."
    )


class ChecksumsUnexpected(ValidationFailed):
    """S3 accepts no checksums of parts, because the upload was initiated without them."""

    code = "checksums_unexpected"
    detail = "This upload was initiated without `partChecksums`, so S3 accepts no checksums of its parts."


@dataclass(frozen=True)
class Multipart:
    """A multipart upload in S3. The size of its parts is None if the client decides it."""

    id: str
    part_size: int | None
    has_checksums: bool


class PartPlan(ResponseModel):
    """The sizes of the parts. The last one has what is left."""

    part_size: int
    part_count: int

    def size_of(self, number: int, total: int) -> int:
        """Return the size of a part of an upload of `total` bytes. Raises PartOutOfRange."""
        if not 1 <= number <= self.part_count:
            raise PartOutOfRange(f"The upload has the parts 1 to {self.part_count}.")
        return min(self.part_size, total - (number - 1) * self.part_size)


class SignPartsRequest(RequestModel):
    """The parts to upload next. `checksums` are their SHA-256, in the same order."""

    part_numbers: Annotated[list[int], Field(min_length=1, max_length=100), UniqueItems]
    checksums: Annotated[list[Sha256], Field(max_length=100)] | None = None

    @model_validator(mode="after")
    def _match_checksums(self) -> Self:
        if self.checksums is not None and len(self.checksums) != len(self.part_numbers):
            raise ValueError("there must be as many checksums as partNumbers")
        return self


class SignedPart(ResponseModel):
    """The request that uploads a part to S3, valid until `expires_at`."""

    part_number: int
    size: int
    method: str
    url: str
    headers: dict[str, str]
    expires_at: datetime


class PartView(ResponseModel):
    """A part that S3 has."""

    part_number: int
    size: int
    etag: str
    sha256: str | None


class UploadedParts(PartPlan):
    """The parts that S3 has of an open upload, and the plan for all."""

    expires_at: datetime
    parts: list[PartView]


def choose_part_size(total: int) -> int:
    """Return the size of the parts of an upload, in whole mebibytes. There are at most 1024 parts."""
    return max(_MIN_PLANNED_BYTES, -(-total // (_MAX_PLANNED_PARTS * _MIB)) * _MIB)


def plan_of(total: int, part_size: int) -> PartPlan:
    """Return the plan for an upload of `total` bytes. An empty file has one part."""
    return PartPlan(part_size=part_size, part_count=max(1, -(-total // part_size)))


def check_parts(plan: PartPlan, total: int, sizes: dict[int, int]) -> None:
    """Check that the parts, by number, are those of the plan. Raises PartsMissing and PartMismatch."""
    missing = [str(number) for number in range(1, plan.part_count + 1) if number not in sizes]
    if missing:
        listed = ", ".join(missing[:_MAX_LISTED]) + (", …" if len(missing) > _MAX_LISTED else "")
        raise PartsMissing(f"{len(missing)} of {plan.part_count} parts are missing: {listed}. Upload them first.")
    for number, size in sizes.items():
        if number > plan.part_count or size != plan.size_of(number, total):
            raise PartMismatch(f"Part {number} has {size} bytes, which is not its size. Upload it again.")
