"""Places, work and events, never dossiers on people: no column, field, mapping or class has room for a trait of a person.

One list of words, in English, Chinese and pinyin, is held against every name there is: the columns of every table, what
HTTP takes and gives, what a file may bring and an export writes, what events tell, and the classes of the catalogue.
"""

import ast
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from gridsvc.core.settings import shipped_data
from gridsvc.exchange.labels import CHINESE as EXPORTED
from gridsvc.exchange.layers import LAYERS, Field, ImportLayer
from gridsvc.exchange.standards import calendar, catalogue
from tests.conftest import Service

ROOT = Path(__file__).resolve().parent.parent
MAPPINGS = (*LAYERS.values(), calendar.LAYER, catalogue.LAYER)


def listed(words: str) -> list[str]:
    """Read a list of words with gaps between them."""
    return words.split()


# A word by itself: `face` and not `surface`, `resident` and not `residential`.
WORDS = frozenset(
    listed("""race nationality nation tribe faith party communist resident residents tenant tenants lodger landlord occupant
    householder spouse kin kinship relative relatives marital married pregnant pregnancy gender sex birth birthday birthdate
    age health illness disease disability hiv drug criminal convict suspect petitioner passport hukou huji ssn
    plate face iris fingerprint dna voice caste income salary credit jumin huzhu zuhu zhuhu yezhu minzu xingbie nianling
    shengri hunyin""")
)
MEANT = {"House number plate"}
"""A thing on a wall, and no trait of anybody."""
# The beginning of a word.
ROOTS = ("ethnic", "religi", "belief", "politic", "biometr", "fingerprint", "faceid", "sexual", "medical", "genetic")
# Words one after the other, whatever stands between them; pinyin is written with and without gaps.
PHRASES = tuple(
    listed("""idcard idnumber idno identitynumber identitycard identityno citizenid nationalid personalid residentname
    ownername tenantname householdername personname citizenname floatingpopulation keyperson keypersonnel licenseplate
    numberplate faceimage facetemplate householdregister zongjiao xinyang zhengzhi dangyuan dangpai shenfenzheng
    sfzh sfzhm zhengjianhao zhengjianhaoma jiankang jibing canji huji hukou liudongrenkou zhongdianrenyuan renlian
    chepai zhiwen juminxingming huzhuxingming chushengriqi qianke xinfang shangfang""")
)
CHINESE = tuple(
    listed("""民族 族别 种族 国籍 籍贯 宗教 信仰 教派 政治面貌 政治 党员 党派 团员 身份证 身份号 证件号 护照 社保号 居民 住户 户主 业主
    房主 租户 租客 承租人 家属 配偶 亲属 婚姻 性别 年龄 出生 生日 健康 疾病 病史 残疾 孕 血型 犯罪 前科 吸毒 社区矫正 重点人 重点人员
    特殊人群 流动人口 暂住 户籍 户口 上访 信访 人脸 指纹 虹膜 车牌 收入 学历 职业""")
)


