"""Write the commitment that applicants accept and the agreement that they sign.

Both are documents, not messages: Chinese is what binds, English stands below for the reader.
The agreement is made from the application and the dataset alone, so that it can be shown
before anybody has decided, and again, word for word, when it is signed.
"""

from __future__ import annotations

import hashlib

from ..catalogue import Dataset
from .rows import Application

COMMITMENT_ZH = (
    "本人（本单位）承诺：所填内容真实；只申请实现上述目的所必需的数据；"
    "不对数据中的个人进行再识别；不向第三方转让或再分发原始数据；"
    "按所述措施保障数据安全；按约定反馈利用成果。"
)
COMMITMENT_EN = (
    "I (we) declare: what is said here is true; only the data that the purpose needs is asked "
    "for; nobody in the data will be re-identified; the data is not passed on to others; it is "
    "kept safe as described; the use will be reported as agreed."
)

_ZH = """数据利用协议

提供方：{provider}（{provider_code}）
利用方：{user}（{user_code}）
联系人：{contact}

一、数据：《{title}》（{name}，标识 {uid}），申请范围：{items}
二、目的与场景：{purpose}；{scenario}
三、利用方式：{method}
四、期限：自开放之日起 {days} 天，到期自动终止。
五、开放条件：{condition}
六、利用方应当：仅为上述目的利用数据；不再识别个人；不向第三方转让或再分发原始数据；\
采取所述安全措施：{security}；成果注明数据来源；在期限内反馈利用成果。
七、提供方发现违反本协议或法律法规的，可以立即终止开放；终止或到期后，利用方应删除数据。
八、数据许可：{licence}。"""

_EN = """Agreement on the use of data (translation; the Chinese text binds)

Provider: {provider} ({provider_code})
User: {user} ({user_code})
Contact: {contact}

1. Data: “{title}” ({name}, id {uid}); items asked for: {items}
2. Purpose and scenario: {purpose}; {scenario}
3. How it is used: {method}
4. Term: {days} days from the day on which the files are opened; it ends by itself.
5. Conditions: {condition}
6. The user uses the data for this purpose only; re-identifies nobody; passes the data on to \
nobody; keeps it safe as described: {security}; names the source in what is made of it; and \
reports the use within the term.
7. The provider may end the access at once where this agreement or the law is broken. After \
the end the user deletes the data.
8. Licence of the data: {licence}."""

_METHODS = {"files": ("文件", "files"), "api": ("接口", "API")}


def agreement_text(application: Application, dataset: Dataset) -> str:
    """Return the agreement between the provider and an applicant, Chinese and then English."""
    zh, en = _METHODS.get(application.access_method or "", ("—", "—"))
    shared = {
        "provider": dataset.provider or dataset.organisation.name,
        "provider_code": dataset.provider_code or "—",
        "user": application.organisation_name or application.contact_name or "—",
        "user_code": application.organisation_code or "—",
        "contact": application.contact_name or "—",
        "name": dataset.full_name,
        "uid": dataset.uid,
        "items": application.requested_items or "—",
        "purpose": application.purpose or "—",
        "scenario": application.scenario or "—",
        "days": application.term_days or "—",
        "condition": dataset.open_condition or "—",
        "security": application.security_statement or "—",
        "licence": dataset.licence,
    }
    chinese = _ZH.format(**shared, title=dataset.title, method=zh)
    english = _EN.format(**shared, title=dataset.title_en or dataset.title, method=en)
    return f"{chinese}\n\n{english}\n"


def digest(text: str) -> str:
    """Return the SHA-256 of a text, by which a page says which one it has shown."""
    return hashlib.sha256(text.encode()).hexdigest()
