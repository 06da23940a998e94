"""An independent verifier of DKIM signatures: dkimpy with given TXT records."""

import sys

try:
    import dkim
except ModuleNotFoundError:  # another Python than the distribution's runs this
    sys.path.append("/usr/lib/python3/dist-packages")
    import dkim


class Dkim:
    """Verifies against `records`: {"selector._domainkey.domain": text of the TXT record}."""

    def __init__(self, records):
        self._records = {name.rstrip(".").lower(): text for name, text in records.items()}

    def _find(self, name, timeout=5):  # the signature of dkimpy's dnsfunc
        del timeout
        text = self._records.get(name.decode().rstrip(".").lower())
        return text.encode() if text is not None else None

    def count(self, raw):
        """How many DKIM-Signature fields the message has."""
        fields = dkim.DKIM(raw).headers
        return sum(1 for name, _ in fields if name.lower() == b"dkim-signature")

    def verify(self, raw, index=0):
        """Is signature number `index` (0 is the topmost) of the message good?"""
        try:
            return dkim.DKIM(raw, minkey=1024).verify(idx=index, dnsfunc=self._find)
        except dkim.DKIMException:
            return False

    def verify_all(self, raw):
        """Has the message at least one signature, and are all of them good?"""
        count = self.count(raw)
        return count > 0 and all(self.verify(raw, index) for index in range(count))


def sign(raw, selector, domain, private_key_pem):
    """The message with a signature of dkimpy before it, relaxed/relaxed."""
    signature = dkim.sign(
        raw, selector.encode(), domain.encode(), private_key_pem,
        canonicalize=(b"relaxed", b"relaxed"),
    )  # fmt: skip
    return signature + raw