def forbidden(name: str) -> str | None:
    """Give the word in a name that would make it a trait of a person; pure."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name)
    words = [word for word in re.split(r"[^a-z]+", spaced.lower()) if word]
    joined = "".join(words)
    found = [word for word in words if word in WORDS]
    found += [root for root in ROOTS for word in words if word.startswith(root)]
    found += [phrase for phrase in PHRASES if _runs(words, phrase) or joined == phrase]
    found += [word for word in CHINESE if word in name]
    return found[0] if found else None


def _runs(words: list[str], phrase: str) -> bool:
    """Tell whether some words one after the other are the phrase."""
    return any(
        phrase == "".join(words[start:end]) for start in range(len(words)) for end in range(start + 1, len(words) + 1)
    )


def columns_of(engine: Engine) -> Iterator[str]:
    """Name every table and column that is ours."""
    with engine.connect() as connection:
        yield from connection.scalars(
            text("""
            select table_schema || '.' || table_name || '.' || column_name from information_schema.columns
            where table_schema not in ('pg_catalog', 'information_schema')""")
        ).all()


def fields_of(document: Any, within: str = "") -> Iterator[str]:
    """Name every field, parameter and value of a choice in an OpenAPI document."""
    if isinstance(document, list):
        for number, one in enumerate(document):
            yield from fields_of(one, f"{within}[{number}]")
    if not isinstance(document, dict):
        return
    for name in document.get("properties", {}) if isinstance(document.get("properties"), dict) else ():
        yield f"{within}:{name}"
    if isinstance(document.get("name"), str) and "in" in document:
        yield f"{within}:{document['name']}"
    for choice in document.get("enum", []) if isinstance(document.get("enum"), list) else ():
        yield f"{within}:{choice}"
    for key, below in document.items():
        yield from fields_of(below, f"{within}/{key}")


def mapped_by(layers: tuple[ImportLayer, ...]) -> Iterator[str]:
    """Name what a file may call each column of a layer, and the values it may have."""
    for layer in layers:
        for field in layer.fields:
            values = [word for value, also in (field.choices or {}).items() for word in (value, *also)]
            yield from (f"{layer.name}:{name}" for name in (field.name, *field.also, *values))


def told_by_events() -> Iterator[str]:
    """Name what is told with an event anywhere in the program."""
    for module in sorted((ROOT / "gridsvc").rglob("*.py")):
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "record":
                yield from (f"{module.stem}:{one.arg}" for one in node.keywords if one.arg)


def faults(names: Iterator[str]) -> list[str]:
    """Give the names that would hold a trait of a person; their last part counts."""
    walked = list(names)
    assert len(walked) >= 20, "nothing was walked"
    return [name for name in walked if name not in MEANT and forbidden(name.rpartition(":")[2].rpartition(".")[2])]


def test_no_column_of_any_table_can_hold_a_dossier(empty_engine: Engine) -> None:
    assert faults(columns_of(empty_engine)) == []
    assert sum(1 for _ in columns_of(empty_engine)) > 250


def test_no_field_that_http_takes_or_gives_can_hold_a_dossier(service: Service) -> None:
    for address in ("/openapi.json", "/ogc/api"):
        answer = service.client.get(address, headers=service.as_("admin"))
        assert answer.status_code == 200
        assert faults(fields_of(answer.json())) == []


def test_no_file_can_bring_a_dossier_and_no_export_writes_one() -> None:
    assert faults(mapped_by(MAPPINGS)) == []
    assert faults(iter(word for pair in EXPORTED.items() for word in pair)) == []


def test_only_workers_have_a_name_of_a_person() -> None:
    persons = {"姓名", "人名", "xingming", "person", "full_name", "fullname", "surname", "given_name"}
    named = [name for name in mapped_by(MAPPINGS) if name.rpartition(":")[2] in persons]
    assert named == ["workers:姓名"]


def test_no_event_tells_of_a_trait_of_a_person() -> None:
    assert faults(told_by_events()) == []


def test_no_class_of_the_shipped_catalogue_is_about_people() -> None:
    files = sorted((shipped_data() / "catalogue").glob("*.json"))
    assert files
    for file in files:
        given = json.loads(file.read_text(encoding="utf-8"))
        assert faults(iter(name for one in given["classes"] for name in (one["name"], one["name_en"]))) == []


@pytest.mark.parametrize(
    "name",
    [
        *("ethnicity", "ethnic_group", "residentEthnicity", "minzu", "owner_minzu", "民族", "户主民族"),
        *("religion", "religious", "zongjiao", "zong_jiao", "zongjiao_xinyang", "宗教信仰", "belief"),
        *("political_status", "politicalStatus", "party", "zhengzhi_mianmao", "政治面貌", "党员"),
        *(
            "id_card",
            "IDCard",
            "idNumber",
            "identity_number",
            "national_id",
            "shenfenzheng",
            "sfzh",
            "身份证号",
            "证件号码",
        ),
        *("resident", "resident_name", "householder", "tenant", "huzhu", "jumin_xingming", "居民姓名", "户主", "租户"),
        *("health", "disability", "face", "face_image", "license_plate", "plate", "chepai", "人脸", "车牌", "健康状况"),
        *("floating_population", "key_person", "zhongdian_renyuan", "liudong_renkou", "重点人员", "流动人口"),
        *("gender", "sex", "birth_date", "age", "marital", "hukou", "xingbie", "性别", "出生日期", "户籍"),
    ],
)
def test_a_trait_of_a_person_is_known_by_its_name(name: str) -> None:
    assert forbidden(name) is not None


@pytest.mark.parametrize(
    "name",
    [
        *(
            "surface",
            "interface",
            "trace",
            "residential",
            "message",
            "stage",
            "usage",
            "image",
            "households",
            "inhabitants",
        ),
        *("template", "plates_count", "valid_from", "identity", "passed", "户数", "人口", "居住网格", "名称", "网格员"),
    ],
)
def test_the_words_of_the_work_are_none(name: str) -> None:
    assert forbidden(name) is None


def test_a_column_a_field_and_a_mapping_that_are_planted_are_found(empty_engine: Engine, service: Service) -> None:
    with empty_engine.begin() as connection:
        connection.execute(text("alter table building add column resident_name text, add column zongjiao text"))
        connection.execute(text("create table people (code text, id_card text)"))
    found = {name.rpartition(".")[2] for name in faults(columns_of(empty_engine))}
    assert found == {"resident_name", "zongjiao", "id_card"}

    document = service.client.get("/openapi.json").json()
    document["components"]["schemas"]["Report"]["properties"]["politicalStatus"] = {"type": "string"}
    document["components"]["schemas"]["Report"]["properties"]["source"]["enum"].append("重点人员")
    assert [name.rpartition(":")[2] for name in faults(fields_of(document))] == ["politicalStatus", "重点人员"]

    layer = LAYERS["buildings"]
    planted = replace(layer, fields=(*layer.fields, Field("note", also=("备注", "户主姓名"))))
    assert faults(mapped_by((*MAPPINGS, planted))) == ["buildings:户主姓名"]
