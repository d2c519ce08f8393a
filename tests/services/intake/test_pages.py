"""The screens: a form does what the API does, and a page shows no more than its reader may see."""

from __future__ import annotations

import httpx2

from shared.events.intake import DuplicateResolved, HouseholdRegistered
from shared.security import Role
from tests.fixtures.deployments import DeploymentFactory
from tests.services.intake.city import OTHER_KELURAHAN, csv_of, intake, row, work_through

HTML = {"Accept": "text/html"}


async def page(client: httpx2.AsyncClient, path: str) -> str:
    answer = await client.get(path, headers=HTML)
    assert answer.status_code == 200, answer.text
    return answer.text


async def test_a_file_is_sent_by_form_and_watched_to_its_end(deployment_of: DeploymentFactory) -> None:
    city = await intake(deployment_of)
    operator = city.client(Role.OPERATOR)
    assert "Belum ada berkas" in await page(operator, "/")
    sent = await operator.post(
        "/files",
        data={"kind": "register", "register_code": "dtks", "cohort": ""},
        files={"file": ("berkas.csv", csv_of([row(1, 1), row(2, 2, nik="6.47E+15")]), "text/csv")},
        headers=HTML,
    )
    assert (sent.status_code, sent.headers["location"]) == (303, "/")
    watched = await page(operator, "/")
    assert 'hx-trigger="every 2s"' in watched
    await city.run_due()
    done = await page(operator, "/")
    assert 'hx-trigger="every 2s"' not in done
    assert "/rejects" in done
    assert len(await city.announced(HouseholdRegistered)) == 1


async def test_a_question_is_answered_by_form_by_who_sees_both_sides(deployment_of: DeploymentFactory) -> None:
    city = await intake(deployment_of)
    rows = [row(1, 1), row(2, 2, kode_wilayah=OTHER_KELURAHAN)]
    rows.append(row(2, 1, kode_wilayah=OTHER_KELURAHAN, nama="Orang Lain"))
    await work_through(city, city.client(Role.OPERATOR), csv_of(rows))
    one_side = city.client(Role.PROGRAMME_OFFICER, regions=["64.72.03"], subject="petugas-2")
    shown = await page(one_side, "/duplicates")
    assert "Di luar wilayah Anda" in shown
    assert '<button name="resolution"' not in shown
    officer = city.client(Role.PROGRAMME_OFFICER)
    assert 'value="moved-here"' in await page(officer, "/duplicates")
    (item,) = (await officer.get("/api/v1/duplicates")).json()["items"]
    answer = await officer.post(f"/duplicates/{item['duplicate_id']}", data={"resolution": "same-person"}, headers=HTML)
    assert (answer.status_code, answer.headers["location"]) == (303, "/duplicates")
    assert [each.resolution for each in await city.announced(DuplicateResolved)] == ["same-person"]
    assert "Tidak ada dugaan" in await page(officer, "/duplicates")
