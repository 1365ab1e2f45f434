"""The second factor: codes of an app (RFC 6238), recovery codes, and who has to have one.

A code counts once: the last step whose code was used is kept, and no earlier one counts after it.
The secret has to make codes, so it is sealed and not hashed; recovery codes are random enough for
a plain digest.  A passkey is a second factor too (`app.domain.office.ways_in`).
"""

import base64
import hashlib
import hmac
import secrets
import struct
from datetime import datetime
from urllib.parse import quote, urlencode

from sqlalchemy import CursorResult, delete, func, or_, select, update
from sqlalchemy.orm import Session

from app.domain.ground.errors import Conflict, Invalid
from app.domain.ground.safe import Safe
from app.domain.ground.vocabulary import Actor, Area, Right, SecondFactorRule, SignInWay
from app.domain.office import audit, rights, sign_ins
from app.models import Passkey, RecoveryCode, SignIn, User

PURPOSE = "second factor"
STEP_S, DIGITS = 30, 6
#: A phone's clock may be off by so many steps.
DRIFT = 1
RECOVERY_CODES = 10
#: No letter that could be taken for another: people copy these by hand.
_LETTERS = "23456789abcdefghjkmnpqrstuvwxyz"
_WRONG = "That code is wrong, or was used already."


def code_of(secret: bytes, step: int, digits: int = DIGITS) -> str:
    """The code of one step (RFC 4226 section 5.3)."""
    digest = hmac.digest(secret, struct.pack(">Q", step), hashlib.sha1)
    offset = digest[-1] & 15
    number = struct.unpack(">I", digest[offset : offset + 4])[0] & 0x7FFFFFFF
    return f"{number % 10**digits:0{digits}}"


def has_one(user: User) -> bool:
    """Tell whether a password alone does not let this person in."""
    return user.totp_since is not None or bool(user.passkeys)


def is_missing(sign_in: SignIn) -> bool:
    """Tell whether whoever came in so has to set up a second factor before anything else.

    Admins are all who may change staff.  What the organisation's own sign-in asks for is the
    organisation's to decide.
    """
    rule, user = sign_in.tenant.second_factor, sign_in.user
    asked = rule is SecondFactorRule.EVERYBODY or (
        rule is SecondFactorRule.ADMINS and rights.may(rights.of(user), Area.STAFF, Right.WRITE)
    )
    return asked and sign_in.way is not SignInWay.PROVIDER and not has_one(user)


def begin(db: Session, user: User, safe: Safe) -> None:
    """Make a secret that counts once a code of it was right; raises `Conflict`."""
    if user.totp_since is not None:
        raise Conflict("An app makes your codes already. Turn that off first.")
    secret = base64.b32encode(secrets.token_bytes(20)).decode()
    user.totp_secret, user.totp_step = safe.seal(secret), None
    db.flush()


def secret_of(user: User, safe: Safe) -> str:
    """The secret as it is typed into an app (base 32); raises `Conflict` when there is none."""
    if user.totp_secret is None:
        raise Conflict("Begin to set up the app first.")
    return safe.opened(user.totp_secret)


def address(user: User, secret: str, issuer: str = "Ampdesk") -> str:
    """What the QR code holds for the app."""
    label = quote(f"{issuer}:{user.email}", safe="")
    return f"otpauth://totp/{label}?" + urlencode({"secret": secret, "issuer": issuer})


def confirm(
    db: Session, actor: Actor, user: User, safe: Safe, code: str, *, now: datetime
) -> list[str]:
    """Turn the codes on by the first; returns recovery codes, told once.  Raises `Invalid`."""
    if user.totp_since is not None:
        raise Conflict("An app makes your codes already.")
    _use_code(db, user, secret_of(user, safe), code, now)
    user.totp_since = now
    audit.remark(db, actor, "user.second_factor_on", user, "codes of an app", now=now)
    return _new_codes(db, user, now)


