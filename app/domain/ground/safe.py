"""Secrets that have to be read again, so that no hash will do: sealed with the installation's key.

What a safe for one purpose has sealed opens in no other.
"""

import base64
import hashlib

from cryptography.fernet import Fernet, InvalidToken

from app.domain.ground.errors import Conflict


class Safe:
    """Seals secrets of one purpose with a key that is made of the installation's own."""

    def __init__(self, signing_key: str, purpose: str) -> None:
        digest = hashlib.sha256(f"{purpose}\n{signing_key}".encode()).digest()
        self._lock = Fernet(base64.urlsafe_b64encode(digest))

    def seal(self, secret: str) -> str:
        """Make a secret unreadable without the key."""
        return self._lock.encrypt(secret.encode()).decode()

    def opened(self, sealed: str) -> str:
        """Read a secret; raises `Conflict` where the installation's key is another one by now."""
        try:
            return self._lock.decrypt(sealed.encode()).decode()
        except InvalidToken:
            sentence = "Its secret was sealed with another key; give it a new one."
            raise Conflict(sentence) from None
