"""What is sent in the benchmarks: customers, where they receive, and a personalised 10 KB message."""

import os
import random

DOMAINS = 10
SITE_ADDRESSES = [f"127.0.1.{10 + number}" for number in range(DOMAINS)]
ONE_ADDRESS = "127.0.1.2"
ADDRESSES = [ONE_ADDRESS, *SITE_ADDRESSES]
EVERYWHERE = ["0.0.0.0"]
MANY_ZONE = "many.test"
RSA_DOMAIN = "rsa.sender.test"
BOTH_DOMAIN = "both.sender.test"
FIELDS = [
    ("shape", "text"), ("city", "text"), ("rank", "select"), ("points", "integer"),
    ("last_order", "date"), ("coupon", "text"), ("tags", "tags"),
]  # fmt: skip
HEADER = ["email", "name", "kana", *(name for name, _ in FIELDS)]
RANKS = ["gold", "silver", "bronze"]
_FAMILIES = ["佐藤", "鈴木", "高橋", "田中", "伊藤", "Smith", "Müller", "渡辺", "山本", "Dubois"]
_GIVEN = ["花子", "太郎", "美咲", "翔", "陽菜", "Anna", "José", "蓮", "結衣", "大輔"]
_CITIES = ["札幌市", "仙台市", "さいたま市", "横浜市", "名古屋市", "京都市", "大阪市", "福岡市"]
_TAGS = ["coffee", "books", "travel", "garden", "music", "camera"]


def zones(many=0):
    """Ten domains that share one MX ("o0.test" ...), ten with an MX each ("t0.test" ...), and `many`
    with an MX and an address each, which only a receiver on EVERYWHERE has."""
    found = {"one.test": f"mx IN A {ONE_ADDRESS}"}
    for number, address in enumerate(SITE_ADDRESSES):
        found[f"o{number}.test"] = "@ IN MX 10 mx.one.test."
        found[f"t{number}.test"] = f"@ IN MX 10 mx\nmx IN A {address}"
    if many:
        found[MANY_ZONE] = "".join(
            f"d{n} IN MX 10 mx.d{n}\nmx.d{n} IN A 127.{64 + n // 65536}.{n // 256 % 256}.{n % 256}\n"
            for n in range(many)
        )
    return found


def shaping(message_rate="none", one_site_rate=None):
    """No limit but twenty connections for each site; the site that ten domains share can have one
    of its own."""
    own = {} if one_site_rate is None else {"mx.one.test": {"message_rate": one_site_rate}}
    return {
        "version": 1,
        "default": {
            "connections_max": 20,
            "connections_initial": 20,
            "messages_per_connection": 10000,
            "message_rate": message_rate,
            "connection_rate": "none",
        },
        "sites": own,
    }


def add_fields(tenant):
    for name, kind in FIELDS:
        more = {"options": RANKS} if kind == "select" else {}
        tenant.add_field(name, kind, **more)


def _domain_of(shape, number, draw, many):
    if shape == "single":
        return "o0.test"
    if shape == "many":
        return f"d{number % many}.{MANY_ZONE}"
    return f"{shape[0]}{draw.randrange(DOMAINS)}.test"


def write_contacts(path, shapes, many=0):
    """A CSV of `shapes`, {shape: customers}. Returns its bytes.

    "one": ten domains of one site, "ten": of ten sites, "single": one domain, "many": customer after
    customer at the next of `many` domains.
    """
    draw = random.Random(1)
    with open(path, "w", encoding="utf-8", newline="") as out:
        out.write(",".join(HEADER) + "\r\n")
        for shape, customers in shapes.items():
            for number in range(customers):
                domain = _domain_of(shape, number, draw, many)
                row = (
                    f"{shape}.{number:07d}@{domain}",
                    f"{_FAMILIES[number % 10]} {_GIVEN[number // 10 % 10]}",
                    "サトウ ハナコ", shape, _CITIES[number % 8], RANKS[number % 3],
                    str(number * 37 % 10000), f"2026-{1 + number % 12:02d}-{1 + number % 28:02d}",
                    f"{draw.getrandbits(40):010X}", f"{_TAGS[number % 6]};{_TAGS[(number + 2) % 6]}",
                )  # fmt: skip
                out.write(",".join(row) + "\r\n")
    return os.path.getsize(path)


def import_file(tenant, path, deadline_s):
    """Imports the CSV at `path` without reading it into memory; returns the job's counts."""
    with open(path, "rb") as body:
        headers = {"Content-Type": "text/csv", "Content-Length": str(os.path.getsize(path))}
        answer = tenant.need(202, "POST", "/v1/contacts:import", body, headers=headers)
    job = tenant.wait_job(answer.json["job_id"], deadline_s)
    if job["state"] != "done" or job["counts"].get("rejected"):
        raise RuntimeError(f"the import: {job}")
    return job["counts"]


_TEXT = """{{ name | default: 'お客様' }}様

いつもご利用いただきありがとうございます。{{ city }}の皆さまに秋のお知らせです。
{% if rank == 'gold' %}ゴールド会員さまには送料無料のクーポンをお届けします。{% elsif rank == 'silver' %}\
シルバー会員さまは、あと少しでゴールドです。{% else %}次のお買い物でシルバー会員になれます。{% endif %}
現在のポイント: {{ points | number }} 点 / クーポン: {{ coupon }}
{% for tag in tags %}* {{ tag | capitalize }}
{% endfor %}
Dear {{ name }}, your points are {{ points | number }}; your last order was on {{ last_order }}.
"""
_ROW = """    <tr>
      <td style="padding: 8px 16px; border-bottom: 1px solid #dddddd;">Item %02d</td>
      <td style="padding: 8px 16px;"><a href="https://shop.example/item/%02d?c={{ coupon }}">\
{{ city }}</a> Autumn collection, picked for {{ name }}</td>
    </tr>
"""
_HTML = (
    """<html><body style="font-family: sans-serif; color: #222222;">
  <h1>{{ name | default: 'お客様' }}様へ</h1>
  <p>{% if rank == 'gold' %}Free shipping for gold members.{% else %}Members save more.{% endif %}
  {{ points | number }} points, coupon <b>{{ coupon }}</b>, last order {{ last_order }}.</p>
  <ul>{% for tag in tags %}<li>{{ tag | upcase }}</li>{% endfor %}</ul>
  <table>
"""
    + "%s  </table>\n</body></html>\n"
)
#: Rows of the table for so many KB on the wire.
_ROWS = {10: 24, 100: 294}


def campaign(sender_domain, shape=None, kilobytes=10, conditions=(), **changes):
    """About `kilobytes` (10 or 100) on the wire, multipart/alternative; every recipient's bytes are
    different."""
    shaped = [{"field": "shape", "op": "eq", "value": shape}] if shape else []
    rows = "".join(_ROW % (number, number) for number in range(_ROWS[kilobytes]))
    return {
        "name": "Autumn",
        "from": {"email": f"news@{sender_domain}", "name": "店 Shop"},
        "reply_to": f"help@{sender_domain}",
        "subject": "{{ name | default: 'お客様' }}様へ秋のお知らせ",
        "text": _TEXT,
        "html": _HTML.replace("%s", rows),
        "audience": {"where": {"all": [*shaped, *conditions]}},
        "unsubscribe": {"url": "https://shop.example/u/{{ coupon }}", "one_click": True},
        **changes,
    }
