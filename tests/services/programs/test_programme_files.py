"""Programme files: what ships loads, what is wrong fails with file, place and rule, and a change is a new version."""

from __future__ import annotations

import pytest

from services.programs.programme_files import ProgrammeFileError, read_programme, shipped
from services.programs.rules.programme import Programme
from shared.events.programs import FundLineOpened, ProgrammePublished, QuotaAllocated
from tests.fixtures.deployments import DeploymentFactory
from tests.services.programs.city import Office, families, hear_of

UEP = shipped()["uep-samarinda-2023"]
BLT = shipped()["blt-samarinda-2022"]


@pytest.mark.parametrize("name", list(shipped()))
def test_what_ships_loads_and_states_its_sources(name: str) -> None:
    programme = read_programme(shipped()[name], name).programme
    stated = [programme.legal_basis, programme.benefit, *programme.eligibility, *programme.quotas]
    assert all(each.source for each in [*stated, *programme.fund_lines, *programme.exclusions, *programme.stages])
    assert Programme.model_validate(programme.model_dump(mode="json")) == programme


@pytest.mark.parametrize(
    ("text", "place", "rule"),
    [
        (BLT.replace('region: "64.72"\nstatus', "region: 64.72\nstatus"), "region", "put codes in quotes"),
        (BLT.replace("rupiah: 300000\n", "rupiah: 300000.5\n"), "benefit.rupiah", "integer"),
        (BLT.replace("rupiah: 300000\n", "rupiah: -1\n"), "benefit.rupiah", "greater"),
        (BLT.replace("kind: cash", "kind: gold"), "file", "no code list"),
        (BLT.replace("kind: verified", "kind: believed"), "eligibility.0", "expected tags"),
        (BLT.replace("household-id]", "decile]"), "file", "end with household-id"),
        (BLT + "colour: red\n", "colour", "not permitted"),
        (BLT + "code: BLT-2023\n", "file", "stands twice"),
        (BLT.replace("kind: counted", "kind: slots"), "file", "persons are counted"),
        (BLT.replace("valid_from: 2022-12-05", "valid_from: 2022-12-05\nvalid_to: 2022-01-01"), "file", "before"),
        (UEP.replace('region: "64.72.05"', 'region: "63.71.05"'), "file", "lies outside 64.72"),
        (UEP.replace('region: "64.72.02"', 'region: "64.72.01"'), "file", "stands twice"),
        (UEP.replace("waitlist:\n  offer_days: 7\n  source: assumption\n", ""), "file", "states its waitlist"),
        (UEP.replace("services: [coaching, training, mentoring]", "services: [training]"), "file", "coaching"),
        ("- a\n- b\n", "file", "dictionary"),
        ("a: [", "file", "not YAML"),
        ("x" * 200_000, "file", "larger than"),
    ],
)
def test_a_wrong_file_names_place_and_rule(text: str, place: str, rule: str) -> None:
    with pytest.raises(ProgrammeFileError) as refused:
        read_programme(text, "some.yaml")
    assert "some.yaml" in str(refused.value)
    assert any(at.startswith(place) and rule in why for at, why in refused.value.places), refused.value.places


async def test_publishing_twice_changes_nothing_and_a_change_is_a_version(deployment_of: DeploymentFactory) -> None:
    office = await Office.open(deployment_of, "dinsos-samarinda", "blt-samarinda-2022")
    again = await office.post("/programmes", {"file": "blt-samarinda-2022"})
    assert (again["version"], again["changed"]) == (1, False)
    assert len(await office.deployment.announced(ProgrammePublished)) == 1

    silent = await office.post("/programmes", {"document": BLT.replace("300000", "350000")}, expect=409)
    assert silent["code"] == "programme-version-order"
    known = families(2)
    await hear_of(office.deployment, known)
    await office.enrol("BLT-2022", known[:1])
    newer = BLT.replace("300000", "350000").replace("version: 1", "version: 2").replace("2700000000", "2800000000")
    await office.post("/programmes", {"document": newer}, expect=201)
    assert (await office.line("BLT-2022"))["left"] == 2_800_000_000
    await office.enrol("BLT-2022", known[1:])
    versions = {each["household_id"]: each["programme_version"] for each in (await office.get("/enrolments"))["items"]}
    assert versions == {str(known[0].id): 1, str(known[1].id): 2}
    made = await office.approved_list("BLT-2022", "2022")
    assert {each["household_id"]: each["rupiah"] for each in await office.payments(made)} == {
        str(known[0].id): 600_000,
        str(known[1].id): 700_000,
    }
    assert await office.reconcile() == []


async def test_a_quota_grows_and_shrinks_but_never_below_what_is_taken(deployment_of: DeploymentFactory) -> None:
    office = await Office.open(deployment_of, "dinkop-samarinda", "uep-samarinda-2023")
    await hear_of(office.deployment, families(3))
    await office.enrol("UEP-2023")
    quota = {"region": "64.72.05", "period": "2023", "reason": "budget-changed"}
    assert (await office.post("/programmes/UEP-2023/quotas", quota | {"places": 3}))["taken"] == 3
    refused = await office.post("/programmes/UEP-2023/quotas", quota | {"places": 2}, expect=409)
    assert refused["code"] == "quota-below-taken"
    await office.post("/programmes/UEP-2023/quotas", quota | {"places": 50})
    slots = await office.get("/programmes/UEP-2023/slots", region="64.72.05")
    assert (len(slots["slots"]), slots["quotas"][0]["places"]) == (50, 50)
    told = [each.places for each in await office.deployment.announced(QuotaAllocated) if each.region == "64.72.05"]
    assert told == [40, 3, 50]
    assert await office.reconcile() == []


async def test_a_ceiling_is_not_lowered_below_what_is_used(deployment_of: DeploymentFactory) -> None:
    office = await Office.open(deployment_of, "pupr-samarinda", "bedah-rumah-samarinda-2023")
    await hear_of(office.deployment, families(2))
    await office.enrol("RTLH-2023")
    document = shipped()["bedah-rumah-samarinda-2023"].replace("version: 1", "version: 2")
    too_low = document.replace("1000000000", "39999999")
    refused = await office.post("/programmes", {"document": too_low}, expect=409)
    assert (refused["code"], "APBD-2023/64.72/RTLH" in refused["detail"]) == ("fund-line-below-used", True)
    await office.post("/programmes", {"document": document.replace("1000000000", "40000000")}, expect=201)
    assert (await office.line("RTLH-2023"))["left"] == 0
    assert [each.ceiling_rupiah for each in await office.deployment.announced(FundLineOpened)] == [10**9, 40_000_000]


async def test_a_wrong_file_is_refused_with_its_places(deployment_of: DeploymentFactory) -> None:
    office = await Office.open(deployment_of, "dinsos-samarinda", "blt-samarinda-2022")
    answer = await office.post("/programmes", {"document": BLT.replace("per: person", "per: dog")}, expect=422)
    assert answer["code"] == "programme-file-wrong"
    assert [each["field"] for each in answer["errors"]] == ["benefit.per"]
    foreign = await office.post("/programmes", {"file": "uep-samarinda-2023"}, expect=422)
    assert foreign["code"] == "programme-of-another-agency"
    unknown = await office.post("/programmes", {"file": "no-such-file"}, expect=404)
    assert unknown["code"] == "programme-file-not-found"