def check(db: Session, actor: Actor, user: User, safe: Safe, code: str, *, now: datetime) -> None:
    """Use up a code of the app or a recovery code; raises `Invalid`."""
    typed = "".join(sign for sign in code.casefold() if sign.isalnum())[:40]
    if len(typed) > DIGITS:
        unused = RecoveryCode.user_id == user.id, RecoveryCode.used_at.is_(None)
        of_this = update(RecoveryCode).where(
            *unused, RecoveryCode.code_hash == sign_ins.digest(typed)
        )
        if not _changed_one(db, of_this.values(used_at=now)):
            raise Invalid(_WRONG, field="code")
        left = f"{codes_left(db, user)} left"
        audit.remark(db, actor, "user.recovery_code_used", user, left, now=now)
    elif user.totp_since is None:
        raise Invalid(_WRONG, field="code")
    else:
        _use_code(db, user, secret_of(user, safe), typed, now)


def renew_codes(db: Session, actor: Actor, user: User, *, now: datetime) -> list[str]:
    """Make new recovery codes, told once; the earlier ones let nobody in any more."""
    audit.remark(db, actor, "user.recovery_codes", user, now=now)
    return _new_codes(db, user, now)


def codes_left(db: Session, user: User) -> int:
    """How many recovery codes were not used yet."""
    query = select(func.count(RecoveryCode.id)).where(
        RecoveryCode.user_id == user.id, RecoveryCode.used_at.is_(None)
    )
    return db.scalar(query) or 0


def turn_off(db: Session, actor: Actor, user: User, *, now: datetime) -> None:
    """Want no codes of an app any more."""
    _forget_app(db, user)
    audit.remark(db, actor, "user.second_factor_off", user, now=now)


def reset(db: Session, actor: Actor, user: User, *, now: datetime) -> None:
    """Take away app, recovery codes and passkeys: for somebody who lost them.

    Every sign-in ends; raises `Conflict` when there is nothing to take away, `Forbidden` where
    they may do more than the actor.
    """
    rights.refuse_more(actor, rights.of(user))
    if not has_one(user):
        raise Conflict(f"{user.name} has no second factor.")
    _forget_app(db, user)
    db.execute(delete(Passkey).where(Passkey.user_id == user.id))
    db.expire(user, ["passkeys"])
    sign_ins.end_all(db, user.id, now=now)
    audit.remark(db, actor, "user.second_factor_reset", user, now=now)


def _forget_app(db: Session, user: User) -> None:
    user.totp_secret = user.totp_since = user.totp_step = None
    db.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user.id))
    db.flush()


def _use_code(db: Session, user: User, secret: str, code: str, now: datetime) -> None:
    typed, key = "".join(code.split()), base64.b32decode(secret)
    this = int(now.timestamp()) // STEP_S
    steps = range(this - DRIFT, this + DRIFT + 1)
    fitting = [step for step in steps if hmac.compare_digest(code_of(key, step), typed)]
    # Two requests may bring the same code: the row decides which of them was first.
    if not fitting or not _changed_one(
        db,
        update(User)
        .where(User.id == user.id, or_(User.totp_step.is_(None), User.totp_step < fitting[-1]))
        .values(totp_step=fitting[-1]),
    ):
        raise Invalid(_WRONG, field="code")


def _changed_one(db: Session, statement: object) -> bool:
    result = db.execute(statement)  # type: ignore[call-overload]
    return isinstance(result, CursorResult) and result.rowcount == 1


def _new_codes(db: Session, user: User, now: datetime) -> list[str]:
    db.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user.id))
    codes = ["".join(secrets.choice(_LETTERS) for _ in range(16)) for _ in range(RECOVERY_CODES)]
    for code in codes:
        row = RecoveryCode(user_id=user.id, tenant_id=user.tenant_id, made_at=now)
        row.code_hash = sign_ins.digest(code)
        db.add(row)
    db.flush()
    return ["-".join(code[at : at + 4] for at in range(0, 16, 4)) for code in codes]
