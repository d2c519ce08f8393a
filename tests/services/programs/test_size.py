"""The size of the city: 1,456 families and 6,973 persons enrolled, listed, decreed and settled in chunks."""

from __future__ import annotations

import time

from shared.events.programs import AidDisbursed, HouseholdEnrolled, PaymentListSettled
from tests.fixtures.deployments import DeploymentFactory
from tests.services.programs.city import Family, Office, hear_of

FAMILIES = 1_456
PERSONS = 6_973
CPU_SECONDS_MAX = 15.0
"""Of this process; the clock on the wall also measures who else uses the machine."""


async def test_the_whole_list_of_the_city_is_enrolled_and_paid(deployment_of: DeploymentFactory) -> None:
    office = await Office.open(deployment_of, "dinsos-samarinda", "blt-samarinda-2022")
    sizes = [PERSONS // FAMILIES + (number < PERSONS % FAMILIES) for number in range(FAMILIES)]
    known = [Family(f"family-{number}", persons=size) for number, size in enumerate(sizes)]
    await hear_of(office.deployment, known, twice=False)

    began, cpu_began = time.monotonic(), time.process_time()
    decided = await office.enrol("BLT-2022")
    enrolled_after = time.monotonic() - began
    assert (decided["state"], decided["accepted"], decided["persons"]) == ("done", FAMILIES, PERSONS)
    made = await office.approved_list("BLT-2022", "2022")
    assert (made["families"], made["persons"], made["rupiah"]) == (FAMILIES, PERSONS, PERSONS * 300_000)
    items = await office.payments(made)
    await office.results(made, [f"{item['payment_id']},PAID,,2022-12-28" for item in items])
    took = time.monotonic() - began
    print(f"{FAMILIES} families: enrolled after {enrolled_after:.1f} s, paid after {took:.1f} s")

    [settled] = await office.deployment.announced(PaymentListSettled)
    assert (settled.families_paid, settled.paid_rupiah) == (FAMILIES, PERSONS * 300_000)
    assert len(await office.deployment.announced(HouseholdEnrolled)) == FAMILIES
    assert len({each.entitlement_id for each in await office.deployment.announced(AidDisbursed)}) == FAMILIES
    assert time.process_time() - cpu_began < CPU_SECONDS_MAX
