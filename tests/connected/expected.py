"""The figures that a story must end with, worked out from the answers alone."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from local.story.sizes import uep_places
from local.story.truth import Truth

PERSON_RUPIAH, FAMILY_RUPIAH, HOUSE_RUPIAH = 300_000, 2_500_000, 20_000_000


@dataclass(frozen=True)
class Expected:
    """The figures that a story must end with, worked out from the answers alone."""

    truth: Truth

    @property
    def report(self) -> dict[str, int]:
        cash, business, houses = self.cash, self.business, self.houses
        return {
            "persons_registered": self.truth.register["persons_registered"],
            "families_registered": self.truth.register["families_registered"],
            "families_verified": self.truth.cohort["families_verified"],
            "families_rejected": self.truth.cohort["families_rejected"],
            "persons_confirmed": self.truth.cohort["persons_confirmed"],
            "enrolments": cash["enrolments"] + business["enrolments"] + houses["enrolments"],
            "disbursements": cash["disbursements"] + business["disbursements"] + houses["disbursements"],
            "rupiah_disbursed": cash["rupiah_disbursed"] + business["rupiah_disbursed"] + houses["rupiah_disbursed"],
            "graduations": self.graduations,
            "slots_released": self.graduations + self.voids,
            "slots_filled": business["disbursements"] + self.graduations + self.voids,
        }

    @property
    def cash(self) -> dict[str, int]:
        unpaid = [
            family for family in self.truth.verified
            if family.later.bank_refuses and not family.later.second_payment_works
        ]  # fmt: skip
        failed = sum(family.confirmed for family in unpaid)
        paid = int(self.truth.cohort["persons_confirmed"]) - failed
        return {
            "enrolments": len(self.truth.verified),
            "persons_paid": paid,
            "persons_failed": failed,
            "disbursements": len(self.truth.verified) - len(unpaid),
            "rupiah_disbursed": paid * PERSON_RUPIAH,
        }

    @property
    def business(self) -> dict[str, int]:
        """As many as there are places, or as would come; whoever graduated has a successor."""
        paid = sum(min(places, self._would_come[region]) for region, places in uep_places(self.truth).items())
        return {
            "enrolments": paid + self.graduations,
            "disbursements": paid,
            "rupiah_disbursed": paid * FAMILY_RUPIAH,
        }

    @property
    def houses(self) -> dict[str, int]:
        asking = sum(family.later.wants_house_repair for family in self.truth.verified)
        repaired = min(asking, int(self.truth.figures["houses_in_line"]))
        return {"enrolments": repaired, "disbursements": repaired, "rupiah_disbursed": repaired * HOUSE_RUPIAH}

    @property
    def graduations(self) -> int:
        """One in each kecamatan in which more would come than there are places."""
        return sum(self._would_come[region] > places for region, places in uep_places(self.truth).items())

    @property
    def voids(self) -> int:
        return min(1, self.graduations)

    @property
    def _would_come(self) -> Counter[str]:
        return Counter(
            family.region[:8]
            for family in self.truth.verified
            if family.later.wants_business_aid and not family.later.lets_offers_expire
        )
