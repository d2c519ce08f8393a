"""The screens: what there is to give, what waits for a second person, and the decision taken on the page."""

from __future__ import annotations

import re

from shared.events.programs import HouseholdEnrolled
from shared.security import Role
from tests.fixtures.deployments import DeploymentFactory
from tests.services.programs.city import Office, families, hear_of


async def page(office: Office, path: str, language: str = "id") -> str:
    answer = await office.two.get(path, headers={"Accept": "text/html", "Accept-Language": language})
    assert answer.status_code == 200, answer.text
    return str(answer.text)


async def test_a_second_person_decides_on_the_page(deployment_of: DeploymentFactory) -> None:
    office = await Office.open(deployment_of, "dinsos-samarinda", "blt-samarinda-2022")
    await hear_of(office.deployment, [*families(2), *families(1, in_cohort=0)])
    known = families(2)
    proposal = await office.post(
        "/programmes/BLT-2022/enrolments:batch", {"households": [str(each.id) for each in known]}, expect=201
    )
    desk = await page(office, "/")
    assert "Menunggu orang kedua" in desk
    assert "Rp\xa02.700.000.000" in desk
    path = f"/proposals/{proposal['proposal_id']}"
    assert path in desk
    assert "Belum menerima apa pun" in await page(office, path)
    without = await office.two.post(f"{path}/decide", data={"approve": "true"})
    assert without.status_code == 422
    decree = {"approve": "true", "number": "460/112/2022", "dated": "2022-12-19"}
    done = await office.two.post(f"{path}/decide", data=decree)
    assert done.status_code == 303
    assert len(await office.deployment.announced(HouseholdEnrolled)) == 2
    assert "Done" in await page(office, path, "en")

    made = await office.post("/payment-lists", {"programme": "BLT-2022", "period": "2022"}, expect=201)
    await office.post(f"/payment-lists/{made['payment_list_id']}/submission")
    path = f"/payment-lists/{made['payment_list_id']}"
    assert path in await page(office, "/")
    shown = await page(office, path)
    [list_sha256] = re.findall(r'name="list_sha256" value="([0-9a-f]{64})"', shown)
    assert (await office.two.post(f"{path}/decide", data=decree)).status_code == 422
    adopted = {**decree, "list_sha256": list_sha256}
    assert (await office.two.post(f"{path}/decide", data=adopted)).status_code == 303
    assert "460/112/2022" in await page(office, path)
    await office.deployment.hear_own()
    assert "BLT-2022" in await page(office, f"/households/{known[0].id}")


async def test_who_works_in_a_kelurahan_sees_no_money_of_the_city(deployment_of: DeploymentFactory) -> None:
    office = await Office.open(deployment_of, "dinkop-samarinda", "uep-samarinda-2023")
    part = office.deployment.client(Role.PROPOSER, regions=["64.72.05"], subject="kecamatan")
    shown = (await part.get("/", headers={"Accept": "text/html"})).text
    assert "Usaha Ekonomi Produktif" in shown
    assert "APBD-2023" not in shown
    assert "600.000.000" not in shown
    far = office.deployment.client(Role.PROPOSER, regions=["64.71"], subject="balikpapan")
    assert "Usaha Ekonomi Produktif" not in (await far.get("/", headers={"Accept": "text/html"})).text
