"""How many control patients of a published trial later received checkpoint inhibition."""

from __future__ import annotations

from typing import Literal

from pydantic import model_validator

from synthetic_data.evidence.values import Count, Fraction, Month, Source, Spec

CrossoverShare = Literal["on_study", "in_any_way", "of_those_progressed", "of_those_with_pfs_event"]
ROUNDING = 0.006  # by which a share printed in whole per cents may differ from its count


class Crossover(Spec):
    """How many control patients later received checkpoint inhibition.

    Figures without a source of their own come from the sources of the readouts (`from_readouts`).
    `counts` and `follow_up_months` belong to the share of the same name: whom it was counted in, and
    the median follow-up at that cut. `of_those_progressed` divides by who progressed,
    `of_those_with_pfs_event` by who progressed or died.
    """

    allowed: bool  # by the protocol; patients may receive it off study all the same
    on_study: Fraction | None = None
    in_any_way: Fraction | None = None  # on or off study
    of_those_progressed: Fraction | None = None
    of_those_with_pfs_event: Fraction | None = None
    counts: dict[CrossoverShare, Count] = {}
    follow_up_months: dict[CrossoverShare, Month] = {}
    after_primary_analysis: bool = False  # only once the primary analyses were complete
    from_readouts: bool = False
    remark: str | None = None
    source: Source | None = None

    @model_validator(mode="after")
    def _shares_are_those_counted(self) -> Crossover:
        for share in {*self.counts, *self.follow_up_months}:
            if self.share(share) is None:
                raise ValueError(f"says more about `{share}`, but does not give that share")
        for name, count in self.counts.items():
            stated = self.share(name)
            if count.of is None or stated is None:
                continue
            if abs(count.patients / count.of - stated) > ROUNDING:
                raise ValueError(
                    f"{name} is {stated:g}, but {count.patients} of {count.of} are "
                    f"{count.patients / count.of:.3f}; check the transcription"
                )
        if self.on_study is not None and self.in_any_way is not None and self.on_study > self.in_any_way:
            raise ValueError(f"on_study {self.on_study:g} exceeds in_any_way {self.in_any_way:g}, its part")
        return self

    def share(self, name: CrossoverShare) -> float | None:
        """Return one of the published shares, if there."""
        value = getattr(self, name)
        return None if value is None else float(value)
